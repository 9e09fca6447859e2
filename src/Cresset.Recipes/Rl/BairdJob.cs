using System.Globalization;
using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Rl;

namespace Cresset.Recipes;

/// <summary>
/// The deadly triad: on Baird's counterexample semi-gradient TD and even dynamic programming diverge, TDC, GTD2 and emphatic TD do not.
/// </summary>
[Part("rl-baird")]
internal sealed class BairdJob : StudyJob<BairdOptions, BairdJob.History>
{
    private static readonly (string Tag, string Title, Func<BairdOptions, IEnumerable<double[]>> Weights)[] Methods =
    [
        ("td", "semi-gradient off-policy TD (diverges)",
            o => Sampled(o, new LinearTd(8, BairdCounterexample.Gamma, StepSizeRule.Constant(o.Alpha)))),
        ("dp", "semi-gradient dynamic programming (diverges)", Swept),
        ("tdc", "TDC, sampled", o => Sampled(o, Gradient(o, GradientTdKind.Tdc))),
        ("expected-tdc", "TDC, expected updates", ExpectedTdc),
        ("gtd2", "GTD2, sampled", o => Sampled(o, Gradient(o, GradientTdKind.Gtd2))),
        ("emphatic", "emphatic TD, expected updates", ExpectedEmphatic),
    ];

    /// <inheritdoc/>
    public override string Name => "rl-baird";

    /// <inheritdoc/>
    public override string Summary => "Baird's counterexample: semi-gradient TD diverges, gradient and emphatic TD converge.";

    /// <inheritdoc/>
    protected override string Section => "baird";

    /// <inheritdoc/>
    protected override string CellWord => "method";

    /// <inheritdoc/>
    protected override IReadOnlyList<string> Cells(BairdOptions options) => [.. Methods.Select(m => m.Tag)];

    /// <inheritdoc/>
    protected override History Measure(BairdOptions options, StudyCell<History> cell)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(cell);
        var (tag, title, weights) = Methods[cell.Index];
        List<double[]> history = [BairdCounterexample.InitialWeights(), .. weights(options)];
        foreach (var (step, w) in history.Index())
        {
            cell.Scalar($"value_error/{tag}", step, BairdCounterexample.ValueError(w));
            cell.Scalar($"bellman_error/{tag}", step, BairdCounterexample.BellmanError(w));
        }
        cell.Figures = string.Create(CultureInfo.InvariantCulture,
            $"{title}: value error {BairdCounterexample.ValueError(history[^1]):G4}");
        return new History(history);
    }

    /// <inheritdoc/>
    protected override JobOutcome Report(JobContext context, BairdOptions options, IReadOnlyList<History> cells)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(options);
        var metrics = new Dictionary<string, double>();
        var charts = new List<Picture>();
        foreach (var ((tag, title, _), history) in Methods.Zip(cells))
        {
            var last = history.Weights[^1];
            metrics[$"largest_weight/{tag}"] = last.Max(Math.Abs);
            metrics[$"value_error/{tag}"] = BairdCounterexample.ValueError(last);
            metrics[$"bellman_error/{tag}"] = BairdCounterexample.BellmanError(last);
            charts.Add(Panel(title, history.Weights));
        }
        var table = BookComparison.Report(context,
            [.. options.Book.Select(
                b => new ComparedFigure(b.Metric, metrics.GetValueOrDefault(b.Metric, double.NaN), 0, b.Value, b.Tolerance))], metrics);
        var sheet = ImageGrid.Render(charts, new ImageGridOptions { Columns = 2, Scale = 1, Title = "Baird's counterexample" });
        var path = context.Recorder.Picture("baird", 0, sheet.ToPng(), "Weights, value error and Bellman error of each method.");
        return new JobOutcome(true, metrics, path is null ? [] : [path]) { Table = table };
    }

    private static GradientTd Gradient(BairdOptions options, GradientTdKind kind)
        => new(8, BairdCounterexample.Gamma, kind, StepSizeRule.Constant(options.GradientAlpha), StepSizeRule.Constant(options.Beta));

    private static List<double[]> Sampled(BairdOptions options, LinearValueLearner learner)
    {
        var history = new List<double[]>();
        BairdCounterexample.Run(learner, options.Steps, new RandomStream((ulong)options.Seed), (_, weights) => history.Add([.. weights]));
        return history;
    }

    private static IEnumerable<double[]> Swept(BairdOptions options)
    {
        var weights = BairdCounterexample.InitialWeights();
        for (var i = 0; i < options.Steps; i++)
        {
            BairdCounterexample.DynamicProgrammingSweep(weights, options.Alpha);
            yield return [.. weights];
        }
    }

    private static IEnumerable<double[]> ExpectedTdc(BairdOptions options)
    {
        var (weights, auxiliary) = (BairdCounterexample.InitialWeights(), new double[8]);
        for (var i = 0; i < options.Steps; i++)
        {
            BairdCounterexample.ExpectedTdcSweep(weights, auxiliary, options.GradientAlpha, options.Beta);
            yield return [.. weights];
        }
    }

    private static IEnumerable<double[]> ExpectedEmphatic(BairdOptions options)
    {
        var (weights, emphasis) = (BairdCounterexample.InitialWeights(), 0.0);
        for (var i = 0; i < options.Steps; i++)
        {
            emphasis = BairdCounterexample.ExpectedEmphaticSweep(weights, emphasis, options.EmphaticAlpha);
            yield return [.. weights];
        }
    }

    private static Picture Panel(string title, IReadOnlyList<double[]> history)
    {
        double[] steps = [.. Enumerable.Range(0, history.Count).Select(i => (double)i)];
        double[] Series(Func<double[], double> value) => [.. history.Select(value)];
        return new Chart(
            new()
            {
                Title = title,
                XLabel = "step or sweep",
                Width = 620,
                Height = 380,
                Legend = history[^1].Max(Math.Abs) > history[0].Max(Math.Abs) ? LegendPlace.UpperLeft : LegendPlace.UpperRight
            })
            .Line<double, double>("w1 to w6 (mean)", steps, Series(w => w.Take(6).Average()))
            .Line<double, double>("w7", steps, Series(w => w[6]))
            .Line<double, double>("w8", steps, Series(w => w[7]))
            .Line<double, double>("value error", steps, Series(w => BairdCounterexample.ValueError(w)), new() { Dashed = true })
            .Line<double, double>("Bellman error", steps, Series(w => BairdCounterexample.BellmanError(w)), new() { Dashed = true })
            .ToPicture();
    }

    /// <summary>How the weights of a method went.</summary>
    /// <param name="Weights">The eight weights after each step or sweep, the initial ones first.</param>
    public sealed record History(IReadOnlyList<double[]> Weights);
}
