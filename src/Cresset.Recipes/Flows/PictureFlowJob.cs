using Cresset.Data;
using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Trains <see cref="PictureFlowTask"/>.</summary>
[Part("picture-flow", "Zhai et al. 2024, arXiv:2412.06329")]
internal sealed class PictureFlowJob : DataJob<PictureFlowOptions>
{
    /// <inheritdoc/>
    public override string Name => "picture-flow";

    /// <inheritdoc/>
    public override string Summary => "A transformer flow (TarFlow) that draws pictures by class.";

    /// <inheritdoc/>
    public override string Samples => "pictures by class";

    /// <inheritdoc/>
    protected override TrainerOptions TrainerDefaults =>
        new() { Steps = 1000, BatchSize = 128, ClipNorm = 1, EmaDecay = 0.995, EvaluateEvery = 250, CheckpointEvery = 250 };

    /// <inheritdoc/>
    protected override OptimizationOptions OptimizationDefaults => new()
    {
        Optimizer = new AdamWRule { LearningRate = 1e-3, WeightDecay = 1e-4, Beta2 = 0.95 },
        Schedule = new CosineSchedule { EndFactor = 0.02 },
        WarmupSteps = 50,
    };

    /// <inheritdoc/>
    protected override DataUse Use(PictureFlowOptions options) => new(TargetKind.Class, NeedsPictures: true);

    /// <inheritdoc/>
    protected override ITrainingTask CreateTask(PictureFlowOptions options, DataSplit data, TrainerOptions trainer) =>
        new PictureFlowTask(options, data);

    /// <inheritdoc/>
    protected override Drawing Draw(ITrainingTask task, SampleRequest request, Generator generator, Device device)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.RefuseTextOptions(Name);
        return ((PictureFlowTask)task).Draw(request.Conditions ?? [], request.Count > 0 ? request.Count : 10, request.Temperature,
            generator, device, CancellationToken.None);
    }
}
