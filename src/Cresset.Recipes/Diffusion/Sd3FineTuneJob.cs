using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>Trains <see cref="Sd3FineTuneTask"/> and writes the adapter (or transformer) into the run's folder.</summary>
[Part("sd3-finetune")]
internal sealed class Sd3FineTuneJob : TrainingJob<Sd3FineTuneOptions>
{
    /// <inheritdoc/>
    public override string Name => "sd3-finetune";

    /// <inheritdoc/>
    public override string Summary => "Fine-tunes a Stable Diffusion 3 checkpoint on pictures with captions, by LoRA or in full.";

    /// <inheritdoc/>
    protected override TrainerOptions TrainerDefaults => new() { Steps = 1000, BatchSize = 1, EvaluateEvery = 100, CheckpointEvery = 100 };

    /// <inheritdoc/>
    protected override OptimizationOptions OptimizationDefaults =>
        new() { Optimizer = new AdamWRule { LearningRate = 1e-4, WeightDecay = 0.01 }, Schedule = ConstantSchedule.Flat, WarmupSteps = 20 };

    /// <inheritdoc/>
    protected override ITrainingTask CreateTask(Sd3FineTuneOptions options, TrainerOptions trainer)
    {
        ArgumentNullException.ThrowIfNull(trainer);
        return new Sd3FineTuneTask(options, trainer.Seed);
    }

    private protected override void Opened(ITrainingTask task, JobContext context)
    {
        foreach (var note in ((Sd3FineTuneTask)task).Notes) context.Progress?.Report(new NoticeReport(note));
    }

    /// <inheritdoc/>
    protected override void Export(ITrainingTask task, string folder) => ((Sd3FineTuneTask)task).Export(folder);
}
