using System.Diagnostics;
using System.Globalization;
using Cresset.Benchmarks.Peers;
using Cresset.Optim;
using TorchSharp;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace Cresset.Benchmarks.Optim;

/// <summary>
/// A step of AdamW over many parameters, all sides taking turns in one run: a kernel that only moves the same bytes, the fused step,
/// TorchSharp's AdamW and, as another process, PyTorch's fused and foreach AdamW. Arguments: scenario (big, small, pipeline), rounds,
/// threads and the command that starts Python (with PyTorch) where bench/peers can be read.
/// </summary>
internal static class OptimizerSteps
{
    public static int Run(string[] args)
    {
        var scenario = args.Length > 0 ? args[0] : "big";
        var rounds = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 15;
        var threads = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : Environment.ProcessorCount;
        set_num_threads(threads);
        var sizes = scenario == "small" ? Enumerable.Range(0, 300).Select(i => 33_333L + ((i % 7) * 3)).ToArray()
            : [12_500_000, 12_500_000, 12_500_000, 12_500_000];
        var pipeline = scenario == "pipeline";
        using var peer = PeerProcess.Of(args, 3, "adamw_steps.py", scenario, threads, string.Join(',', sizes));
        using var ours = new Weights(sizes);
        using var fused = new Optimizer(ours.Groups, new AdamWRule()) { Threads = threads };
        using var average = pipeline ? new WeightAverage(ours.Named, WeightAverageOptions.Ema(0.999)) : null;
        var clip = pipeline ? GradientClipping.Norm(1) : null;
        using var moved = new TrafficOnly(ours, pipeline, threads);
        using var theirs = new Weights(sizes);
#pragma warning disable RS0030 // the shipped class is the thing measured
        var shipped = optim.AdamW(theirs.Parameters, weight_decay: 0.01);
#pragma warning restore RS0030
        using var shadow = pipeline ? new Weights(sizes) : null;
        var contenders = new List<(string Name, Func<(double Wall, double Cpu)> Step)>
        {
            ("traffic only", () => Time(moved.Step)),
            ("Cresset fused", () => Time(() => fused.Step(clip, average: average))),
            ("TorchSharp", () => Time(() => Shipped(shipped, theirs, shadow))),
        };
        if (peer is not null)
        {
            contenders.Add(("PyTorch fused", () => peer.Step("fused")));
            if (!pipeline) contenders.Add(("PyTorch foreach", () => peer.Step("foreach")));
        }
        var times = contenders.ToDictionary(c => c.Name, _ => new List<(double Wall, double Cpu)>());
        for (var round = -2; round < rounds; round++)
        {
            foreach (var (name, step) in contenders)
            {
                var ms = step();
                if (round >= 0) times[name].Add(ms);
            }
        }
        var bytes = sizes.Sum() * (pipeline ? 40.0 : 28.0);
        Console.WriteLine(
            $"{scenario}: {sizes.Sum():N0} parameters in {sizes.Length} tensors, {threads} threads, {rounds} rounds; allocator: "
                + $"{Cresset.Native.NativeRuntime.Allocator.Reason}");
        var best = times["Cresset fused"];
        foreach (var (name, list) in times)
        {
            double[] wall = [.. list.Select(t => t.Wall)], cpu = [.. list.Select(t => t.Cpu)];
            double[] ourWall = [.. best.Select(t => t.Wall)], ourCpu = [.. best.Select(t => t.Cpu)];
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{name,-16} wall min {wall.Min(),7:0.0} median {Median(wall),7:0.0} ms  cpu min {cpu.Min(),7:0.0} median "
                    + $"{Median(cpu),7:0.0} ms  {bytes / wall.Min() / 1e6,5:0.0} GB/s  over fused: wall min "
                    + $"{wall.Min() / ourWall.Min(),5:0.00}, median {Median(wall.Zip(ourWall, (a, b) => a / b)),5:0.00}; cpu min "
                    + $"{cpu.Min() / ourCpu.Min(),5:0.00}, median {Median(cpu.Zip(ourCpu, (a, b) => a / b)),5:0.00}"));
        }
        if (times.TryGetValue("PyTorch fused", out var theirTimes))
        {
            ResultRow.Less($"AdamW, {scenario}, threads {threads}", best.Min(t => t.Wall), theirTimes.Min(t => t.Wall), "ms",
                times["traffic only"].Min(t => t.Wall) / best.Min(t => t.Wall));
        }
        return 0;
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 2];
    }

    private static (double Wall, double Cpu) Time(Action step)
    {
        var cpu = Environment.CpuUsage.TotalTime;
        var clock = Stopwatch.StartNew();
        step();
        return (clock.Elapsed.TotalMilliseconds, (Environment.CpuUsage.TotalTime - cpu).TotalMilliseconds);
    }

    private static void Shipped(optim.Optimizer optimizer, Weights weights, Weights? shadow)
    {
        using var scope = NewDisposeScope();
        if (shadow is not null) nn.utils.clip_grad_norm_(weights.Parameters, 1.0);
        optimizer.step();
        if (shadow is null) return;
        using var quiet = no_grad();
        for (var i = 0; i < weights.Parameters.Length; i++) shadow.Parameters[i].lerp_(weights.Parameters[i], 0.001);
    }

    /// <summary>Parameters with gradients.</summary>
    internal sealed class Weights : IDisposable
    {
        public Weights(long[] sizes)
        {
            using var quiet = no_grad();
            Parameters = [.. sizes.Select(n => new Parameter(randn(n)))];
            foreach (var p in Parameters) p.grad = randn(p.numel());
        }

        public Parameter[] Parameters { get; }

        public IReadOnlyList<NamedParameter> Named => [.. Parameters.Select((p, i) => new NamedParameter($"p{i}", p))];

        public IReadOnlyList<ParameterGroupSpec> Groups => [new ParameterGroupSpec("all", Named)];

        public void Dispose()
        {
            foreach (var p in Parameters) p.Dispose();
        }
    }
}
