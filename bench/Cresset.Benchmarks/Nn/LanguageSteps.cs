using System.Diagnostics;
using System.Globalization;
using Cresset.Benchmarks.Peers;
using Cresset.Native;
using Cresset.Nn;
using Cresset.Optim;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Benchmarks.Nn;

/// <summary>
/// The language model of the recipe gpt-shakespeare (4 layers, 4 heads, width 128, context 64, LLaMA's kind): a training step of 12 blocks,
/// and a text of 256 tokens written with a cache, beside the same network in PyTorch, taking turns in one run. Arguments: rounds, threads
/// and the command that starts Python (with PyTorch).
/// </summary>
internal static class LanguageSteps
{
    private const int Vocabulary = 65, Batch = 12, Length = 256;

    public static int Run(string[] arguments)
    {
        var rounds = arguments.Length > 0 ? int.Parse(arguments[0], CultureInfo.InvariantCulture) : 9;
        var threads = arguments.Length > 1 ? int.Parse(arguments[1], CultureInfo.InvariantCulture) : 1;
        set_num_threads(threads);
        var start = Peak();
        using var generator = new Generator(1);
        using var model = new DecoderTransformer(Vocabulary, new DecoderOptions { FeedForward = new() { MultipleOf = 8 } }, generator);
        var parameters = model.parameters().Sum(p => p.numel());
        using var peer = PeerProcess.Of(arguments, 2, "language_steps.py", threads, parameters, Length);
        using var optimizer = new OptimizationOptions
        {
            Optimizer = new AdamWRule { LearningRate = 3e-3, Beta2 = 0.99, WeightDecay = 0.1 },
        }.CreateOptimizer(model);
        using var ids = randint(0, Vocabulary, [Batch, model.Options.Context + 1], ScalarType.Int64, generator: generator);
        using Tensor inputs = ids[.., ..^1].contiguous(), targets = ids[.., 1..].contiguous().flatten();
        (string Name, Action Work)[] cases =
        [
            ("train", Step),
            ("greedy", () => Write(new TokenChoice { Temperature = 0 })),
            ("topk", () => Write(new TokenChoice { Temperature = 0.8, TopK = 20 })),
        ];
        Console.WriteLine(
            $"{parameters:N0} parameters, {threads} threads, {rounds} rounds in turns; allocator: {NativeRuntime.Allocator.Reason}");
        foreach (var (name, work) in cases)
        {
            List<(double Wall, double Cpu)> ours = [], theirs = [];
            // A step is short against a text: more of them.
            for (var round = -2; round < (name == "train" ? 5 * rounds : rounds); round++)
            {
                var cpu = Environment.CpuUsage.TotalTime;
                var clock = Stopwatch.StartNew();
                work();
                var mine = (clock.Elapsed.TotalMilliseconds, (Environment.CpuUsage.TotalTime - cpu).TotalMilliseconds);
                var answer = peer?.Step(name);
                if (round < 0) continue;
                ours.Add(mine);
                if (answer is { } other) theirs.Add(other);
            }
            Print(name, "Cresset", ours);
            if (peer is null) continue;
            Print(name, "PyTorch", theirs);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{name,-6} ratio: wall least {theirs.Min(t => t.Wall) / ours.Min(t => t.Wall):0.00}, medians "
                    + $"{Median(theirs.Select(t => t.Wall)) / Median(ours.Select(t => t.Wall)):0.00}; processor least "
                    + $"{theirs.Min(t => t.Cpu) / ours.Min(t => t.Cpu):0.00}, medians "
                    + $"{Median(theirs.Select(t => t.Cpu)) / Median(ours.Select(t => t.Cpu)):0.00}"));
            double least = ours.Min(t => t.Wall), peers = theirs.Min(t => t.Wall);
            if (name == "train") ResultRow.Less($"language model, training step, threads {threads}", least, peers, "ms");
            else ResultRow.More($"language model, text with a cache ({name}), threads {threads}", Rate(least), Rate(peers), "tokens/s");
        }
        if (peer is not null)
        {
            var (highest, before) = peer.Step("memory");
            Memory("PyTorch", highest, before);
        }
        Memory("Cresset", Peak(), start);
        return 0;

        void Step()
        {
            using var scope = NewDisposeScope();
            optimizer.ZeroGrad();
            nn.functional.cross_entropy(model.call(inputs).flatten(0, 1), targets).backward();
            optimizer.Step();
        }

        void Write(TokenChoice choice)
        {
            model.eval();
            foreach (var _ in choice.Continue(model, [0], Length, generator))
            {
            }
            model.train();
        }
    }

    private static double Rate(double milliseconds) => Length * 1e3 / milliseconds;

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 2];
    }

    private static void Print(string name, string side, List<(double Wall, double Cpu)> times)
        => Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture,
                $"{name,-6} {side}: wall least {times.Min(t => t.Wall):0.0}, median {Median(times.Select(t => t.Wall)):0.0} ms; processor "
                    + $"least {times.Min(t => t.Cpu):0.0}, median {Median(times.Select(t => t.Cpu)):0.0} ms")
                + (name == "train" ? ""
                    : string.Create(CultureInfo.InvariantCulture, $"; {Rate(times.Min(t => t.Wall)):0} tokens/s at best")));

    private static double Peak() => Diffusion.ResidentMemory.Peak() / (double)(1 << 20);

    private static void Memory(string side, double highest, double before) =>
        Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture,
                $"{side,-8} highest resident memory {highest:0} MiB, {highest - before:0} MiB of it since the libraries were loaded"));
}
