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

/// <summary>The trainer, with its run store, against a bare loop with the same net, batches, clipping and optimizer; both sides alternate.</summary>
internal static class TrainerOverhead
{
    public static int Run(string[] args)
    {
        var steps = args.Length > 0 ? int.Parse(args[0], System.Globalization.CultureInfo.InvariantCulture) : 200;
        var rounds = args.Length > 1 ? int.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture) : 5;
        Round(20, trainer: true);
        Round(20, trainer: false);
        var bare = new List<double>();
        var trained = new List<double>();
        for (var i = 0; i < rounds; i++)
        {
            bare.Add(Round(steps, trainer: false));
            trained.Add(Round(steps, trainer: true));
        }
        // The machine's own noise only ever adds time: the fastest round of each side is the least disturbed.
        var ratio = trained.Min() / bare.Min();
        Console.WriteLine($"{steps} steps of the digits classifier, CPU ms a step, best of {rounds} alternating rounds");
        Console.WriteLine($"bare loop  {1000 * bare.Min() / steps:0.000}");
        Console.WriteLine($"trainer    {1000 * trained.Min() / steps:0.000}");
        Console.WriteLine($"ratio      {ratio:0.000} (medians {Median(trained) / Median(bare):0.000}; goal at most 1.03)");
        return 0;
    }

    private static double Round(int steps, bool trainer)
    {
        Seeding.Apply(1);
        using var task = DigitsClassifierJob.Create(new DigitsClassifierOptions(), new DigitsData().Open(new DataUse(TargetKind.Class, NeedsPictures: true)));
        var optimization = new OptimizationOptions();
        var folder = Directory.CreateTempSubdirectory("cresset-bench-").FullName;
        try
        {
            if (!trainer) return Bare(task, optimization, steps);
            using var store = RunStore.Open(folder);
            using var run = store.Begin("overhead", "train");
            var options = new TrainerOptions { Steps = steps, EvaluateEvery = 0, CheckpointEvery = 0, Workers = 1 };
            using var loop = new Trainer(new StepsOnly(task), options, optimization, run);
            var start = Process.GetCurrentProcess().TotalProcessorTime;
            loop.Run();
            var elapsed = Process.GetCurrentProcess().TotalProcessorTime - start;
            run.Finish(RunStatus.Finished);
            return elapsed.TotalSeconds;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static double Bare(ClassifierTask task, OptimizationOptions optimization, int steps)
    {
        using var optimizer = optimization.CreateOptimizer(task.Module);
        using var generator = Seeding.Generator(0, "training");
        using var loader = new Loader(task.TrainingData, new LoaderOptions());
        var context = new StepContext(0, steps, generator, CPU, NullRunRecorder.Instance, false);
        var clipping = GradientClipping.Norm(1);
        task.Module.train();
        var start = Process.GetCurrentProcess().TotalProcessorTime;
        for (var step = 0; step < steps; step++)
        {
            using var scope = NewDisposeScope();
            var loss = task.Loss(loader.Next(), context);
            loss.backward();
            optimizer.Step(clipping);
            optimizer.ZeroGrad();
        }
        return (Process.GetCurrentProcess().TotalProcessorTime - start).TotalSeconds;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    // The final evaluation is no part of a step's cost.
    private sealed class StepsOnly(ClassifierTask inner) : ITrainingTask
    {
        public nn.Module Module => inner.Module;

        public IDataset TrainingData => inner.TrainingData;

        public HeadlineMetric Headline => inner.Headline;

        public Tensor Loss(Batch batch, StepContext step) => inner.Loss(batch, step);

        public IReadOnlyDictionary<string, double> Evaluate(EvaluationContext context) => new Dictionary<string, double> { [inner.Headline.Name] = 0 };

        public void Dispose()
        {
        }
    }
}
