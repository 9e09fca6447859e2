using System.Globalization;
using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Rl;
using Cresset.Runs;

namespace Cresset.Recipes;

/// <summary>
/// The deadly triad: on Baird's counterexample semi-gradient TD and even dynamic programming diverge, TDC, GTD2 and emphatic TD do not.
/// </summary>
[Part("rl-baird")]
public sealed class BairdJob : IJob
{
    private const string Section = "baird";

    /// <inheritdoc/>
    public string Name => "rl-baird";

    /// <inheritdoc/>
    public string Summary => "Baird's counterexample: semi-gradient TD diverges, gradient and emphatic TD converge.";

    /// <inheritdoc/>
    public IReadOnlyList<OptionsSection> Sections => [new(Section, new BairdOptions())];

    /// <inheritdoc/>
    public JobOutcome Run(JobContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var options = context.Options<BairdOptions>(Section);
        (context.Recorder as Run)?.TruncateAfter(-1);
        (string Tag, string Title, Func<BairdOptions, IEnumerable<double[]>> Weights)[] methods =
        [
            ("td", "semi-gradient off-policy TD (diverges)", o => Sampled(o, new LinearTd(8, BairdCounterexample.Gamma, StepSizeRule.Constant(o.Alpha)))),
            ("dp", "semi-gradient dynamic programming (diverges)", Swept),
            ("tdc", "TDC, sampled", o => Sampled(o, Gradient(o, GradientTdKind.Tdc))),
            ("expected-tdc", "TDC, expected updates", ExpectedTdc),
            ("gtd2", "GTD2, sampled", o => Sampled(o, Gradient(o, GradientTdKind.Gtd2))),
            ("emphatic", "emphatic TD, expected updates", ExpectedEmphatic),
        ];
        var metrics = new Dictionary<string, double>();
        var charts = new List<Picture>();
        var progress = new StudyProgress(context.Progress, methods.Length, "method");
        foreach (var (tag, title, weights) in methods)
        {
            if (context.Cancellation.IsCancellationRequested) return new JobOutcome(false, new Dictionary<string, double>(), []);
            var history = new List<double[]> { BairdCounterexample.InitialWeights() };
            history.AddRange(weights(options));
            for (var step = 0; step < history.Count; step++)
            {
                context.Recorder.Scalar($"value_error/{tag}", step, BairdCounterexample.ValueError(history[step]));
                context.Recorder.Scalar($"bellman_error/{tag}", step, BairdCounterexample.BellmanError(history[step]));
            }
            metrics[$"largest_weight/{tag}"] = history[^1].Max(Math.Abs);
            metrics[$"value_error/{tag}"] = BairdCounterexample.ValueError(history[^1]);
            metrics[$"bellman_error/{tag}"] = BairdCounterexample.BellmanError(history[^1]);
            charts.Add(Panel(title, history));
            progress.Advance(string.Create(CultureInfo.InvariantCulture, $"{title}: value error {BairdCounterexample.ValueError(history[^1]):G4}"));
        }
        BookComparison.Report(context, [.. options.Book.Select(b => new ComparedFigure(b.Metric, metrics.GetValueOrDefault(b.Metric, double.NaN), 0, b.Value, b.Tolerance))], metrics);
        var sheet = ImageGrid.Render(charts, new ImageGridOptions { Columns = 2, Scale = 1, Title = "Baird's counterexample" });
        var path = context.Recorder.Picture("baird", 0, sheet.ToPng(), "Weights, value error and Bellman error of each method.");
        return new JobOutcome(true, metrics, path is null ? [] : [path]);
    }

    /// <inheritdoc/>
    public JobOutcome Evaluate(JobContext context) => throw new NotSupportedException($"This study is its own evaluation: see {BookComparison.FileName} and the picture in the run's folder.");

    /// <inheritdoc/>
    public JobOutcome Sample(JobContext context, SampleRequest request) => throw new NotSupportedException("This study does not generate anything to sample; its picture is in the run's folder.");

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

    private static Picture Panel(string title, List<double[]> history)
    {
        double[] steps = [.. Enumerable.Range(0, history.Count).Select(i => (double)i)];
        double[] Series(Func<double[], double> value) => [.. history.Select(value)];
        return new Chart(new() { Title = title, XLabel = "step or sweep", Width = 620, Height = 380, Legend = history[^1].Max(Math.Abs) > history[0].Max(Math.Abs) ? LegendPlace.UpperLeft : LegendPlace.UpperRight })
            .Line<double, double>("w1 to w6 (mean)", steps, Series(w => w.Take(6).Average()))
            .Line<double, double>("w7", steps, Series(w => w[6]))
            .Line<double, double>("w8", steps, Series(w => w[7]))
            .Line<double, double>("value error", steps, Series(w => BairdCounterexample.ValueError(w)), new() { Dashed = true })
            .Line<double, double>("Bellman error", steps, Series(w => BairdCounterexample.BellmanError(w)), new() { Dashed = true })
            .ToPicture();
    }
}
