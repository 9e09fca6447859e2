using System.Globalization;
using Cresset.Data;
using Cresset.Flows;
using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Tensors;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Maximum likelihood of a density in the plane, judged on 5,000 points: their negative log-likelihood, and its excess over that of the
/// exact density.
/// </summary>
internal sealed class PlaneFlowTask : ITrainingTask, IExportsGraphs
{
    private const int Points = 5000, PointsAtOnce = 1000;
    private readonly PlaneFlowOptions _options;
    private readonly DensityModel _flow;
    private readonly Tensor _test;
    private readonly double _entropy;

    /// <summary>Builds flow and data.</summary>
    public PlaneFlowTask(PlaneFlowOptions options)
    {
        _options = options.ThrowIfInvalid();
        _flow = options.Flow.Build(2);
        _test = options.TestPoints.Length == 0 ? options.Density.Draw(Points, 987_654_321).DetachFromDisposeScope() : Read(options);
        _entropy = -options.Density.Log(_test).Average();
        TrainingData = new PlaneData(options.Density);
    }

    /// <inheritdoc/>
    public nn.Module Module => _flow;

    /// <inheritdoc/>
    public IDataset TrainingData { get; }

    /// <inheritdoc/>
    public HeadlineMetric Headline { get; } = new("nll", HigherIsBetter: false);

    /// <inheritdoc/>
    public Tensor Loss(Batch batch, StepContext step)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(step);
        var loss = _flow.Loss(batch.Inputs);
        if (_flow is ContinuousFlow continuous) step.Log("evaluations", continuous.LastStatistics.Evaluations);
        return loss;
    }

    /// <inheritdoc/>
    public bool EvaluatesInShares => true;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var pieces = (int)((_test.size(0) + PointsAtOnce - 1) / PointsAtOnce);
        var found = context.Share(pieces, (piece, _) => Logs(piece, context.Device));
        var nll = -found.SelectMany(logs => logs[1..]).Average();
        var metrics = new Dictionary<string, double> { ["nll"] = nll, ["excess"] = nll - _entropy };
        if (_flow is ContinuousFlow) metrics["evaluations"] = found.Average(logs => logs[0]);
        return metrics;
    }

    /// <inheritdoc/>
    public IEnumerable<TaskPicture> Pictures(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return Draw(2000, 1, context.Generator, context.Device).Pictures;
    }

    /// <summary>The learned density, points drawn from it [N, 2] and, of a continuous flow, their paths.</summary>
    internal Drawing Draw(int count, double temperature, Generator generator, Device device)
    {
        List<TaskPicture> pictures = [Density(device)];
        var samples = _flow.Sample(count, temperature: temperature, generator: generator).cpu();
        pictures.Add(
            new TaskPicture("samples", Cloud(samples, "Samples").ToPng(),
                string.Create(CultureInfo.InvariantCulture, $"{count:N0} samples of the flow.")));
        if (_flow is ContinuousFlow continuous) pictures.AddRange(Paths(continuous, generator));
        return new Drawing(pictures, samples) { Columns = ["x", "y"] };
    }

    IReadOnlyList<ExportedGraph> IExportsGraphs.Graphs() => FlowExports.Of(_flow, [2]);

    /// <inheritdoc/>
    public void Dispose()
    {
        _flow.Dispose();
        _test.Dispose();
    }

    // How often a continuous flow asked its field, then the log density of each point.
    private double[] Logs(int piece, Device device)
    {
        var start = piece * (long)PointsAtOnce;
        var logs = _flow.LogProb(_test.narrow(0, start, Math.Min(PointsAtOnce, _test.size(0) - start)).to(device)).cpu()
            .to(ScalarType.Float64).contiguous().data<double>();
        return [_flow is ContinuousFlow continuous ? continuous.LastStatistics.Evaluations : 0, .. logs];
    }

    private static Tensor Read(PlaneFlowOptions options)
    {
        using var scope = NewDisposeScope();
        using var file = SafetensorsFile.Open(options.TestPoints);
        var name = options.Density.PointsName;
        var points = file.Read(name).to(ScalarType.Float32);
        if (points.dim() != 2 || points.size(0) == 0 || points.size(1) != 2)
            throw new InvalidDataException($"{options.TestPoints}: '{name}' is [{string.Join(", ", points.shape)}]; points are [N, 2].");
        if (!points.isfinite().all().item<bool>())
            throw new InvalidDataException($"{options.TestPoints}: '{name}' holds NaN, infinity, or numbers beyond those of float32.");
        return points.DetachFromDisposeScope();
    }

    private TaskPicture Density(Device device)
    {
        const int side = 160;
        var axis = linspace(-4.5, 4.5, side);
        var grid = stack([axis.repeat(side), axis.repeat_interleave(side)], 1).to(device);
        var density = _flow.LogProb(grid).exp().cpu().to(ScalarType.Float32).data<float>().ToArray();
        var chart =
            new Chart(
                new ChartOptions
                {
                    Title =
                    $"Density: {PartCatalog.NameOf(_options.Flow.GetType())} on {PartCatalog.NameOf(_options.Density.GetType())}",
                    Width = 620,
                    Height = 560
                })
            .Surface<float>(density, side, side, new PlotArea(-4.5, 4.5, -4.5, 4.5), new HeatMapOptions { ColorBarLabel = "p(x)" });
        return new TaskPicture("density", chart.ToPng(), "The learned density.");
    }

    private static IEnumerable<TaskPicture> Paths(ContinuousFlow flow, Generator generator)
    {
        using var scope = NewDisposeScope();
        var start = randn(600, 2, generator: generator);
        var times = Enumerable.Range(0, 41).Select(i => i / 40.0).ToArray();
        var states = FlowSampler.Trajectory(flow.Field.Field(), start, times, OdeOptions.Dopri5(1e-4)).States;
        var chart = new Chart(new ChartOptions { Title = "Particles from noise to data", Width = 560, Height = 560 });
        for (long i = 0; i < 120; i++)
        {
            chart.Path<float>(null, states.select(1, i).select(1, 0).contiguous().data<float>().ToArray(),
                states.select(1, i).select(1, 1).contiguous().data<float>().ToArray());
        }
        return [
            new TaskPicture("trajectories", chart.SquareUnits().ToPng(), "Paths of 120 particles."),
            new TaskPicture("particles", ParticleAnimation.Render(states, times, 4.5), "Particles on their way."),
        ];
    }

    private static Chart Cloud(Tensor points, string title)
    {
        var values = points.t().contiguous().to(ScalarType.Float32).data<float>().ToArray();
        var count = values.Length / 2;
        return new Chart(new ChartOptions { Title = title, Width = 560, Height = 560 })
            .Scatter<float, float>(null, values.AsSpan(0, count), values.AsSpan(count), 3)
            .XLimits(-4.5, 4.5).YLimits(-4.5, 4.5);
    }
}
