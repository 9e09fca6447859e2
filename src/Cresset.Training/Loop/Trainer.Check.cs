using Cresset.Data;
using Cresset.Numerics;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Training;

public sealed partial class Trainer
{
    /// <summary>
    /// Refuses what a trainer of this task would refuse (the device, names to freeze, parts that cannot be computed again, an optimizer
    /// that does not fit the module, a batch larger than the data), before anything is begun. The task can be trained afterwards.
    /// </summary>
    /// <exception cref="ArgumentException">Something does not fit.</exception>
    public static void Check(ITrainingTask task, TrainerOptions options, OptimizationOptions optimization)
    {
        ArgumentNullException.ThrowIfNull(task);
        Check(task.Module, options, optimization);
        using var loader = new Loader(task.TrainingData,
            new LoaderOptions { BatchSize = options.BatchSize, Seed = options.Seed, Workers = options.Workers });
    }

    /// <summary>As the other, of a module whose data do not exist yet.</summary>
    /// <exception cref="ArgumentException">Something does not fit.</exception>
    public static void Check(nn.Module module, TrainerOptions options, OptimizationOptions optimization)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(optimization);
        _ = ComputeDevice.Resolve(options.ThrowIfInvalid().Device);
        WarmStart.Freeze(module, options.Freeze);
        Recompute(module, options.Recompute);
        using var optimizer = optimization.ThrowIfInvalid().CreateOptimizer(module);
        _ = optimization.CreateSchedule(optimizer, options.Steps);
    }
}
