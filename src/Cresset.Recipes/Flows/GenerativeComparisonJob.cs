using System.Globalization;
using System.Text;
using Cresset.Flows;
using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Normalizing flow, continuous flow, flow matching and diffusion on the same data in the plane: likelihood, exact W2 by network
/// evaluations and training cost, as one table (comparison.md) and one picture.
/// </summary>
[Part("generative-comparison")]
internal sealed class GenerativeComparisonJob : StudyJob<GenerativeComparisonOptions, GenerativeComparisonJob.Row>
{
    private const string ContinuousName = "continuous flow";

    /// <inheritdoc/>
    public override string Name => "generative-comparison";

    /// <inheritdoc/>
    public override string Summary =>
        "Normalizing flow, continuous flow, flow matching and diffusion on the same data: one table, one figure.";

    internal override bool ComputesInLibtorch => true;

    /// <inheritdoc/>
    protected override string Section => "study";

    /// <inheritdoc/>
    protected override string CellWord => "model";

    /// <inheritdoc/>
    protected override IReadOnlyList<string> Cells(GenerativeComparisonOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return [.. Contenders(options).Select(c => c.Name)];
    }

    /// <inheritdoc/>
    protected override Row Measure(GenerativeComparisonOptions options, StudyCell<Row> cell)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(cell);
        var threads = get_num_threads();
        // Networks this small lose more to waiting threads than they win.
        set_num_threads(1);
        try
        {
            return Compare(options, cell);
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    private static Row Compare(GenerativeComparisonOptions options, StudyCell<Row> cell)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator((ulong)options.Seed + 1);
        var test = options.Density.Draw(options.Samples, 987_654_321);
        var noise = randn(options.Samples, 2, generator: generator);
        // One stream runs through all models: each goes on where the one before it stopped.
        if (cell.Earlier.Count > 0) generator.Restore(tensor(cell.Earlier[^1].Stream));
        using var contender = Contenders(options)[cell.Index].Make();
        var module = contender.Module;
        Cresset.Tensors.Initialize.Reset(module, generator);
        var rate = contender.Name == ContinuousName ? options.LikelihoodRate : options.LearningRate;
        var seconds = contender.Train(step => options.Density.Draw(options.BatchSize, unchecked(options.Seed * 7919 + step)), rate,
            generator, cell.Cancellation);
        using var quiet = no_grad();
        List<Point> points = [];
        float[] cloud = [];
        foreach (var (sampler, evaluations, samples) in contender.Samples(noise, generator))
        {
            points.Add(new Point(sampler, evaluations, OptimalTransport.Wasserstein(samples, test)));
            cloud = samples.t().contiguous().data<float>().ToArray();
        }
        var likelihood = contender.Likelihood(test);
        var row = new Row(contender.Name, module.parameters().Sum(p => p.numel()), contender.Steps, seconds, likelihood, points, cloud,
            generator.get_state().bytes.ToArray());
        cell.Scalar($"w2/{row.Name}", 0, points.Min(p => p.W2));
        cell.Notice(string.Create(CultureInfo.InvariantCulture, $"{row.Name}: W2 {points.Min(p => p.W2):0.000}, {seconds:0} s"));
        return row;
    }

    private static (string Name, Func<GenerativeContender> Make)[] Contenders(GenerativeComparisonOptions o)
    {
        MlpVelocity Network(ActivationOptions activation) =>
            new(new MlpVelocityOptions { Hidden = [o.Width, o.Width, o.Width], Activation = activation });
        var couplings = new VectorFlowOptions
        {
            Transforms = o.Couplings,
            Hidden = [o.Width, o.Width],
            Spline = SplineOptions.Bounded(5) with { RawScale = 1 / Math.Sqrt(o.Width) }
        };
        return
        [
            ("spline flow", () => new LikelihoodContender("spline flow", new NeuralSplineCouplingFlow(couplings), o.Steps, o.Couplings)),
            (ContinuousName,
                () => new LikelihoodContender(ContinuousName,
                    new ContinuousFlow(Network(new SoftplusActivation()), new NormalBase(2),
                        new CnfOptions { Solver = OdeOptions.Dopri5(1e-4) }), o.LikelihoodSteps, 0)),
            ("flow matching",
                () => new MatchingContender("flow matching", Network(new SeluActivation()), o.RegressionSteps, transport: false)),
            ("OT flow matching",
                () => new MatchingContender("OT flow matching", Network(new SeluActivation()), o.RegressionSteps, transport: true)),
            ("diffusion", () => new DiffusionContender(Network(new SeluActivation()), o.RegressionSteps, o.DiffusionSteps)),
        ];
    }

