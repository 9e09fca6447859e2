using Cresset.Data;
using Cresset.Numerics;
using Cresset.Tensors;

namespace Cresset.Training;

public sealed partial class Trainer
{
    /// <summary>
    /// Refuses what a trainer of this task would refuse (the device, names to freeze, an optimizer that does not fit the module, a batch larger than the
    /// data), before anything is begun. The task can be trained afterwards.
    /// </summary>
    /// <exception cref="ArgumentException">Something does not fit.</exception>
    public static void Check(ITrainingTask task, TrainerOptions options, OptimizationOptions optimization)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(optimization);
        _ = ComputeDevice.Resolve(options.ThrowIfInvalid().Device);
        WarmStart.Freeze(task.Module, options.Freeze);
        using var optimizer = optimization.ThrowIfInvalid().CreateOptimizer(task.Module);
        _ = optimization.CreateSchedule(optimizer, options.Steps);
        using var loader = new Loader(task.TrainingData, new LoaderOptions { BatchSize = options.BatchSize, Seed = options.Seed, Workers = options.Workers });
    }
}
