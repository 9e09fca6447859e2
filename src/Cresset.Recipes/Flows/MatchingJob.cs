using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Trains <see cref="MatchingTask"/>.</summary>
[Part("flow-matching")]
internal sealed class MatchingJob : TrainingJob<MatchingOptions>, IUpgradesRecipes
{
    /// <inheritdoc/>
    public override string Name => "flow-matching";

    /// <inheritdoc/>
    public override string Summary => "Flow matching: straight paths between two clouds, or from noise to digits.";

    /// <inheritdoc/>
    public override string Samples => "pictures of its samples";

    /// <inheritdoc/>
    protected override TrainerOptions TrainerDefaults =>
        new() { Steps = 5000, BatchSize = 256, ClipNorm = 0, EvaluateEvery = 2500, CheckpointEvery = 2500 };

    /// <inheritdoc/>
    protected override OptimizationOptions OptimizationDefaults =>
        new() { Optimizer = new AdamRule { LearningRate = 1e-3 }, Schedule = ConstantSchedule.Flat };

    /// <inheritdoc/>
    protected override ITrainingTask CreateTask(MatchingOptions options, TrainerOptions trainer) => new MatchingTask(options);

    void IUpgradesRecipes.Upgrade(ConfigMap recipe) => OldMatchingKeys.Move(recipe);

    string? IUpgradesRecipes.Earlier(string key) => OldMatchingKeys.Place(key);

    /// <inheritdoc/>
    protected override Drawing Draw(ITrainingTask task, SampleRequest request, Generator generator, Device device)
    {
        ArgumentNullException.ThrowIfNull(request);
        var matching = (MatchingTask)task;
        request.RefuseWhatIsNotTaken(Name, takesTemperature: false, takesConditions: matching.HasClasses);
        return matching.HasClasses ? matching.DrawDigits(request.Count > 0 ? request.Count : 8, request.Conditions ?? [], generator)
            : matching.DrawPoints(request.Count > 0 ? request.Count : 2000, generator);
    }
}