    /// <inheritdoc/>
    protected override JobOutcome Report(JobContext context, GenerativeComparisonOptions options, IReadOnlyList<Row> cells)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(options);
        using var scope = NewDisposeScope();
        var rows = cells;
        var test = options.Density.Draw(options.Samples, 987_654_321);
        var entropy = -options.Density.Log(test).Average();
        var floor = OptimalTransport.Wasserstein(options.Density.Draw(options.Samples, 123), test);
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture,
            $"{PartCatalog.NameOf(options.Density.GetType())}: the exact density has {entropy:0.000} nats on the {options.Samples} test "
                + $"points; two exact samples are {floor:0.000} apart (W2).");
        text.AppendLine()
            .AppendLine(
                "| model | parameters | training steps | processor s | nats | evaluations of a likelihood | W2 (evaluations of a sample) "
                    + "|");
        text.AppendLine("| --- | --- | --- | --- | --- | --- | --- |");
        foreach (var r in rows)
        {
            var likelihood = r.Likelihood is { } l ? string.Create(CultureInfo.InvariantCulture, $"{l.Nll:0.000} | {l.Evaluations}")
                : "only a bound | ";
            var quality = string.Join(", ",
                r.Points.Select(
                    p => string.Create(CultureInfo.InvariantCulture,
                        $"{p.W2:0.000} ({p.Sampler}{(p.Sampler == "dopri5" ? $", {p.Evaluations}" : "")})")));
            text.AppendLine(CultureInfo.InvariantCulture,
                $"| {r.Name} | {r.Parameters} | {r.Steps} | {r.Seconds:0} | {likelihood} | {quality} |");
        }
        AtomicFile.WriteText(Path.Combine(context.Folder, "comparison.md"), text.ToString());
        context.Recorder.Text("comparison", 0, text.ToString());
        var curve = new Chart(
            new ChartOptions
            {
                Title = "W2 by network evaluations per sample",
                XLabel = "evaluations",
                YLabel = "W2",
                Width = 420,
                Height = 380,
                LogX = true,
                LogY = true
            });
        foreach (var r in rows)
        {
            double[] xs = [.. r.Points.Select(p => (double)p.Evaluations)], ys = [.. r.Points.Select(p => p.W2)];
            if (xs.Length == 1) curve.Scatter<double, double>(r.Name, xs, ys, 9);
            else curve.Line<double, double>(r.Name, xs, ys);
        }
        curve.HorizontalLine(floor, "two exact samples");
        var exact = test.t().contiguous().data<float>().ToArray();
        List<Picture> panels = [Cloud("data", exact), .. rows.Select(r => Cloud($"{r.Name}, {r.Points[^1].Sampler}", r.Cloud)),
            curve.ToPicture()];
        var png = ImageGrid.Render(panels, new ImageGridOptions { Columns = 4, Scale = 1 }).ToPng();
        var path = context.Recorder.Picture("comparison", 0, png, "Samples of each model at its best setting, and quality by evaluations.");
        var metrics = new Dictionary<string, double> { ["best_w2"] = rows.Min(r => r.Points.Min(p => p.W2)) };
        foreach (var r in rows)
        {
            metrics[$"w2/{r.Name}"] = r.Points.Min(p => p.W2);
            if (r.Likelihood is { } l) metrics[$"nll/{r.Name}"] = l.Nll;
        }
        return new JobOutcome(true, metrics, path is null ? [] : [path]) { Table = text.ToString() };
    }

    private static Picture Cloud(string title, float[] points)
    {
        var count = points.Length / 2;
        return new Chart(new ChartOptions { Title = title, Width = 420, Height = 380 })
            .Scatter<float, float>(null, points.AsSpan(0, count), points.AsSpan(count), 2)
            .XLimits(-4.5, 4.5).YLimits(-4.5, 4.5).ToPicture();
    }

    /// <summary>One setting of a sampler.</summary>
    /// <param name="Sampler">Its name.</param>
    /// <param name="Evaluations">Network evaluations per sample.</param>
    /// <param name="W2">Distance of its samples to test points.</param>
    public sealed record Point(string Sampler, long Evaluations, double W2);

    /// <summary>One model.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="Parameters">Parameters.</param>
    /// <param name="Steps">Training steps.</param>
    /// <param name="Seconds">Processor seconds of training.</param>
    /// <param name="Likelihood">Nats on the test points and the network evaluations they cost; null where there is only a bound.</param>
    /// <param name="Points">Its samplers.</param>
    /// <param name="Cloud">Samples of the last sampler, all x and then all y.</param>
    /// <param name="Stream">Where the random stream stood afterwards.</param>
    public sealed record Row(string Name, long Parameters, int Steps, double Seconds, (double Nll, long Evaluations)? Likelihood,
        List<Point> Points, float[] Cloud, byte[] Stream);
}
