using Cresset.Data;
using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>Trains <see cref="VaeTask"/>; beside the model it leaves the folder <c>vae</c> of a diffusers checkpoint.</summary>
[Part("vae")]
internal sealed class VaeJob : DataJob<VaeTrainingOptions>
{
    /// <inheritdoc/>
    public override string Name => "vae";

    /// <inheritdoc/>
    public override string Summary => "A variational autoencoder of Stable Diffusion's class, in whose latents others draw.";

    /// <inheritdoc/>
    protected override TrainerOptions TrainerDefaults =>
        new() { Steps = 600, BatchSize = 32, EmaDecay = 0.99, EvaluateEvery = 200, PicturesEvery = 200, CheckpointEvery = 200 };

    /// <inheritdoc/>
    protected override OptimizationOptions OptimizationDefaults => new()
    {
        Optimizer = new AdamWRule { LearningRate = 2e-3, WeightDecay = 0 },
        Schedule = new CosineSchedule { EndFactor = 0.05 },
        WarmupSteps = 20,
    };

    /// <inheritdoc/>
    protected override DataSource DataDefaults => new GarmentsData();

    /// <inheritdoc/>
    protected override DataUse Use(VaeTrainingOptions options) => new(TargetKind.None, NeedsPictures: true);

    /// <inheritdoc/>
    protected override ITrainingTask CreateTask(VaeTrainingOptions options, DataSplit data, TrainerOptions trainer)
    {
        ArgumentNullException.ThrowIfNull(trainer);
        return new VaeTask(options, data, trainer.Seed);
    }

    private protected override void Export(ITrainingTask task, JobContext context)
    {
        base.Export(task, context);
        ((VaeTask)task).Export(Path.Combine(context.Folder, "vae"));
    }
}
