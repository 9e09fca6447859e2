using System.Diagnostics;
using System.Runtime.InteropServices;
using Cresset.Runs;

namespace Cresset.Training;

/// <summary>How training went with one batch size.</summary>
/// <param name="BatchSize">Examples per step.</param>
/// <param name="ExamplesPerSecond">After the first step, which allocates.</param>
/// <param name="MemoryBytes">Memory of the process at its highest so far; on a GPU that of the host.</param>
public sealed record BatchTrial(int BatchSize, double ExamplesPerSecond, long MemoryBytes);

/// <summary>
/// Finds a batch size: doubles it until memory would not suffice, the data are used up, or examples per second grow by less than a
/// twentieth.
/// </summary>
public static class BatchFinder
{
    private const int Steps = 4;

    /// <summary>Runs the trials; the last of the fastest is the one to take.</summary>
    /// <param name="create">Makes the task anew for each trial.</param>
    /// <param name="trainer">Everything but the batch size.</param>
    /// <param name="optimization">Optimizer and schedule.</param>
    /// <param name="memory">Bytes that the process may use; 0 for 80 % of what the system has.</param>
    /// <param name="cancellation">Stops after a step.</param>
    public static IReadOnlyList<BatchTrial> Run(Func<ITrainingTask> create, TrainerOptions trainer, OptimizationOptions optimization,
        long memory = 0, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(create);
        ArgumentNullException.ThrowIfNull(trainer);
        if (memory <= 0) memory = (long)(0.8 * GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        var trials = new List<BatchTrial>();
        for (var size = 8 * trainer.Accumulate; ; size *= 2)
        {
            cancellation.ThrowIfCancellationRequested();
            if (Try(create, trainer with { BatchSize = size }, optimization, cancellation) is not { } trial) break;
            trials.Add(trial);
            if (trials.Count < 2) continue;
            var before = trials[^2];
            // Twice the batch needs at most twice what it added.
            if (trial.MemoryBytes + (2 * Math.Max(0, trial.MemoryBytes - before.MemoryBytes)) > memory) break;
            if (trial.ExamplesPerSecond < 1.05 * before.ExamplesPerSecond) break;
        }
        return trials;
    }

    /// <summary>The trial to take: the smallest batch within a twentieth of the fastest.</summary>
    public static BatchTrial Best(IReadOnlyList<BatchTrial> trials)
    {
        ArgumentNullException.ThrowIfNull(trials);
        var fastest = trials.Max(t => t.ExamplesPerSecond);
        return trials.First(t => t.ExamplesPerSecond >= fastest / 1.05);
    }

    private static BatchTrial? Try(Func<ITrainingTask> create, TrainerOptions options, OptimizationOptions optimization,
        CancellationToken cancellation)
    {
        Tensors.Seeding.Apply(options.Seed);
        using var task = create();
        if (options.BatchSize > task.TrainingData.Count) return null;
        var watch = new StepWatch();
        try
        {
            using var loop = new Trainer(task,
                options with { Steps = Steps + 2, EvaluateEvery = 0, PicturesEvery = 0, CheckpointEvery = 0, CheckpointMinutes = 0 },
                optimization, NullRunRecorder.Instance);
            watch.Control = loop.Control;
            loop.Hooks.Add(watch);
            loop.Run(null, cancellation);
        }
        catch (ExternalException e) when (e.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }
        cancellation.ThrowIfCancellationRequested();
        using var process = Process.GetCurrentProcess();
        return new BatchTrial(options.BatchSize, options.BatchSize * (Steps - 1) / watch.Elapsed.TotalSeconds, process.PeakWorkingSet64);
    }

    private sealed class StepWatch : ITrainingHook
    {
        private readonly Stopwatch _watch = new();
        private int _steps;

        public TrainingControl? Control { get; set; }

        public TimeSpan Elapsed => _watch.Elapsed;

        public void AfterStep(StepContext step, double loss)
        {
            if (++_steps == 1) _watch.Start();
            if (_steps < Steps) return;
            _watch.Stop();
            Control!.Stop();
        }
    }
}
