using Cresset.Data;
using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Training;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Trains <see cref="TokenizerTask"/>.</summary>
[Part("tokenizer")]
internal sealed class TokenizerJob : DataJob<TokenizerOptions>, IPredictingJob
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
    internal static TrainerOptions Defaults =>
        new() { Steps = 936, BatchSize = 128, ClipNorm = 0, EvaluateEvery = 234, CheckpointEvery = 234, LogEvery = 10 };

    internal static DataUse Pictures { get; } = new(TargetKind.None, NeedsPictures: true);

    internal static DataUse Sounds { get; } = new(TargetKind.None, TakesSounds: true);

    internal static OptimizationOptions OptimizationDefaultsOf =>
        new() { Optimizer = new AdamRule { LearningRate = 1e-3 }, Schedule = ConstantSchedule.Flat };

    /// <inheritdoc/>
    protected override DataUse Use(TokenizerOptions options) => UseOf(options);

    internal static DataUse UseOf(TokenizerOptions options) => options.Architecture.SpatialDimensions == 1 ? Sounds : Pictures;

    /// <inheritdoc/>
    protected override ITrainingTask CreateTask(TokenizerOptions options, DataSplit data, TrainerOptions trainer)
    {
        ArgumentNullException.ThrowIfNull(trainer);
        return new TokenizerTask(options, data, trainer.Seed);
    }

    Predictor IPredictingJob.Open(StoredModel stored)
    {
        var (options, facts) = (stored.Model<TokenizerOptions>(), stored.Facts);
        using var generator = new Generator(0);
        return new CodePredictor(options.Build((int)facts.Shape[0], generator), options.Padding, facts);
    }

    private protected override void Upgrade(ConfigMap recipe)
    {
        base.Upgrade(recipe);
        OldTokenizerKeys.Move(recipe, "model");
    }

    private protected override string? Earlier(string key) => OldTokenizerKeys.Keys.Contains(key) ? $"model.{key}" : null;
}
