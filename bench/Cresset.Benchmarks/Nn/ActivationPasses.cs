using System.Diagnostics;
using Cresset.Nn;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Benchmarks.Nn;

/// <summary>Forward and backward of activations over 16M floats, TorchSharp's operations and Cresset's kernels interleaved; CPU time.</summary>
internal static class ActivationPasses
{
    private const int Rounds = 9;

    public static int Run(string[] arguments)
    {
        set_num_threads(arguments.Length > 0 ? int.Parse(arguments[0]) : 1);
        var generator = new Generator(1);
        var a = randn(16 << 20, generator: generator).requires_grad_();
        var b = randn(16 << 20, generator: generator).requires_grad_();
        var g = randn(16 << 20, generator: generator);
        using var buffers = new ActivationBuffers();
        (string Name, Func<Tensor> Forward, bool Pair)[] cases =
        [
            ("swiglu torchsharp", () => nn.functional.silu(a) * b, true),
            ("swiglu cresset", () => GatedUnits.SwiGlu(a, b), true),
            ("swiglu cresset, reused memory", () => GatedUnits.SwiGlu(a, b, buffers), true),
            ("mish torchsharp", () => nn.functional.mish(a), false),
            ("mish cresset", () => Activations.Mish(a), false),
            ("gelu_tanh torchsharp", () => a.gelu(TorchSharp.Modules.GELU.Approximate.tanh), false),
            ("gelu_tanh cresset", () => Activations.GeluTanh(a), false),
            ("gelu torchsharp", () => nn.functional.gelu(a), false),
            ("gelu cresset", () => Activations.Gelu(a), false),
            ("silu torchsharp", () => nn.functional.silu(a), false),
            ("silu cresset", () => Activations.Silu(a), false),
            ("relu2 torchsharp", () => nn.functional.relu(a).square(), false),
            ("relu2 cresset", () => Activations.SquaredRelu(a), false),
        ];
        var times = cases.ToDictionary(c => c.Name, _ => new List<double>());
        for (var round = 0; round < Rounds; round++)
        {
            foreach (var (name, forward, pair) in cases)
            {
                var before = Process.GetCurrentProcess().TotalProcessorTime;
                using (NewDisposeScope()) autograd.grad([forward()], pair ? [a, b] : [a], [g]);
                buffers.NextStep();
                if (round > 1) times[name].Add((Process.GetCurrentProcess().TotalProcessorTime - before).TotalMilliseconds);
            }
        }
        foreach (var (name, list) in times)
        {
            list.Sort();
            Console.WriteLine($"{name,-32} min {list[0],7:F1} ms   median {list[list.Count / 2],7:F1} ms");
        }
        return 0;
    }
}
