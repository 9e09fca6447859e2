using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>Trains <see cref="TokenizerTask"/>.</summary>
[Part("tokenizer")]
public sealed class TokenizerJob : TrainingJob<TokenizerOptions>
{
    /// <inheritdoc/>
    public override string Name => "tokenizer";

    /// <inheritdoc/>
    public override string Summary => "A VQ-VAE: pictures to a small map of codes and back.";

    /// <inheritdoc/>
    protected override TrainerOptions TrainerDefaults => Defaults;

    /// <inheritdoc/>
    protected override OptimizationOptions OptimizationDefaults => OptimizationDefaultsOf;

    // Clipping is off: the loss is divided by a small variance, so its gradients are large by design.
    internal static TrainerOptions Defaults => new() { Steps = 936, BatchSize = 128, ClipNorm = 0, EvaluateEvery = 234, CheckpointEvery = 234, LogEvery = 10 };

    internal static OptimizationOptions OptimizationDefaultsOf => new() { Optimizer = new AdamRule { LearningRate = 1e-3 }, Schedule = ConstantSchedule.Flat };

    /// <inheritdoc/>
    protected override ITrainingTask CreateTask(TokenizerOptions options, TrainerOptions trainer)
    {
        ArgumentNullException.ThrowIfNull(trainer);
        return new TokenizerTask(options, trainer.Seed);
    }
}
