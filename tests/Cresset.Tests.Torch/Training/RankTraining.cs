using System.Globalization;
using System.Runtime.CompilerServices;
using Cresset.Distributed;
using Cresset.Native;
using Cresset.Optim;
using Cresset.Runs;
using Cresset.Tensors;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Training;

/// <summary>
/// Short trainings, each in a line: "mlp 12 1 folder" trains that net to step 12 with one part a rank, going on from what the folder holds
/// ("-" for none); "mlp+sync", "mlp+after" and "mlp+pairs" share batch statistics, add up gradients after backward, and in pairs. Started
/// with CRESSET_TEST_TRAINING the test program does them as a rank, and rank 0 prints a line for each.
/// </summary>
internal static class RankTraining
{
    public const string Variable = "CRESSET_TEST_TRAINING";

    /// <summary>Last weights, metric and losses of a training, as text.</summary>
    public static string Run(string line, ICommunicator ranks)
    {
        var words = line.Split(' ');
        var (kind, settings) = (words[0].Split('+')[0], words[0].Split('+')[1..]);
        var (steps, accumulate, folder) = (int.Parse(words[1], CultureInfo.InvariantCulture),
            int.Parse(words[2], CultureInfo.InvariantCulture), words[3]);
        var options = new TrainerOptions
        {
            Steps = steps,
            BatchSize = words.Length > 4 ? int.Parse(words[4], CultureInfo.InvariantCulture) : 24,
            Accumulate = accumulate,
            EmaDecay = 0.9,
            EvaluateEvery = 5,
            CheckpointEvery = 0,
            Threads = 1,
            Seed = 3,
            SyncBatchNorm = settings.Contains("sync"),
            Overlap = !settings.Contains("after")
        };
        Seeding.Apply(options.Seed);
        using var task = new RankTask(kind is "other-data" ? "mlp" : kind, kind == "other-data" && ranks.Rank == 1 ? 99 : 100,
            settings.Contains("pairs"), ranks.Size > 1 ? ranks.Rank : 0);
        // Weights that differ at the start must not matter: rank 0's are everybody's.
        if (ranks.Rank > 0) using (no_grad()) foreach (var (_, parameter) in task.Module.named_parameters()) parameter.add_(0.5f);
        using var trainer = new Trainer(task, options,
            new OptimizationOptions { Optimizer = new AdamWRule { LearningRate = 1e-2 }, Schedule = new ConstantSchedule() },
            NullRunRecorder.Instance, folder == "-" ? null : new CheckpointFolder(folder), ranks);
        trainer.Hooks.Add(task);
        if (folder != "-") trainer.TryResume(out _);
        var result = trainer.Run();
        using var scope = NewDisposeScope();
        var weights = StateDict.Of(task.Module).OrderBy(p => p.Key, StringComparer.Ordinal).Where(p => p.Value.dtype == ScalarType.Float32)
            .SelectMany(p => p.Value.contiguous().bytes.ToArray());
        return $"{TensorExchange.Hash(StateDict.Of(task.Module))} {result.Metrics["loss"]:R} {result.Metrics["drawn"]:R} {task.LastLoss:R} "
            + $"{Convert.ToBase64String([.. weights])}";
    }

    [ModuleInitializer]
    internal static void Rank()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { } lines) return;
        NativeRuntime.Initialize();
        try
        {
            using (var ranks = Communicator.Open())
            {
                foreach (var line in lines.Split(';'))
                {
                    var outcome = Run(line, ranks);
                    // All ranks hold the same.
                    if (ranks.Differing(outcome) is not null) throw new InvalidOperationException($"ranks differ after {line}");
                    if (ranks.Rank == 0) Console.Out.WriteLine($"{line} => {outcome}");
                }
            }
            Environment.Exit(0);
        }
        catch (Exception e)
        {
            Console.Error.WriteLine($"{e.GetType().Name}: {e.Message}");
            Environment.Exit(3);
        }
    }
}
