using System.Diagnostics;
using System.Globalization;
using Cresset.Data;
using Cresset.Optim;
using Cresset.Runs;
using Cresset.Tensors;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Benchmarks.Training;

/// <summary>
/// How long a checkpoint of 500 MB stops training: the step that ends with a save against the steps around it, and beside it the bare copy
/// of the same tensors in memory and the whole save on the training thread.
/// </summary>
internal static class CheckpointStall
{
    public static int Run(string[] args)
    {
        var megabytes = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 500;
        var rounds = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 5;
        var (background, copies, size) = Measure(megabytes, rounds, true);
        var (blocking, _, _) = Measure(megabytes, Math.Min(rounds, 3), false);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"checkpoint of {size / 1e6:0} MB, medians of {rounds} saves"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"copy of the tensors alone      {1000 * Median(copies):0} ms"));
        Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture,
                $"training stops, in background  {1000 * Median(background):0} ms (ratio to the copy "
                    + $"{Median(background) / Median(copies):0.00}; goal at most the copy)"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"training stops, on its thread  {1000 * Median(blocking):0} ms"));
        return 0;
    }

    private static (List<double> Stalls, List<double> Copies, long Size) Measure(int megabytes, int rounds, bool isBackground)
    {
        Seeding.Apply(1);
        var folder = Directory.CreateTempSubdirectory("cresset-bench-").FullName;
        try
        {
            using var task = new LargeTask(megabytes * 250_000L);
            var checkpoints = new CheckpointFolder(folder);
            const int Every = 40;
            var options = new TrainerOptions
            {
                Steps = Every * (rounds + 1),
                EvaluateEvery = 0,
                CheckpointEvery = Every,
                CheckpointMinutes = 0,
                BackgroundCheckpoints = isBackground,
                ClipNorm = 0,
                Workers = 0,
                KeepLast = 1,
                KeepBest = false
            };
            // Plain SGD of a frozen bulk: the checkpoint is the model, and a step is a few milliseconds.
            using var trainer = new Trainer(task, options,
                new OptimizationOptions { Optimizer = new SgdRule { LearningRate = 1e-3 }, Schedule = ConstantSchedule.Flat },
                NullRunRecorder.Instance, checkpoints);
            var times = new List<double>();
            var copies = new List<double>();
            var buffers = StateDict.Of(task.Module).Values.Select(tensor => tensor.detach().clone().DetachFromDisposeScope()).ToList();
            var clock = Stopwatch.StartNew();
            trainer.Run(new Steps(() =>
            {
                times.Add(clock.Elapsed.TotalSeconds);
                // Half way to the next save the last one must be done with: a second would wait for it, which is the speed of disk and hash
                // and no stall of a save.
                // Then the bare copy is taken, into memory that is there already, as the one that a save makes.
                if (times.Count > Every && times.Count % Every == Every / 2)
                {
                    while (checkpoints.List().All(c => c.Step != times.Count - (Every / 2) || c.Sha256.Length == 0)) Thread.Sleep(20);
                    // The file before the last is deleted after that, which takes its time too.
                    Thread.Sleep(1000);
                    clock.Restart();
                    using var scope = NewDisposeScope();
                    foreach (var (from, to) in StateDict.Of(task.Module).Values.Zip(buffers)) to.copy_(from.detach());
                    copies.Add(clock.Elapsed.TotalSeconds);
                }
                clock.Restart();
            }));
            // times[i] is the time from report i - 1 to report i: a save follows report Every - 1, so it shows in the next.
            var plain = Median([.. times.Where((_, i) => i > 0 && i % Every != 0)]);
            List<double> stalls = [.. Enumerable.Range(1, rounds).Select(r => Math.Max(0, times[r * Every] - plain))];
            buffers.ForEach(buffer => buffer.Dispose());
            return (stalls, copies, new FileInfo(Directory.GetFiles(folder, "*.safetensors").Single()).Length);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private sealed class Steps(Action done) : IProgress<TrainingReport>
    {
        public void Report(TrainingReport value)
        {
            if (value is StepReport) done();
        }
    }

    // A few trained numbers beside many that only have to be kept.
    private sealed class LargeTask : ITrainingTask
    {
        private readonly Net _net;
        private readonly TensorDataset _data = new(randn(256, 8));

        public LargeTask(long parameters) => _net = new Net(parameters);

        public nn.Module Module => _net;

        public IDataset TrainingData => _data;

        public HeadlineMetric Headline { get; } = new("loss", HigherIsBetter: false);

        public Tensor Loss(Batch batch, StepContext step) => _net.call(batch.Inputs).square().mean();

        public IReadOnlyDictionary<string, double> Evaluate(EvaluationContext context) => new Dictionary<string, double> { ["loss"] = 0 };

        public void Dispose()
        {
            _net.Dispose();
            _data.Dispose();
        }
    }

    private sealed class Net : nn.Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Linear _linear = nn.Linear(8, 8);
        private readonly List<Tensor> _bulk = [];

        public Net(long numbers)
            : base(nameof(Net))
        {
            const int Pieces = 20;
            for (var i = 0; i < Pieces; i++)
            {
                var piece = randn(numbers / Pieces).DetachFromDisposeScope();
                _bulk.Add(piece);
                register_buffer($"bulk{i}", piece);
            }
            register_module("linear", _linear);
        }

        public override Tensor forward(Tensor input) => _linear.call(input);
    }
}
