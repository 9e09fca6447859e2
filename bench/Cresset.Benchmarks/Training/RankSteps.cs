using System.Diagnostics;
using System.Globalization;
using Cresset.Data;
using Cresset.Distributed;
using Cresset.Optim;
using Cresset.Recipes;
using Cresset.Runs;
using Cresset.Tensors;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Benchmarks.Training;

/// <summary>
/// Steps of a rank: forward and backward alone, with gradients added up over the ranks after backward, and with buckets that set out during
/// it; the three take turns. Started without mpirun it is a process alone. See ranks.sh for the whole measurement.
/// </summary>
internal static class RankSteps
{
    public static int Run(string[] args)
    {
        if (args.Length < 3)
        {
            Console.Error.WriteLine("usage: ranks-step mlp|RECIPE BATCH-OF-THE-RANK ROUNDS [key=value ...]");
            return 2;
        }
        using var ranks = Communicator.Open();
        set_num_threads(1);
        Seeding.Apply(1);
        using var task = args[0] == "mlp" ? new Perceptron() : Task(args[0], args[3..]);
        var batch = int.Parse(args[1], CultureInfo.InvariantCulture);
        var rounds = int.Parse(args[2], CultureInfo.InvariantCulture);
        using var loader = new Loader(task.TrainingData, new LoaderOptions { BatchSize = batch, Seed = (ulong)ranks.Rank });
        using var optimizer = new OptimizationOptions().CreateOptimizer(task.Module);
        var ways = ranks.Size == 1 ? [("alone", null)] : new (string Name, GradientExchange? Exchange)[]
        {
            ("no exchange", null),
            ("after backward", new GradientExchange(ranks, task.Module, overlaps: false)),
            ("during backward", new GradientExchange(ranks, task.Module, overlaps: true)),
        };
        var times = ways.ToDictionary(w => w.Name, _ => new List<double>());
        var stepTimes = ways.ToDictionary(w => w.Name, _ => new List<double>());
        using var generator = new Generator(7);
        for (var round = -3; round < rounds; round++)
        {
            foreach (var (name, exchange) in ways)
            {
                using var scope = NewDisposeScope();
                var examples = loader.Next();
                ranks.Barrier();
                var clock = Stopwatch.StartNew();
                exchange?.BeginLastPart();
                var loss = task.Loss(examples, new StepContext(0, 1, generator, CPU, NullRunRecorder.Instance, IsLogged: false));
                Derivatives.Backward(loss);
                exchange?.Reduce(0);
                if (round >= 0) times[name].Add(clock.Elapsed.TotalMilliseconds);
                optimizer.Step(null, 1.0 / ranks.Size, null);
                optimizer.ZeroGrad();
                if (round >= 0) stepTimes[name].Add(clock.Elapsed.TotalMilliseconds);
            }
        }
        if (ranks.Rank > 0) return 0;
        var bytes = task.Module.parameters().Where(p => p.requires_grad).Sum(p => p.numel()) * sizeof(float);
        // A busy machine only ever adds time: the best step of each way is the least disturbed.
        var alone = times[ways[0].Name];
        foreach (var (name, _) in ways)
        {
            var own = times[name];
            Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"cresset  {args[0]}  batch {batch}  {name}: forward and backward {Median(own):0.00} ms (best {own.Min():0.00}), exchange "
                    + $"{Median(own) - Median(alone):0.00} ms (best {own.Min() - alone.Min():0.00}), step {Median(stepTimes[name]):0.00} "
                    + $"ms (best {stepTimes[name].Min():0.00})  {bytes / 1e6:0.00} MB, {ranks.Description}"));
        }
        return 0;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static ITrainingTask Task(string recipe, string[] overrides)
    {
        var resolved = new RecipeCatalog().Find(recipe).Resolve(overrides);
        return ((Job)resolved.Job).StageToTrain(
            new JobContext(resolved, NullRunRecorder.Instance, Path.GetTempPath(), null, CancellationToken.None))!.Create();
    }

    /// <summary>2.18 million weights in four layers, so that the exchange is large beside the arithmetic.</summary>
    private sealed class Perceptron : ITrainingTask
    {
        private readonly nn.Module<Tensor, Tensor> _net = nn.Sequential(nn.Linear(64, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(),
            nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 10));

        public nn.Module Module => _net;

        public IDataset TrainingData { get; } = new TensorDataset(randn(4096, 64), randint(10, [4096], dtype: ScalarType.Int64));

        public HeadlineMetric Headline { get; } = new("loss", HigherIsBetter: false);

        public Tensor Loss(Batch batch, StepContext step) => nn.functional.cross_entropy(_net.call(batch.Inputs), batch.Targets!);

        public IReadOnlyDictionary<string, double> Evaluate(EvaluationContext context) => new Dictionary<string, double>();

        public void Dispose()
        {
            _net.Dispose();
            ((TensorDataset)TrainingData).Dispose();
        }
    }
}
