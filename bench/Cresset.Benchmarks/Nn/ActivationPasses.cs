using System.Diagnostics;
using System.Globalization;
using Cresset.Benchmarks.Peers;
using Cresset.Nn;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Benchmarks.Nn;

/// <summary>
/// Forward and backward of activations over 16M float32, all sides taking turns in one run: TorchSharp's operations, Cresset's kernels with
/// new tensors and with reused memory and, as another process, PyTorch. Arguments: rounds, threads and the command that starts Python (with
/// PyTorch).
/// </summary>
internal static class ActivationPasses
{
    private const int Count = 16 << 20;

    public static int Run(string[] arguments)
    {
        var rounds = arguments.Length > 0 ? int.Parse(arguments[0], CultureInfo.InvariantCulture) : 9;
        var threads = arguments.Length > 1 ? int.Parse(arguments[1], CultureInfo.InvariantCulture) : 1;
        set_num_threads(threads);
        using var peer = PeerProcess.Of(arguments, 2, "activation_passes.py", threads, Count);
        var generator = new Generator(1);
        var a = randn(Count, generator: generator).requires_grad_();
        var b = randn(Count, generator: generator).requires_grad_();
        var g = randn(Count, generator: generator);
        var target = empty(Count);
        using var buffers = new ActivationBuffers();
        // Floats moved at least, forward and backward: a unary one reads x and writes y, then reads x and g and writes gx.
        (string Name, int Moved, Func<Tensor> Theirs, Func<Tensor> Ours, Func<Tensor> Reused)[] cases =
        [
            ("swiglu", 8, () => nn.functional.silu(a) * b, () => GatedUnits.SwiGlu(a, b), () => GatedUnits.SwiGlu(a, b, buffers)),
            ("mish", 5, () => nn.functional.mish(a), () => Activations.Mish(a), () => Activations.Mish(a, buffers)),
            ("gelu_tanh", 5, () => a.gelu(TorchSharp.Modules.GELU.Approximate.tanh), () => Activations.GeluTanh(a),
                () => Activations.GeluTanh(a, buffers)),
            ("gelu", 5, () => nn.functional.gelu(a), () => Activations.Gelu(a), () => Activations.Gelu(a, buffers)),
            ("silu", 5, () => nn.functional.silu(a), () => Activations.Silu(a), () => Activations.Silu(a, buffers)),
            ("relu2", 5, () => nn.functional.relu(a).square(), () => Activations.SquaredRelu(a), () => Activations.SquaredRelu(a, buffers)),
        ];
        var times = new Dictionary<(string Case, string Side), List<(double Wall, double Cpu)>>();
        for (var round = -2; round < rounds; round++)
        {
            foreach (var (name, moved, theirs, ours, reused) in cases)
            {
                Record(name, "TorchSharp", () => Pass(theirs, moved == 8));
                Record(name, "Cresset", () => Pass(ours, moved == 8));
                Record(name, "Cresset reused", () => Pass(reused, moved == 8));
                if (peer is not null) Record(name, "PyTorch", null);
            }
            Record("copy", "copy", () =>
            {
                using var quiet = no_grad();
                target.copy_(g);
            });

            void Record(string name, string side, Action? work)
            {
                var time = work is null ? peer!.Step(name) : Time(work);
                buffers.NextStep();
                if (round < 0) return;
                if (!times.TryGetValue((name, side), out var list)) times[(name, side)] = list = [];
                list.Add(time);
            }

            void Pass(Func<Tensor> forward, bool pair)
            {
                using var scope = NewDisposeScope();
                autograd.grad([forward()], pair ? [a, b] : [a], [g]);
            }
        }
        var copy = 8.0 * Count / times[("copy", "copy")].Min(t => t.Wall) / 1e6;
        Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture,
                $"{Count:N0} float32, {threads} threads, {rounds} rounds; allocator: {Cresset.Native.NativeRuntime.Allocator.Reason}; copy "
                    + $"{copy:0.0} GB/s"));
        foreach (var (name, moved, _, _, _) in cases)
        {
            var ours = times[(name, "Cresset")];
            if (times.TryGetValue((name, "PyTorch"), out var peers))
            {
                var least = ours.Min(t => t.Wall);
                ResultRow.Less($"{name} and backward, 16M values, threads {threads}", least, peers.Min(t => t.Wall), "ms",
                    4.0 * moved * Count / least / 1e6 / copy);
            }
            foreach (var side in new[] { "TorchSharp", "PyTorch", "Cresset", "Cresset reused" })
            {
                if (!times.TryGetValue((name, side), out var list)) continue;
                double[] wall = [.. list.Select(t => t.Wall)], cpu = [.. list.Select(t => t.Cpu)];
                var rate = 4.0 * moved * Count / wall.Min() / 1e6;
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{name,-10} {side,-15} wall min {wall.Min(),6:0.0} median {Median(wall),6:0.0}  cpu min {cpu.Min(),6:0.0} median "
                        + $"{Median(cpu),6:0.0} ms  {rate,5:0.0} GB/s = {rate / copy,4:0%} of copy  over Cresset: wall median "
                        + $"{Median(wall) / Median(ours.Select(t => t.Wall)),5:0.00}, cpu median "
                        + $"{Median(cpu) / Median(ours.Select(t => t.Cpu)),5:0.00}"));
            }
        }
        return 0;
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 2];
    }

    private static (double Wall, double Cpu) Time(Action work)
    {
        var cpu = Environment.CpuUsage.TotalTime;
        var clock = Stopwatch.StartNew();
        work();
        return (clock.Elapsed.TotalMilliseconds, (Environment.CpuUsage.TotalTime - cpu).TotalMilliseconds);
    }
}
