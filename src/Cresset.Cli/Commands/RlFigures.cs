using System.Globalization;
using Cresset.Plots;
using Cresset.Rl;
using SolveRequest = Cresset.Cli.Commands.RlSolveCommand.SolveRequest;

namespace Cresset.Cli.Commands;

/// <summary>Pictures of solutions: value maps with policy arrows, learning curves with bands, blackjack surfaces, cost to go.</summary>
internal static class RlFigures
{
    public static IEnumerable<(string Name, Figure Figure)> Of(SolveRequest request, Solution solution)
    {
        if (solution.Policy.Values.Length > 0 && request.Environment.Make() is IGridWorld world) yield return ("values", Grid(request, world, solution.Policy));
        if (request.Environment.Make() is Blackjack)
        {
            yield return ("blackjack-no-ace", Blackjack(solution.Policy, usableAce: false));
            yield return ("blackjack-ace", Blackjack(solution.Policy, usableAce: true));
        }
        if (solution.Policy.Weights.Length > 0) yield return ("cost-to-go", CostToGo(solution.Policy));
        if (solution.Learning is { } records && records[0].Count > 1)
        {
            yield return ("returns", Curve(request, records, e => e.Return, "return"));
            yield return ("lengths", Curve(request, records, e => e.Length, "steps"));
        }
        if (solution.Planning is { } plan && plan.Trace.Count > 2)
        {
            double[] xs = [.. plan.Trace.Select(t => (double)t.Iteration)];
            double[] ys = [.. plan.Trace.Select(t => Math.Max(t.Change, 1e-17))];
            yield return ("convergence", new Chart(new() { Title = $"{request.Environment.Name}, {request.Algorithm}", XLabel = "iteration", YLabel = "largest change", LogY = true, Legend = LegendPlace.None })
                .Line<double, double>(null, xs, ys));
        }
    }

    /// <summary>Arrows for the terminal, or null where states are no cells.</summary>
    public static string? Text(SolveRequest request, Solution solution)
    {
        if (solution.Policy.Actions.Length == 0 || request.Environment.Make() is not IGridWorld world) return null;
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
                    _ when solution.Policy.Actions[state] < 0 => '.',
                    GridCellKind.Goal => 'G',
                    _ => world.MoveOf(solution.Policy.Actions[state]) switch { (-1, 0) => '↑', (1, 0) => '↓', (0, -1) => '←', (0, 1) => '→', (-1, -1) => '↖', (-1, 1) => '↗', (1, -1) => '↙', (1, 1) => '↘', _ => 'o' },
                };
                text.Append(CultureInfo.InvariantCulture, $" {arrow} {solution.Policy.Values[state],8:0.00}");
            }
            text.AppendLine();
        }
        return text.ToString();
    }

    private static Chart Grid(SolveRequest request, IGridWorld world, SolvedPolicy policy)
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
            Title = string.Create(CultureInfo.InvariantCulture, $"{policy.Environment}, {policy.Algorithm}, gamma {request.Gamma}"),
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
                texts[(row * 10) + dealer - 1] = (policy.Actions[state] == 1 ? "H " : "S ") + policy.Values[state].ToString("0.00", CultureInfo.InvariantCulture);
            }
        }
        return new Chart(new() { Title = $"Blackjack, {(usableAce ? "usable ace" : "no usable ace")} (H hit, S stick), {policy.Algorithm}", XLabel = "dealer shows", YLabel = "player's sum", Legend = LegendPlace.None, Width = 900, Height = 620 })
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
        var learner = RlSolveCommand.TileLearner(0);
        policy.Weights.CopyTo(learner.Weights, 0);
        var cost = new double[Side * Side];
        for (var i = 0; i < cost.Length; i++)
        {
            var state = RlSolveCommand.CarState(i % Side, i / Side, Side - 1);
            cost[i] = -Enumerable.Range(0, 3).Max(a => learner.Value(state, a));
        }
        return new Chart(new() { Title = $"Cost to go, {policy.Algorithm}", XLabel = "position", YLabel = "velocity", Legend = LegendPlace.None, Width = 760, Height = 560 })
            .Surface<double>(cost, Side, Side, new PlotArea(-1.2, 0.6, -0.07, 0.07), new() { ColorBarLabel = "steps" })
            .Contours<double>(cost, Side, Side, new PlotArea(-1.2, 0.6, -0.07, 0.07));
    }

    private static Chart Curve(SolveRequest request, IReadOnlyList<List<EpisodeRecord>> records, Func<EpisodeRecord, double> value, string label)
    {
        var count = records.Min(r => r.Count);
        var window = Math.Max(1, count / 50);
        var points = count - window + 1;
        double[] xs = new double[points], mean = new double[points], low = new double[points], high = new double[points];
        for (var i = 0; i < points; i++)
        {
            double[] smoothed = [.. records.Select(r => r.Skip(i).Take(window).Average(value))];
            (xs[i], mean[i]) = (i + window, smoothed.Average());
            // A band of 95 % for the mean over the seeds.
            var deviation = smoothed.Length < 2 ? 0 : Math.Sqrt(smoothed.Sum(y => (y - mean[i]) * (y - mean[i])) / (smoothed.Length - 1));
            var width = 1.96 * deviation / Math.Sqrt(smoothed.Length);
            (low[i], high[i]) = (mean[i] - width, mean[i] + width);
        }
        return new Chart(new() { Title = $"{request.Environment.Name}, {request.Algorithm}, {records.Count} seeds, mean of {window} episodes", XLabel = "episode", YLabel = label, Legend = LegendPlace.None })
            .Band<double, double>(xs, low, high)
            .Line<double, double>(null, xs, mean);
    }
}
