using Cresset.Data;
using Cresset.Diffusion;
using Cresset.Flows;
using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Quantization;
using Cresset.Rl.Deep;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>The parts that come with Cresset: jobs, optimizers, schedules, data sets, environments and whatever else has a name.</summary>
public static class BuiltInParts
{
    /// <summary>Their catalog; add your own assemblies with <see cref="PartCatalog.With"/>.</summary>
    public static PartCatalog Catalog { get; } = new(() =>
    [
        typeof(IOptionsRecord).Assembly,
        typeof(Optimizer).Assembly,
        typeof(FeedForwardOptions).Assembly,
        typeof(IDataset).Assembly,
        typeof(Flow).Assembly,
        typeof(Quantizer).Assembly,
        typeof(StableDiffusion3).Assembly,
        typeof(Rl.EnvironmentCatalog).Assembly,
        typeof(DqnOptions).Assembly,
        typeof(Detection.CocoEvaluator).Assembly,
        typeof(TrainerOptions).Assembly,
        typeof(BuiltInParts).Assembly,
    ]);
}
