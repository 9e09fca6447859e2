using System.Diagnostics;
using System.Globalization;
using Cresset.Benchmarks.Peers;
using Cresset.Nn;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Benchmarks.Nn;

/// <summary>
/// Fused functions of a few thousand values, where the call costs more than the numbers: microseconds a call, forward without a gradient
/// and forward with backward, all sides taking turns in one run. Arguments: rounds, values, and the command that starts Python (with
/// PyTorch).
/// </summary>
internal static class SmallCalls
{
    private const int Calls = 2_000;

    public static int Run(string[] arguments)
    {
        var rounds = arguments.Length > 0 ? int.Parse(arguments[0], CultureInfo.InvariantCulture) : 15;
        var count = arguments.Length > 1 ? int.Parse(arguments[1], CultureInfo.InvariantCulture) : 4096;
        set_num_threads(1);
        using var peer = PeerProcess.Of(arguments, 2, "small_calls.py", count, Calls);
        var generator = new Generator(1);
        var a = randn(count, generator: generator).requires_grad_();
        var b = randn(count, generator: generator).requires_grad_();
        var packed = randn([16, count / 8], generator: generator).requires_grad_();
        var g = randn(count, generator: generator);
        var packedGradient = randn([16, count / 16], generator: generator);
        (string Name, Tensor[] Inputs, Tensor Gradient, Func<Tensor> Theirs, Func<Tensor> Ours)[] cases =
        [
            ("silu", [a], g, () => nn.functional.silu(a), () => Activations.Silu(a)),
            ("gelu", [a], g, () => nn.functional.gelu(a), () => Activations.Gelu(a)),
            ("gelu_tanh", [a], g, () => a.gelu(TorchSharp.Modules.GELU.Approximate.tanh), () => Activations.GeluTanh(a)),
            ("swiglu", [a, b], g, () => nn.functional.silu(a) * b, () => GatedUnits.SwiGlu(a, b)),
            ("swiglu_packed", [packed], packedGradient, () => PackedOfTorch(packed), () => GatedUnits.Apply(packed)),
        ];
        var best = new Dictionary<(string Case, string Side, bool Backward), double>();
        for (var round = -2; round < rounds; round++)
        {
            foreach (var (name, inputs, gradient, theirs, ours) in cases)
            {
                foreach (var backward in new[] { false, true })
                {
                    Record(name, "TorchSharp", backward, Cost(theirs, inputs, gradient, backward));
                    Record(name, "Cresset", backward, Cost(ours, inputs, gradient, backward));
                    if (peer is not null) Record(name, "PyTorch", backward, peer.Step(backward ? name + "+" : name).Cpu * 1e3 / Calls);
                }
            }

            void Record(string name, string side, bool backward, double cost)
            {
                if (round < 0) return;
                best[(name, side, backward)] = Math.Min(cost, best.GetValueOrDefault((name, side, backward), double.MaxValue));
            }
        }
        Console.WriteLine(
            $"{count:N0} float32, one thread, {rounds} rounds of {Calls:N0} calls: least microseconds of processor time a call");
        foreach (var (name, _, _, _, _) in cases)
        {
            foreach (var backward in new[] { false, true })
            {
                var ours = best[(name, "Cresset", backward)];
                var line = $"{name + (backward ? " + backward" : ""),-26} Cresset {ours,6:0.00}";
                foreach (var side in new[] { "TorchSharp", "PyTorch" })
                {
                    if (best.TryGetValue((name, side, backward), out var theirs))
                        line += $"  {side} {theirs,6:0.00} ({theirs / ours:0.00})";
                }
                Console.WriteLine(line);
                if (best.TryGetValue((name, "PyTorch", backward), out var peers))
                    ResultRow.Less($"{name}{(backward ? " and backward" : "")} of {count} values", ours, peers, "us");
            }
        }
        return 0;
    }

    private static Tensor PackedOfTorch(Tensor packed)
    {
        using var scope = NewDisposeScope();
        var halves = packed.chunk(2, -1);
        return (nn.functional.silu(halves[0]) * halves[1]).MoveToOuterDisposeScope();
    }

    private static double Cost(Func<Tensor> forward, Tensor[] inputs, Tensor gradient, bool backward)
    {
        var cpu = Environment.CpuUsage.TotalTime;
        if (backward)
        {
            for (var i = 0; i < Calls; i++)
            {
                using var scope = NewDisposeScope();
                autograd.grad([forward()], inputs, [gradient]);
            }
        }
        else
        {
            using var quiet = no_grad();
            for (var i = 0; i < Calls; i++) forward().Dispose();
        }
        return (Environment.CpuUsage.TotalTime - cpu).TotalMicroseconds / Calls;
    }
}
