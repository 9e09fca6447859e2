using System.Diagnostics;
using Cresset.Data;
using Cresset.Optim;
using Cresset.Recipes;
using Cresset.Runs;
using Cresset.Tensors;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Benchmarks.Training;

/// <summary>
/// The trainer with everything on (a run store and event file that get every step, checkpoints in the background, system figures, requests
/// from outside, a watcher that is told each step) against a bare loop with the same net, batches, clipping and optimizer; both sides
/// alternate.
/// </summary>
internal static class TrainerOverhead
{
    // As the recipe has it.
    private const int CheckpointEvery = 100;

    public static int Run(string[] args)
    {
        var steps = args.Length > 0 ? int.Parse(args[0], System.Globalization.CultureInfo.InvariantCulture) : 200;
        var rounds = args.Length > 1 ? int.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture) : 5;
        Round(20, trainer: true);
        Round(20, trainer: false);
        List<(double Wall, double Cpu)> bare = [], trained = [];
        for (var i = 0; i < rounds; i++)
        {
            bare.Add(Round(steps, trainer: false));
            trained.Add(Round(steps, trainer: true));
        }
        // The machine's own noise only ever adds time: the fastest round of each side is the least disturbed.
        Console.WriteLine(
            $"{steps} steps of the digits classifier, a checkpoint every {CheckpointEvery}, {rounds} alternating rounds; ms per step");
        Show("wall", [.. bare.Select(r => r.Wall)], [.. trained.Select(r => r.Wall)], steps);
        Show("CPU", [.. bare.Select(r => r.Cpu)], [.. trained.Select(r => r.Cpu)], steps);
        return 0;
    }

    private static (double Wall, double Cpu) Round(int steps, bool trainer)
    {
        Seeding.Apply(1);
        using var task = DigitsClassifierJob.Create(new DigitsClassifierOptions(),
            new DigitsData().Open(new DataUse(TargetKind.Class, NeedsPictures: true)));
        var optimization = new OptimizationOptions();
        var folder = Directory.CreateTempSubdirectory("cresset-bench-").FullName;
        try
        {
            if (!trainer) return Bare(task, optimization, steps);
            using var store = RunStore.Open(folder);
            using var run = store.Begin("overhead", "train");
            run.RecordSystem();
            var options = new TrainerOptions { Steps = steps, EvaluateEvery = 0, CheckpointEvery = CheckpointEvery, Workers = 1 };
            using var loop = new Trainer(new StepsOnly(task), options, optimization, run,
                new CheckpointFolder(Path.Combine(folder, "checkpoints")));
            var clock = Stopwatch.StartNew();
            var start = Process.GetCurrentProcess().TotalProcessorTime;
            // The last checkpoint is waited for at the end: what it takes then is not part of a step.
            var (wall, cpu) = (0.0, 0.0);
            loop.Run(
                new Watcher(steps,
                    () => (wall, cpu) = (clock.Elapsed.TotalSeconds,
                        (Process.GetCurrentProcess().TotalProcessorTime - start).TotalSeconds)));
            run.Finish(RunStatus.Finished);
            return (wall, cpu);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static (double Wall, double Cpu) Bare(ClassifierTask task, OptimizationOptions optimization, int steps)
    {
        using var optimizer = optimization.CreateOptimizer(task.Module);
        using var generator = Seeding.Generator(0, "training");
        using var loader = new Loader(task.TrainingData, new LoaderOptions());
        var context = new StepContext(0, steps, generator, CPU, NullRunRecorder.Instance, false);
        var clipping = GradientClipping.Norm(1);
        task.Module.train();
        var clock = Stopwatch.StartNew();
        var start = Process.GetCurrentProcess().TotalProcessorTime;
        for (var step = 0; step < steps; step++)
        {
            using var scope = NewDisposeScope();
            var loss = task.Loss(loader.Next(), context);
            loss.backward();
            optimizer.Step(clipping);
            optimizer.ZeroGrad();
        }
        return (clock.Elapsed.TotalSeconds, (Process.GetCurrentProcess().TotalProcessorTime - start).TotalSeconds);
    }

    private static void Show(string what, List<double> bare, List<double> trained, int steps)
        => Console.WriteLine(
            string.Create(System.Globalization.CultureInfo.InvariantCulture,
                $"{what,-5} bare loop {1000 * bare.Min() / steps:0.000}  trainer {1000 * trained.Min() / steps:0.000}  ratio of the best "
                    + $"{trained.Min() / bare.Min():0.000}, of the medians {Median(trained) / Median(bare):0.000} (goal at most 1.03)"));

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private sealed class Watcher(int last, Action done) : IProgress<TrainingReport>
    {
        public void Report(TrainingReport value)
        {
            if (value is StepReport { Step: var step } && step == last) done();
        }
    }

    // The final evaluation is not part of a step's cost.
    private sealed class StepsOnly(ClassifierTask inner) : ITrainingTask
    {
        public nn.Module Module => inner.Module;

        public IDataset TrainingData => inner.TrainingData;

        public HeadlineMetric Headline => inner.Headline;

        public Tensor Loss(Batch batch, StepContext step) => inner.Loss(batch, step);

        public IReadOnlyDictionary<string, double> Evaluate(EvaluationContext context) =>
            new Dictionary<string, double> { [inner.Headline.Name] = 0 };

        public void Dispose()
        {
        }
    }
}
