using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Trains <see cref="DigitsFlowTask"/>.</summary>
[Part("digits-flow")]
public sealed class DigitsFlowJob : TrainingJob<DigitsFlowOptions>, IUpgradesRecipes
{
    /// <inheritdoc/>
    public override string Name => "digits-flow";

    /// <inheritdoc/>
    public override string Summary => "A normalizing flow that learns the density of 8x8 handwritten digits.";

    /// <inheritdoc/>
    public override string Samples => "digits and paths between digits";

    /// <inheritdoc/>
    protected override TrainerOptions TrainerDefaults => new() { Steps = 1250, BatchSize = 128, ClipNorm = 5, EvaluateEvery = 50, CheckpointEvery = 50 };

    /// <inheritdoc/>
    protected override OptimizationOptions OptimizationDefaults => new() { Optimizer = new AdamWRule { LearningRate = 1e-3, WeightDecay = 1e-4 } };

    /// <inheritdoc/>
    protected override ITrainingTask CreateTask(DigitsFlowOptions options, TrainerOptions trainer) => new DigitsFlowTask(options);

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
