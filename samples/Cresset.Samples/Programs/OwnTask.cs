using Cresset.Data;
using Cresset.Optim;
using Cresset.Runs;
using Cresset.Tensors;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Samples.Programs;

/// <summary>A task of one's own in the trainer: recorded, saved, stopped in the middle and resumed to the same end.</summary>
internal static class OwnTask
{
    public static void Run()
    {
        var options = new TrainerOptions { Steps = 200, BatchSize = 32, EvaluateEvery = 50, CheckpointEvery = 50, Seed = 3 };
        using var store = RunStore.Open("runs");
        using var run = store.Begin("sine", "train");
        foreach (var stopAt in new[] { 120, int.MaxValue })
        {
            Seeding.Apply(options.Seed);
            using var task = new SineTask();
            using var trainer = new Trainer(task, options, new OptimizationOptions { Optimizer = new AdamWRule { LearningRate = 1e-2 } },
                run, new CheckpointFolder(Path.Combine("runs", run.Id, "checkpoints")));
            trainer.TryResume(out _);
            using var stop = new CancellationTokenSource();
            task.AfterEachStep = step => { if (step + 1 == stopAt) stop.Cancel(); };
            var result = trainer.Run(cancellation: stop.Token);
            Console.WriteLine(
                $"{result.End} at step {result.Step}: {string.Join(", ", result.Metrics.Select(m => $"{m.Key} {m.Value:0.0000}"))}");
        }
        run.Finish(RunStatus.Finished, new Dictionary<string, double>());
    }

    private sealed class SineTask : ITrainingTask
    {
        private readonly nn.Module<Tensor, Tensor> _net = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 1));
        private readonly TensorDataset _data = new(linspace(-3, 3, 256).reshape(256, 1), linspace(-3, 3, 256).reshape(256, 1).sin());

        public Action<int>? AfterEachStep { get; set; }

        public nn.Module Module => _net;

        public IDataset TrainingData => _data;

        public HeadlineMetric Headline { get; } = new("error", HigherIsBetter: false);

        public Tensor Loss(Batch batch, StepContext step) => (_net.call(batch.Inputs) - batch.Targets!).square().mean();

        public void AfterStep(StepContext step) => AfterEachStep?.Invoke(step.Step);

        public IReadOnlyDictionary<string, double> Evaluate(EvaluationContext context) =>
            new Dictionary<string, double> { ["error"] = (_net.call(_data.Inputs) - _data.Targets!).square().mean().ToDouble() };

        public void Dispose() => (_net as IDisposable).Dispose();
    }
}
