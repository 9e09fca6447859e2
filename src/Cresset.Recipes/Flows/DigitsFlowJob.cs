using Cresset.Data;
using Cresset.Flows;
using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Tensors;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Trains <see cref="DigitsFlowTask"/>.</summary>
[Part("digits-flow")]
internal sealed class DigitsFlowJob : TrainingJob<DigitsFlowOptions>, IUpgradesRecipes, IPredictingJob
{
    /// <inheritdoc/>
    public override string Name => "digits-flow";

    /// <inheritdoc/>
    public override string Summary => "A normalizing flow that learns the density of 8x8 handwritten digits.";

    /// <inheritdoc/>
    public override string Samples => "digits and paths between digits";

    /// <inheritdoc/>
    protected override TrainerOptions TrainerDefaults =>
        new() { Steps = 1250, BatchSize = 128, ClipNorm = 5, EvaluateEvery = 50, CheckpointEvery = 50 };

    /// <inheritdoc/>
    protected override OptimizationOptions OptimizationDefaults =>
        new() { Optimizer = new AdamWRule { LearningRate = 1e-3, WeightDecay = 1e-4 } };

    /// <inheritdoc/>
    protected override ITrainingTask CreateTask(DigitsFlowOptions options, TrainerOptions trainer) => new DigitsFlowTask(options);

    private protected override void Export(ITrainingTask task, JobContext context)
        => StateDict.Save(task.Module, Path.Combine(context.Folder, ModelFile.Name),
            ModelFile.Metadata(Name, context.Options<DigitsFlowOptions>("model"), Digits()));

    Predictor IPredictingJob.Open(StoredModel stored) =>
        new DigitsFlowPredictor(DigitsFlowTask.Flow(stored.Model<DigitsFlowOptions>()), stored.Facts);

    // How the digits that everything else learns from are read.
    private static DataFacts Digits()
    {
        using var data = new DigitsData().Open(new DataUse(TargetKind.None, NeedsPictures: true));
        return data.Facts;
    }

    void IUpgradesRecipes.Upgrade(ConfigMap recipe) => OldFlowKeys.Move(recipe, 3);

    string? IUpgradesRecipes.Earlier(string key) => OldFlowKeys.Place(key);

    /// <inheritdoc/>
    protected override Drawing Draw(ITrainingTask task, SampleRequest request, Generator generator, Device device)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.RefuseWhatIsNotTaken(Name, takesTemperature: true, takesConditions: false);
        return ((DigitsFlowTask)task).Draw(request.Count > 0 ? request.Count : 48, request.Temperature, generator, device);
    }
}

/// <summary>Answers with bits per dimension of a digit of 17 grey levels: the less, the likelier.</summary>
internal sealed class DigitsFlowPredictor(DensityModel flow, DataFacts facts) : ModulePredictor(flow, facts)
{
    private readonly LogitPreprocessing _logit = new();

    protected override IReadOnlyList<Prediction> Compute(Tensor inputs, IReadOnlyList<string> names)
    {
        // Noise between the grey levels is drawn, the same for every question.
        using var generator = new Generator(0);
        var bits = DigitsFlowTask.Bits(flow, _logit, DigitsFlowTask.Counts(inputs), generator).cpu().to(ScalarType.Float64).data<double>()
            .ToArray();
        return [.. names.Select((name, i) => new Prediction(name) { Value = bits[i], ValueName = "bits_per_dimension" })];
    }

    protected override void Free()
    {
        base.Free();
        _logit.Dispose();
    }
}
