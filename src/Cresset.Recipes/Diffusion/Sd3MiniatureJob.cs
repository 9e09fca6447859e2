using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Trains <see cref="Sd3MiniatureTask"/>.</summary>
[Part("sd3-miniature")]
public sealed class Sd3MiniatureJob : TrainingJob<Sd3MiniatureOptions>
{
    /// <inheritdoc/>
    public override string Name => "sd3-miniature";

    /// <inheritdoc/>
    public override string Summary => "Stable Diffusion 3 in miniature: draws small pictures from words.";

    /// <inheritdoc/>
    public override string Samples => "pictures for words";

    /// <inheritdoc/>
    protected override TrainerOptions TrainerDefaults => new() { Steps = 240, BatchSize = 128, EmaDecay = 0.99, EvaluateEvery = 0, PicturesEvery = 60, CheckpointEvery = 120 };

    /// <inheritdoc/>
    protected override OptimizationOptions OptimizationDefaults => new()
    {
        Optimizer = new AdamWRule { LearningRate = 4e-3, WeightDecay = 0, Beta2 = 0.99 },
        Schedule = new CosineSchedule { EndFactor = 0.05 },
        WarmupSteps = 20,
    };

    /// <inheritdoc/>
    protected override ITrainingTask CreateTask(Sd3MiniatureOptions options, TrainerOptions trainer)
    {
        ArgumentNullException.ThrowIfNull(trainer);
        return new Sd3MiniatureTask(options, trainer.Seed);
    }

    /// <inheritdoc/>
    protected override IEnumerable<TaskPicture> Draw(ITrainingTask task, SampleRequest request, Generator generator, Device device)
    {
        ArgumentNullException.ThrowIfNull(request);
        var miniature = (Sd3MiniatureTask)task;
        var prompts = request.Conditions is { Count: > 0 } asked ? asked : miniature.Names;
        return [miniature.Draw(prompts, request.Count > 0 ? request.Count : 10, generator)];
    }
}
