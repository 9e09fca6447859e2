using Cresset.Data;
using Cresset.Flows;
using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>A normalizing flow over rows of numbers or small pictures.</summary>
internal sealed record DensityOptions : IOptionsRecord
{
    /// <summary>The flow; glow for pictures alone.</summary>
    public FlowOptions Flow { get; init; } = new SplineFlow();

    /// <summary>Temperatures that pictures show.</summary>
    public IReadOnlyList<double> Temperatures { get; init; } = [0.7, 1];

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Flow is not null, Flow, "a flow (cresset list --flows)")
        .Nested(Flow)
        .Must(Temperatures is { Count: > 0 } && Temperatures.All(t => t > 0), Temperatures is null ? null : string.Join(", ", Temperatures),
            "at least one, all greater than 0", "", nameof(Temperatures));

    /// <summary>The flow for such data.</summary>
    /// <exception cref="InvalidDataException">The flow does not take them.</exception>
    internal DensityModel Create(DataFacts facts)
    {
        int[] shape = Flow.TakesPicturesOnly || !facts.ArePictures
            ? [.. facts.Shape.Select(size => checked((int)size))]
            : [checked((int)facts.Shape.Aggregate(1L, (a, b) => a * b))];
        return Flow.Refuses(shape) is { } reason
            ? throw new DataMismatchException(
                $"{facts.Name}: inputs of shape [{string.Join(", ", facts.Shape)}]; {reason}. Choose another flow (cresset list --flows).")
            : Flow.Build(shape);
    }
}

/// <summary>Trains a normalizing flow on any data set: a table's density in nats per row, pictures' in bits per dimension.</summary>
[Part("density")]
internal sealed class DensityJob : DataJob<DensityOptions>, IPredictingJob
{
    /// <inheritdoc/>
    public override string Name => "density";

    /// <inheritdoc/>
    public override string Summary => "A normalizing flow that learns the density of a table's rows or of small pictures.";

    /// <inheritdoc/>
    public override string Samples => "rows or pictures drawn from the density";

    /// <inheritdoc/>
    protected override TrainerOptions TrainerDefaults =>
        new() { Steps = 1000, BatchSize = 128, ClipNorm = 5, EvaluateEvery = 100, CheckpointEvery = 100 };

    /// <inheritdoc/>
    protected override OptimizationOptions OptimizationDefaults =>
        new() { Optimizer = new AdamWRule { LearningRate = 1e-3, WeightDecay = 1e-4 } };

    private protected override void Upgrade(ConfigMap recipe)
    {
        base.Upgrade(recipe);
        OldFlowKeys.Move(recipe, 4);
    }

    private protected override string? Earlier(string key) => OldFlowKeys.Place(key);

    /// <inheritdoc/>
    protected override DataUse Use(DensityOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new DataUse(TargetKind.None, NeedsPictures: options.Flow.TakesPicturesOnly, NumbersOnly: false);
    }

    /// <inheritdoc/>
    protected override ITrainingTask CreateTask(DensityOptions options, DataSplit data, TrainerOptions trainer) =>
        new DensityTask(options, data);

    /// <inheritdoc/>
    protected override Drawing Draw(ITrainingTask task, SampleRequest request, Generator generator, Device device)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.RefuseWhatIsNotTaken(Name, takesTemperature: true, takesConditions: false);
        return ((DensityTask)task).Samples(request.Count, request.Temperature, generator);
    }

    private protected override void Describe(ITrainingTask task, IDictionary<string, string> metadata)
        => metadata[DensityCalibration.MetadataKey] = ((DensityTask)task).Calibrate().ToJson();

    Predictor IPredictingJob.Open(StoredModel stored)
    {
        var facts = stored.Facts;
        var calibration = stored.Metadata.TryGetValue(DensityCalibration.MetadataKey, out var json)
            ? DensityCalibration.Parse(json, stored.File) : null;
        return new DensityPredictor(new DataDensity(stored.Model<DensityOptions>().Create(facts), facts), facts, calibration);
    }
}

/// <summary>
/// Answers with a log density (of a row in nats in the table's own units; of a picture in bits per dimension, the less the likelier) and
/// with an anomaly score against the rows that the model was calibrated on.
/// </summary>
internal sealed class DensityPredictor : ModulePredictor
{
    private readonly DataDensity _density;
    private readonly DensityCalibration? _calibration;
    private double? _alarmRate;

    public DensityPredictor(DataDensity density, DataFacts facts, DensityCalibration? calibration)
        : base(density.Flow, facts)
    {
        (_density, _calibration) = (density, calibration);
        if (calibration is not null) _alarmRate = Math.Max(DensityCalibration.DefaultAlarmRate, calibration.LeastRate);
    }

    public override double? AlarmRate
    {
        get => _alarmRate;
        set
        {
            if (_calibration is null)
                throw new NotSupportedException(
                    "This model comes from a version that did not calibrate: train it again to have anomalies told.");
            var rate = value ?? DensityCalibration.DefaultAlarmRate;
            _calibration.Check(rate);
            _alarmRate = rate;
        }
    }

    protected override IReadOnlyList<Prediction> Compute(Tensor inputs, IReadOnlyList<string> names)
    {
        // Noise between the grey levels is drawn, the same for every question.
        using var generator = new Generator(0);
        var values = _density.Values(inputs, generator).cpu().to(ScalarType.Float64).data<double>().ToArray();
        return [.. names.Select((name, i) =>
        {
            var answer = new Prediction(name) { Value = values[i], ValueName = Facts.ArePictures ? "bits_per_dimension" : "log_density" };
            if (_calibration is null) return answer;
            var p = _calibration.PValue(Facts.ArePictures ? -values[i] : values[i]);
            return answer with { AnomalyScore = 1 - p, IsAnomaly = p <= _alarmRate };
        })];
    }
}
