using Cresset.Data;
using Cresset.Flows;
using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>A normalizing flow over rows of numbers or small pictures.</summary>
public sealed record DensityOptions : IOptionsRecord
{
    /// <summary>The flow; Glow for pictures alone, Ffjord for rows alone.</summary>
    public FlowFamily Family { get; init; } = FlowFamily.Spline;

    /// <summary>Number of transforms; steps per level for Glow.</summary>
    public int Transforms { get; init; } = 4;

    /// <summary>Width of the hidden layers.</summary>
    public int Width { get; init; } = 128;

    /// <summary>Number of hidden layers.</summary>
    public int Layers { get; init; } = 2;

    /// <summary>Bins of a spline.</summary>
    public int Bins { get; init; } = 8;

    /// <summary>Levels of Glow.</summary>
    public int Levels { get; init; } = 2;

    /// <summary>Temperatures that pictures show.</summary>
    public IReadOnlyList<double> Temperatures { get; init; } = [0.7, 1];

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Defined(Family)
        .Within(Transforms, 1, 1000)
        .Within(Width, 1, 100_000)
        .Within(Layers, 1, 100)
        .Within(Bins, 2, 256)
        .Within(Levels, 1, 6)
        .Must(Temperatures is { Count: > 0 } && Temperatures.All(t => t > 0), Temperatures is null ? null : string.Join(", ", Temperatures), "at least one, all greater than 0", "", nameof(Temperatures));

    /// <summary>The flow for such data.</summary>
    /// <exception cref="InvalidDataException">The family does not take them.</exception>
    internal DensityModel Create(DataFacts facts)
    {
        if (Family == FlowFamily.Glow)
        {
            if (!facts.ArePictures || facts.Shape[1] != facts.Shape[2] || facts.Shape[1] % (1 << Levels) != 0)
            {
                throw new InvalidDataException($"{facts.Name}: inputs of shape [{string.Join(", ", facts.Shape)}]; Glow with {Levels} levels takes square pictures whose side {1 << Levels} divides.");
            }
            return new Glow(new GlowOptions { Channels = (int)facts.Shape[0], Size = (int)facts.Shape[1], Levels = Levels, Steps = Transforms, Width = Width });
        }
        var features = checked((int)facts.Shape.Aggregate(1L, (a, b) => a * b));
        if (features < 2 && Family is FlowFamily.Nice or FlowFamily.RealNvp or FlowFamily.SplineCoupling) throw new InvalidDataException($"{facts.Name}: one column; couplings need two. Use family: spline.");
        return new PlaneFlowOptions { Family = Family, Transforms = Transforms, Width = Width, Layers = Layers, Bins = Bins }.Create(features);
    }
}

/// <summary>Trains a normalizing flow on any data set: a table's density in nats per row, pictures' in bits per dimension.</summary>
[Part("density")]
public sealed class DensityJob : DataJob<DensityOptions>, IPredictingJob
{
    /// <inheritdoc/>
    public override string Name => "density";

    /// <inheritdoc/>
    public override string Summary => "A normalizing flow that learns the density of a table's rows or of small pictures.";

    /// <inheritdoc/>
    public override string Samples => "rows or pictures drawn from the density";

    /// <inheritdoc/>
    protected override TrainerOptions TrainerDefaults => new() { Steps = 1000, BatchSize = 128, ClipNorm = 5, EvaluateEvery = 100, CheckpointEvery = 100 };

    /// <inheritdoc/>
    protected override OptimizationOptions OptimizationDefaults => new() { Optimizer = new AdamWRule { LearningRate = 1e-3, WeightDecay = 1e-4 } };

    /// <inheritdoc/>
    protected override DataUse Use(DensityOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new DataUse(TargetKind.None, NeedsPictures: options.Family == FlowFamily.Glow, NumbersOnly: false);
    }

    /// <inheritdoc/>
    protected override ITrainingTask CreateTask(DensityOptions options, DataSplit data, TrainerOptions trainer) => new DensityTask(options, data);

    /// <inheritdoc/>
    protected override Drawing Draw(ITrainingTask task, SampleRequest request, Generator generator, Device device)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.RefuseWhatIsNotTaken(Name, takesTemperature: true, takesConditions: false);
        return ((DensityTask)task).Samples(request.Count, request.Temperature, generator);
    }

    Predictor IPredictingJob.Open(IOptionsRecord model, DataFacts facts)
    {
        var options = (DensityOptions)model;
        return new DensityPredictor(new DataDensity(options.Create(facts), facts), facts);
    }
}

/// <summary>Answers with a log density: of a row in nats in the table's own units, of a picture in bits per dimension (the less, the likelier).</summary>
internal sealed class DensityPredictor(DataDensity density, DataFacts facts) : Predictor(density.Flow, facts)
{
    public override IReadOnlyList<Prediction> Answer(Tensor inputs, IReadOnlyList<string> names)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        // Noise between the grey levels is drawn, the same for every question.
        using var generator = new Generator(0);
        var values = density.Values(inputs, generator).cpu().to(ScalarType.Float64).data<double>().ToArray();
        return [.. names.Select((name, i) => new Prediction(name) { Value = values[i] })];
    }
}
