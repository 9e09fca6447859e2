using System.Globalization;
using Cresset.Plots;
using Cresset.Rl;

namespace Cresset.Recipes;

/// <summary>Pictures of solutions: value maps with policy arrows, learning curves with bands, blackjack surfaces, cost to go.</summary>
public static class RlFigures
{
    /// <summary>All pictures of a solution, by name.</summary>
    public static IEnumerable<(string Name, Figure Figure)> Of(RlSolveOptions options, RlSolution solution)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(solution);
        if (solution.Policy.Values.Length > 0 && options.Environment.Make() is IGridWorld world)
            yield return ("values",
                Grid(world, solution.Policy,
                    $"{solution.Policy.Environment}, {solution.Policy.Algorithm}, gamma "
                        + $"{options.Gamma.ToString(CultureInfo.InvariantCulture)}"));
        if (options.Environment.Make() is Blackjack)
        {
            yield return ("blackjack-no-ace", Blackjack(solution.Policy, usableAce: false));
            yield return ("blackjack-ace", Blackjack(solution.Policy, usableAce: true));
        }
        if (solution.Policy.Weights.Length > 0) yield return ("cost-to-go", CostToGo(solution.Policy));
        if (solution.Learning is { } records && records[0].Count > 1)
        {
            yield return ("returns", Curve(options, records, e => e.Return, "return"));
            yield return ("lengths", Curve(options, records, e => e.Length, "steps"));
        }
        if (solution.PolicyValues is { } values) yield return ("policy-value", PolicyValue(options, values));
        if (solution.Planning is { } plan && plan.Trace.Count > 2)
        {
            double[] xs = [.. plan.Trace.Select(t => (double)t.Iteration)];
            double[] ys = [.. plan.Trace.Select(t => Math.Max(t.Change, 1e-17))];
            yield return ("convergence",
                new Chart(
                    new()
                    {
                        Title = $"{solution.Policy.Environment}, {options.Method}",
                        XLabel = "iteration",
                        YLabel = "largest change",
                        LogY = true,
                        Legend = LegendPlace.None
                    })
                .Line<double, double>(null, xs, ys));
        }
    }

    /// <summary>Arrows and values for the terminal, or null where states are not cells.</summary>
    public static string? Text(EnvironmentSource environment, SolvedPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentNullException.ThrowIfNull(policy);
        if (policy.Actions.Length == 0 || environment.Make() is not IGridWorld world) return null;
        var text = new System.Text.StringBuilder();
        for (var row = 0; row < world.Rows; row++)
        {
            for (var column = 0; column < world.Columns; column++)
            {
                var state = (row * world.Columns) + column;
                var arrow = world.KindOf(row, column) switch
                {
                    GridCellKind.Wall => '#',
                    GridCellKind.Trap => 'x',
                    _ when policy.Actions[state] < 0 => '.',
                    GridCellKind.Goal => 'G',
                    _ => world.MoveOf(policy.Actions[state]) switch
                    {
                        (-1, 0) => '↑',
                        (1, 0) => '↓',
                        (0, -1) => '←',
                        (0, 1) => '→',
                        (-1, -1) => '↖',
                        (-1, 1) => '↗',
                        (1, -1) => '↙',
                        (1, 1) => '↘',
                        _ => 'o',
                    },
                };
                text.Append(CultureInfo.InvariantCulture, $" {arrow} {policy.Values[state],8:0.00}");
            }
            text.AppendLine();
        }
        return text.ToString();
    }

    /// <summary>Values of a grid as colours with the policy as arrows.</summary>
    internal static Chart Grid(IGridWorld world, SolvedPolicy policy, string title)
    {
        var cells = new double[world.Rows * world.Columns];
        List<double> xs = [], ys = [], dxs = [], dys = [];
        for (var state = 0; state < cells.Length; state++)
        {
            var (row, column) = world.CellOf(state);
            var kind = world.KindOf(row, column);
            // Cells that are never stood on have neither value nor arrow.
            var empty = kind is GridCellKind.Wall or GridCellKind.Trap;
            cells[state] = empty ? double.NaN : policy.Values[state];
            if (empty || policy.Actions[state] < 0 || (kind == GridCellKind.Goal && policy.Values[state] == 0)) continue;
            var (down, right) = world.MoveOf(policy.Actions[state]);
            if (down == 0 && right == 0) continue;
            xs.Add(column + (0.12 * right));
            ys.Add(-row - 0.27);
            dxs.Add(0.36 * right);
            dys.Add(-0.3 * down);
        }
        var large = cells.Length > 150;
        var chart = new Chart(new()
        {
            Title = title,
            Width = Math.Clamp(world.Columns * 90, 420, 1100) + 110,
            Height = Math.Clamp(world.Rows * 90, 300, 800) + 70,
            Legend = LegendPlace.None,
        });
        return chart.HeatMap<double>(cells, world.Rows, world.Columns, new() { ShowValues = !large, ValueFormat = "0.0#" })
            .Arrows<double>(xs.ToArray(), ys.ToArray(), dxs.ToArray(), dys.ToArray());
    }

    private static Chart Blackjack(SolvedPolicy policy, bool usableAce)
    {
        const int Low = 12, Rows = 10;
        var cells = new double[Rows * 10];
        var texts = new string[Rows * 10];
        for (var row = 0; row < Rows; row++)
        {
            for (var dealer = 1; dealer <= 10; dealer++)
            {
                var state = BlackjackModel.State(Low + Rows - 1 - row, dealer, usableAce);
                cells[(row * 10) + dealer - 1] = policy.Values[state];
                texts[(row * 10) + dealer - 1] = (policy.Actions[state] == 1 ? "H " : "S ")
                    + policy.Values[state].ToString("0.00", CultureInfo.InvariantCulture);
            }
        }
        return new Chart(
            new()
            {
                Title = $"Blackjack, {(usableAce ? "usable ace" : "no usable ace")} (H hit, S stick), {policy.Algorithm}",
                XLabel = "dealer shows",
                YLabel = "player's sum",
                Legend = LegendPlace.None,
                Width = 900,
                Height = 620
            })
            .HeatMap<double>(cells, Rows, 10, new()
            {
                CellTexts = texts,
                RowLabels = [.. Enumerable.Range(0, Rows).Select(r => $"{Low + Rows - 1 - r}")],
                ColumnLabels = ["A", .. Enumerable.Range(2, 9).Select(d => $"{d}")],
            });
    }

    private static Chart CostToGo(SolvedPolicy policy)
    {
        const int Side = 60;
        var learner = MountainCarTiles.Stored(policy.Weights);
        var cost = new double[Side * Side];
        for (var i = 0; i < cost.Length; i++)
        {
            var state = MountainCarTiles.State(i % Side, i / Side, Side - 1);
            cost[i] = -Enumerable.Range(0, 3).Max(a => learner.Value(state, a));
        }
        return new Chart(
            new()
            {
                Title = $"Cost to go, {policy.Algorithm}",
                XLabel = "position",
                YLabel = "velocity",
                Legend = LegendPlace.None,
                Width = 760,
                Height = 560
            })
            .Surface<double>(cost, Side, Side, new PlotArea(-1.2, 0.6, -0.07, 0.07), new() { ColorBarLabel = "steps" })
            .Contours<double>(cost, Side, Side, new PlotArea(-1.2, 0.6, -0.07, 0.07));
    }

    private static Chart Curve(RlSolveOptions options, IReadOnlyList<IReadOnlyList<EpisodeRecord>> records,
        Func<EpisodeRecord, double> value, string label)
    {
        var window = Math.Max(1, records.Min(r => r.Count) / 50);
        var curve = SeedBand.Of([.. records.Select(r => r.Select(value).ToArray())], window);
        return new Chart(
            new()
            {
                Title = $"{options.Environment.Name}, {options.Method}, {records.Count} seeds, mean of {window} episodes",
                XLabel = "episode",
                YLabel = label,
                Legend = LegendPlace.None
            })
            .Band<double, double>(curve.Xs, curve.Low, curve.High)
            .Line<double, double>(null, curve.Xs, curve.Mean);
    }

    private static Chart PolicyValue(RlSolveOptions options, IReadOnlyList<IReadOnlyList<double>> values)
    {
        var curve = SeedBand.Of([.. values.Select(v => v.ToArray())], 1);
        double[] episodes = [.. curve.Xs.Select(x => x * options.Episodes / ExploringStartsRun.Parts)];
        return new Chart(
            new()
            {
                Title = $"{options.Environment.Name}, {options.Method}, {values.Count} seeds",
                XLabel = "episode",
                YLabel = "exact value of the greedy policy at the start",
                Legend = LegendPlace.None
            })
            .Band<double, double>(episodes, curve.Low, curve.High)
            .Line<double, double>(null, episodes, curve.Mean, new() { Markers = true });
    }
}
