using Cresset.Nn;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>
/// The fused kernels against float64: lengths, strides, threads, packed gates, derivatives of second order, reuse of memory.
/// </summary>
[LeakFree]
public sealed class FusedActivationTests
{
    public static TheoryData<string> Names =>
        ["silu", "gelu", "gelu_tanh", "quick_gelu", "swish_beta(-0.7)", "mish", "relu", "relu2", "sigmoid", "tanh", "tanhshrink",
            "softsign", "erf", "softplus", "softplus(2,5)", "logsigmoid", "elu(0.7)", "celu(1.5)", "selu"];

    public static TheoryData<string> Gates =>
        ["silu", "gelu", "gelu_tanh", "quick_gelu", "swish_beta(0.7)", "mish", "relu", "relu2", "sigmoid", "tanh"];

    private static Tensor Numbers(long count, int seed) =>
        randn(count, dtype: ScalarType.Float64, generator: new Generator((ulong)seed)) * 3;

    [Theory]
    [MemberData(nameof(Names))]
    public void GradientAgreesWithFloat64AtEveryLength(string name)
    {
        var f = ActivationCatalog.Function(name);
        foreach (var count in new[] { 1, 2, 3, 7, 8, 9, 15, 16, 17, 33, 1000, 65_537, 200_003 })
        {
            using var scope = NewDisposeScope();
            var (x, g) = (Numbers(count, count), Numbers(count, count + 1));
            var (y64, d64) = Run(f, x, g);
            var (y32, d32) = Run(f, x.to(ScalarType.Float32), g.to(ScalarType.Float32));
            Assert.True(y32.to(ScalarType.Float64).allclose(y64, 2e-5, 2e-6), $"value at length {count}");
            Assert.True(d32.to(ScalarType.Float64).allclose(d64, 1e-4, 1e-5), $"gradient at length {count}");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void StridesAreFollowed(string name)
    {
        using var scope = NewDisposeScope();
        var f = ActivationCatalog.Function(name);
        var x = Numbers(60, 5).to(ScalarType.Float32).reshape(3, 4, 5);
        var plain = f(x);
        Assert.True(Same(f(x.transpose(0, 2)).transpose(0, 2), plain));
        Assert.True(Same(f(x.slice(2, 1, 5, 2)), plain.slice(2, 1, 5, 2)));
        // A gradient that is one number spread over the shape has stride 0.
        var v = x.detach().requires_grad_();
        f(v).sum().backward();
        var w = x.detach().requires_grad_();
        (f(w) * ones_like(w)).sum().backward();
        Assert.True(Same(v.grad!, w.grad!));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ResultIsTheSameAtAnyNumberOfThreads(string name)
    {
        using var scope = NewDisposeScope();
        var f = ActivationCatalog.Function(name);
        var x = Numbers(300_001, 9).to(ScalarType.Float32);
        var threads = get_num_threads();
        var (y, d) = Run(f, x, ones_like(x));
        try
        {
            set_num_threads(1);
            var (y1, d1) = Run(f, x, ones_like(x));
            Assert.True(Same(y, y1) && Same(d, d1));
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    [Theory]
    [MemberData(nameof(Gates))]
    public void GateAgreesWithItsParts(string name)
    {
        using var scope = NewDisposeScope();
        var f = ActivationCatalog.Function(name);
        foreach (var width in new long[] { 1, 5, 16, 33 })
        {
            var (a, b, g) = (Numbers(7 * width, 1), Numbers(7 * width, 2), Numbers(7 * width, 3));
            var (a64, b64) = (a.detach().requires_grad_(), b.detach().requires_grad_());
            var y64 = f(a64) * b64;
            (y64 * g).sum().backward();
            var (a32, b32) = (a.to(ScalarType.Float32).requires_grad_(), b.to(ScalarType.Float32).requires_grad_());
            var y32 = GatedUnits.Apply(a32, b32, name);
            (y32 * g.to(ScalarType.Float32)).sum().backward();
            Near(y64, y32);
            Near(a64.grad!, a32.grad!);
            Near(b64.grad!, b32.grad!);
            foreach (var layout in Enum.GetValues<GateLayout>())
            {
                var (first, second) = layout == GateLayout.GateLast ? (b, a) : (a, b);
                var packed = layout == GateLayout.Interleaved
                    ? stack([first.reshape(7, width), second.reshape(7, width)], 2).reshape(7, 2 * width)
                    : cat([first.reshape(7, width), second.reshape(7, width)], 1);
                var p = packed.to(ScalarType.Float32).detach().requires_grad_();
                var y = GatedUnits.Apply(p, name, layout);
                (y.flatten() * g.to(ScalarType.Float32)).sum().backward();
                Near(y64, y.flatten());
                var (ga, gb) = GatedUnits.Split(p.grad!, layout);
                Near(a64.grad!, ga.reshape(-1));
                Near(b64.grad!, gb.reshape(-1));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Gates))]
    public void SecondDerivativesOfGatesAgreeWithFloat64(string name)
    {
        using var scope = NewDisposeScope();
        var results = new List<Tensor[]>();
        foreach (var type in new[] { ScalarType.Float64, ScalarType.Float32 })
        {
            foreach (var packed in new[] { false, true })
            {
                var (a, b) = (Numbers(24, 1).to(type), Numbers(24, 2).to(type));
                var inputs = packed ? new[] { cat([a.reshape(4, 6), b.reshape(4, 6)], 1).detach().requires_grad_() }
                    : [a.detach().requires_grad_(), b.detach().requires_grad_()];
                var y = packed ? GatedUnits.Apply(inputs[0], name, GateLayout.GateFirst) : GatedUnits.Apply(inputs[0], inputs[1], name);
                var first = autograd.grad([y.square().sum()], inputs, retain_graph: true, create_graph: true);
                var second = autograd.grad([first.Select(t => t.square().sum()).Aggregate((s, t) => s + t)], inputs);
                results.Add(packed ? [second[0].narrow(1, 0, 6).reshape(-1), second[0].narrow(1, 6, 6).reshape(-1)] : [.. second]);
            }
        }
        foreach (var other in results.Skip(1))
        {
            for (var i = 0; i < 2; i++) Assert.True(results[0][i].allclose(other[i].to(ScalarType.Float64), 1e-3, 1e-3));
        }
    }

    [Fact]
    public void PairKeepsOnlyGateAndValueAndOneInputMayBeConstant()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Numbers(10, 1).to(ScalarType.Float32).requires_grad_(), Numbers(10, 2).to(ScalarType.Float32));
        GatedUnits.SwiGlu(a, b).sum().backward();
        Assert.NotNull(a.grad);
        Assert.Null(b.grad);
        var twice = autograd.grad([GatedUnits.SwiGlu(a, b).sum()], [a], retain_graph: true, create_graph: true)[0];
        Assert.True(autograd.grad([twice.sum()], [a])[0].isfinite().all().item<bool>());
    }

    [Fact]
    public void ReusedMemoryGivesTheSameNumbersStepAfterStep()
    {
        using var scope = NewDisposeScope();
        using var buffers = new ActivationBuffers();
        long bytes = 0;
        for (var step = 0; step < 4; step++)
        {
            using var inner = NewDisposeScope();
            var (a, b) = (Numbers(1000, step).to(ScalarType.Float32), Numbers(1000, step + 9).to(ScalarType.Float32));
            var (a1, b1) = (a.detach().requires_grad_(), b.detach().requires_grad_());
            var (a2, b2) = (a.detach().requires_grad_(), b.detach().requires_grad_());
            Activations(GatedUnits.SwiGlu(a1, b1, buffers), buffers).backward();
            Activations(GatedUnits.SwiGlu(a2, b2), null).backward();
            Assert.True(Same(a1.grad!, a2.grad!) && Same(b1.grad!, b2.grad!));
            if (step == 0) bytes = buffers.Bytes;
            Assert.Equal(bytes, buffers.Bytes);
            buffers.NextStep();
        }

        static Tensor Activations(Tensor x, ActivationBuffers? buffers) =>
            Cresset.Nn.Activations.Mish(Cresset.Nn.Activations.Silu(x, buffers), buffers).square().sum();
    }

    private static bool Same(Tensor a, Tensor b) => a.allclose(b, 0, 0);

    private static void Near(Tensor expected, Tensor actual) =>
        Assert.True(actual.to(ScalarType.Float64).reshape(-1).allclose(expected.detach().reshape(-1), 1e-4, 1e-4));

    private static (Tensor Value, Tensor Gradient) Run(Func<Tensor, Tensor> f, Tensor x, Tensor g)
    {
        x = x.detach().requires_grad_();
        var y = f(x);
        return (y.detach(), autograd.grad([y], [x], [g])[0]);
    }
}
