using Cresset.Data;
using Cresset.Flows;
using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Flow matching between two clouds (figure: exact W2 of 2,000 samples by number of Euler steps) or from noise to digits (figure: held-out
/// matching loss).
/// </summary>
internal sealed class MatchingTask : ITrainingTask, IExportsGraphs
{
    private const int Points = 2000, HeldAtOnce = 128, WanderingSteps = 100;
    private static readonly int[] StepCounts = [1, 2, 4, 10];
    private readonly MatchingOptions _options;
    private readonly nn.Module _module;
    private readonly TensorDataset? _digits;
    private readonly TensorDataset? _held;
    private (int Step, IReadOnlyDictionary<string, double> Metrics)? _measured;

    /// <summary>Builds model and data.</summary>
    public MatchingTask(MatchingOptions options)
    {
        _options = options.ThrowIfInvalid();
        if (options.Digits)
        {
            var (train, test) = ImageClassification.Digits();
            (_digits, _held) = (train, test);
            _module = new UNetVelocity(options.Width);
            TrainingData = train;
        }
        else
        {
            var sizes = new MlpVelocityOptions { Hidden = [options.Width, options.Width, options.Width] };
            _module = options.Method switch
            {
                // The target holds a derivative of the network: a smooth one.
                MatchingMethod.MeanFlow => new MeanVelocity(new MlpAverageVelocity(sizes with { Activation = "silu" })),
                MatchingMethod.Bridge => new BridgeVelocity(new MlpVelocity(sizes), new MlpVelocity(sizes)),
                _ when options.ReflowAfter > 0 => new PairedVelocity(new MlpVelocity(sizes), options.ReflowPairs),
                _ => new MlpVelocity(sizes),
            };
            TrainingData = new PlaneData(new MoonsDensity());
        }
    }

    /// <inheritdoc/>
    public nn.Module Module => _module;

    /// <inheritdoc/>
    public IDataset TrainingData { get; }

    /// <inheritdoc/>
    public HeadlineMetric Headline => new(_options.Digits ? "matching_loss" : "w2_steps_1", HigherIsBetter: false);

    private string Solver => PartCatalog.NameOf(_options.Solver.GetType())!.Replace('-', '_');

    private IVelocityModel Model => (IVelocityModel)_module;

    /// <inheritdoc/>
    public Tensor Loss(Batch batch, StepContext step)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(step);
        return _options.Digits
            ? Digits(batch.Inputs, batch.Targets!, step.Generator)
            : _options.ReflowAfter > 0 && step.Step >= _options.ReflowAfter
                ? Rectified((int)batch.Size, step.Generator)
                : Plane(Moons((int)batch.Size, step.Generator), step.Generator);
    }

    /// <inheritdoc/>
    public bool EvaluatesInShares => true;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var metrics = new Dictionary<string, double>();
        if (_options.Digits)
        {
            var sums = context.Measure(_held!, HeldAtOnce,
                (batch, stream) => [Digits(batch.Inputs, batch.Targets!, stream).ToDouble() * batch.Size]);
            metrics["matching_loss"] = sums.Sum(s => s[0]) / _held!.Count;
            return metrics;
        }
        // As many at every evaluation: fewer points are farther apart, and checkpoints would be judged by another measure than the last.
        Tensor source = EightGaussians(Points, context.Generator), target = Moons(Points, context.Generator);
        // Exact transport between thousands of points takes most of the time: each solver's is a piece.
        double[] Judge(int piece, Generator stream)
        {
            if (piece < StepCounts.Length) return [OptimalTransport.Wasserstein(InSteps(source, StepCounts[piece]), target)];
            if (piece > StepCounts.Length + 1) return [OptimalTransport.Wasserstein(Wandered(source, stream), target)];
            if (piece > StepCounts.Length) return [Reflow.Straightness(Model.Field(), source.narrow(0, 0, 500))];
            var (samples, statistics) = FlowSampler.Sample(Model.Field(), source, _options.Solver.ToOptions());
            return [OptimalTransport.Wasserstein(samples, target), statistics.Evaluations];
        }
        var found = context.Share(StepCounts.Length + (_module is BridgeVelocity ? 3 : 2), Judge);
        for (var i = 0; i < StepCounts.Length; i++) metrics[$"w2_steps_{StepCounts[i]}"] = found[i][0];
        metrics[$"w2_{Solver}"] = found[StepCounts.Length][0];
        metrics[$"evaluations_{Solver}"] = found[StepCounts.Length][1];
        metrics["straightness"] = found[StepCounts.Length + 1][0];
        if (_module is BridgeVelocity) metrics["w2_stochastic"] = found[^1][0];
        _measured = (context.Step, metrics);
        return metrics;
    }

    /// <inheritdoc/>
    public IEnumerable<TaskPicture> Pictures(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return _options.Digits ? [DrawDigits(8, [], context.Generator).Pictures[0], DigitMorph(context.Generator)]
            : [.. Paths(context.Generator), Curve(context)];
    }

    /// <summary>True when samples belong to classes.</summary>
    internal bool HasClasses => _options.Digits;

    /// <summary>Points where particles of the eight Gaussians end, and their paths.</summary>
    internal Drawing DrawPoints(int count, Generator generator)
    {
        var source = EightGaussians(count, generator);
        // A mean flow is drawn from in one step, which is what it is for.
        var samples = _module is MeanVelocity ? InSteps(source, 1)
            : FlowSampler.Sample(Model.Field(), source, _options.Solver.ToOptions()).Samples;
        return new Drawing([.. Paths(generator)], samples) { Columns = ["x", "y"] };
    }

    /// <summary>Pictures of the classes, all of them where none is named.</summary>
    internal Drawing DrawDigits(int each, IReadOnlyList<string> classes, Generator generator)
    {
        long[] chosen = classes.Count == 0 ? [.. Enumerable.Range(0, 10)]
            : [.. classes.Select(
                c => c.Length == 1 && char.IsAsciiDigit(c[0]) ? c[0] - '0'
                    : throw new ArgumentException($"\"{c}\" is not a class; allowed: 0 to 9."))];
        var labels = tensor(chosen).repeat_interleave(each);
        var field = Model.Guided(labels, full_like(labels, UNetVelocity.NoLabel), _options.Guidance);
        var noise = randn(labels.size(0), 1, 8, 8, generator: generator);
        var images = ((FlowSampler.Sample(field, noise, FlowSampler.Grid(20), OdeMethod.Heun) + 1) / 2).clamp(0, 1).contiguous();
        string[] names = [.. chosen.Select(c => $"{c}")];
        var grid = ImageGrid.Render(images.data<float>().ToArray(), names.Length * each, 1, 8, 8,
            new ImageGridOptions { Columns = each, Title = "Rectified flow, 20 Heun steps", RowLabels = names, Scale = 5 });
        return new Drawing([new TaskPicture("samples", grid.ToPng(), "Samples by class.")],
            images)
        { Labels = [.. names.SelectMany(n => Enumerable.Repeat(n, each))] };
    }

    IReadOnlyList<ExportedGraph> IExportsGraphs.Graphs()
    {
        using var generator = new Generator(0);
        var state = randn(_options.Digits ? [3, 1, 8, 8] : [3, 2], generator: generator);
        var time = rand(3, generator: generator);
        var metadata =
            new Dictionary<string, string>
            {
                ["input"] =
                "state, and time in 0..1; the sample at time 1 solves dx/dt = velocity from noise at time 0"
            };
        return _options.Digits
            ? [new("", _module, x => [Model.Velocity(x[0], x[1], x[2])], [state, time, tensor((long[])[0, 3, 9])],
                ["state", "time", "digit"], ["velocity"]) { Metadata = metadata }]
            : [new("", _module, x => [Model.Velocity(x[0], x[1])], [state, time], ["state", "time"], ["velocity"]) { Metadata = metadata }];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _module.Dispose();
        _digits?.Dispose();
        _held?.Dispose();
    }

    private Tensor Plane(Tensor data, Generator generator)
    {
        var drawn = EightGaussians((int)data.size(0), generator);
        if (_module is BridgeVelocity bridge)
        {
            var deviation = _options.BridgeDeviation;
            var (rows, columns) = OptimalTransport.DrawPairs(drawn, data, 2 * deviation * deviation, generator: generator);
            var points = ScoreFlowMatching.Draw(drawn.index_select(0, rows), data.index_select(0, columns), deviation, generator);
            return ScoreFlowMatching.Loss(bridge.Drift, bridge.Score, points, deviation);
        }
        var source = _options.Coupling.Pair(drawn, data);
        if (_module is MeanVelocity mean) return MeanFlow.Loss(mean, source, data, generator: generator);
        var batch = _options.Path.Draw(source, data, generator: generator);
        return FlowMatching.Loss(Model.Velocity(batch.State, batch.Time), batch.Velocity);
    }

    private Tensor InSteps(Tensor source, int steps)
        => _module is MeanVelocity mean ? MeanFlow.Sample(mean, source, steps)
            : FlowSampler.Sample(Model.Field(), source, FlowSampler.Grid(steps));

    private Tensor Wandered(Tensor source, Generator generator)
    {
        var bridge = (BridgeVelocity)_module;
        return ScoreFlowMatching.Sample(bridge.Drift, bridge.Score, source, _options.BridgeDeviation, WanderingSteps, generator: generator);
    }

    // Straight lines between the ends of the field's own paths, without noise.
    private Tensor Rectified(int count, Generator generator)
    {
        var (source, data) = ((PairedVelocity)_module).Draw(count, n => EightGaussians(n, generator), generator);
        var batch = FlowMatching.Draw(source, data, generator: generator);
        return FlowMatching.Loss(Model.Velocity(batch.State, batch.Time), batch.Velocity);
    }

    private Tensor Digits(Tensor images, Tensor labels, Generator generator)
    {
        var data = images.reshape(-1, 1, 8, 8) * 2 - 1;
        var source = _options.Coupling.Pair(randn(data.shape, generator: generator), data, labels);
        var batch = _options.Path.Draw(source, data, TimestepDensity.LogitNormal, generator);
        var kept = where(rand(data.size(0), generator: generator) < _options.LabelDropout, full_like(labels, UNetVelocity.NoLabel), labels);
        return FlowMatching.Loss(Model.Velocity(batch.State, batch.Time, kept), batch.Velocity);
    }

    // The setting of the flow-matching literature: radius 5, covariance sqrt(0.1) I; moons of noise 0.2, times 3, minus 1.
    private static Tensor EightGaussians(int count, Generator generator)
    {
        var angle = randint(0, 8, count, dtype: ScalarType.Float32, generator: generator) * (Math.PI / 4);
        return stack([angle.cos(), angle.sin()], 1) * 5 + randn(count, 2, generator: generator) * Math.Pow(0.1, 0.25);
    }

    private static Tensor Moons(int count, Generator generator)
    {
        var angle = rand(count, generator: generator) * Math.PI;
        var upper = rand(count, generator: generator) < 0.5;
        var points = stack([where(upper, angle.cos(), 1 - angle.cos()), where(upper, angle.sin(), 0.5 - angle.sin())], 1);
        return (points + randn(count, 2, generator: generator) * 0.2) * 3 - 1;
    }

    private IEnumerable<TaskPicture> Paths(Generator generator)
    {
        const int particles = 150;
        var times = Enumerable.Range(0, 31).Select(i => i / 30.0).ToArray();
        var states = FlowSampler.Trajectory(Model.Field(), EightGaussians(4 * particles, generator), times,
            _options.Solver.ToOptions()).States;
        var chart = new Chart(new ChartOptions { Title = "Eight Gaussians to two moons", Width = 600, Height = 560 });
        for (long i = 0; i < particles; i++)
        {
            chart.Path<float>(null, states.select(1, i).select(1, 0).contiguous().data<float>().ToArray(),
                states.select(1, i).select(1, 1).contiguous().data<float>().ToArray());
        }
        yield return new TaskPicture("trajectories", chart.SquareUnits().ToPng(), "Paths of particles.");
        yield return new TaskPicture("particles", ParticleAnimation.Render(states, times, 8), "Particles on their way.");
    }

    // Noise turns into digits: one row of pictures per class, one frame per step.
    private TaskPicture DigitMorph(Generator generator)
    {
        const int each = 6;
        var labels = arange(10, dtype: ScalarType.Int64).repeat_interleave(each);
        var times = Enumerable.Range(0, 21).Select(i => i / 20.0).ToArray();
        var field = Model.Guided(labels, full_like(labels, UNetVelocity.NoLabel), _options.Guidance);
        var states = FlowSampler.Trajectory(field, randn(10 * each, 1, 8, 8, generator: generator), times,
            new OdeOptions { Method = OdeMethod.Heun, StepSize = 0.05 }).States;
        var frames = Enumerable.Range(0, times.Length).Select(i => Grid((states.select(0, i) + 1) / 2, each, $"t = {times[i]:0.00}"))
            .ToList();
        using var stream = new MemoryStream();
        AnimatedGif.Write(stream, frames, TimeSpan.FromMilliseconds(90), TimeSpan.FromSeconds(2));
        return new TaskPicture("morph", stream.ToArray(), "From noise to digits.");
    }

    private static Picture Grid(Tensor images, int columns, string title)
        => ImageGrid.Render(images.clamp(0, 1).contiguous().data<float>().ToArray(), (int)images.size(0), 1, 8, 8,
            new ImageGridOptions
            {
                Columns = columns,
                Title = title,
                RowLabels = [.. Enumerable.Range(0, 10).Select(d => $"{d}")],
                Scale = 4
            });

    private TaskPicture Curve(EvaluationContext context)
    {
        // The very figures of the evaluation that the picture stands beside.
        var metrics = _measured is { } known && known.Step == context.Step ? known.Metrics : Evaluate(context);
        double[] xs = [.. StepCounts.Select(s => (double)s)], ys = [.. StepCounts.Select(s => metrics[$"w2_steps_{s}"])];
        var chart = new Chart(new ChartOptions { Title = "Quality by evaluations of the field", XLabel = "steps", YLabel = "W2" })
            .Line<double, double>(_module is MeanVelocity ? "mean flow" : "Euler", xs, ys)
            .HorizontalLine(metrics[$"w2_{Solver}"],
                $"{PartCatalog.NameOf(_options.Solver.GetType())}, {metrics[$"evaluations_{Solver}"]:0} evaluations");
        return new TaskPicture("steps", chart.ToPng(), $"Exact W2 of {Points:N0} samples to as many of the target.");
    }
}
