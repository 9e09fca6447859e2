using Cresset.Kernels;
using Cresset.Nn;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

[LeakFree]
public sealed class BrainFloatActivationTests
{
    [Theory]
    [InlineData("silu")]
    [InlineData("gelu")]
    [InlineData("gelu_tanh")]
    [InlineData("mish")]
    [InlineData("relu2")]
    public void ABfloat16ValueIsTheFloat32ValueRounded(string name)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(7, CPU);
        var f = ActivationCatalog.Function(name);
        foreach (var count in new long[] { 1, 15, 16, 17, 70_001 })
        {
            var x = (randn(count, generator: generator) * 4).to(ScalarType.BFloat16);
            if (count > 16) x[0] = float.PositiveInfinity;
            if (count > 16) x[1] = float.NaN;
            if (count > 16) x[2] = -1e30f;
            Tensor expected = f(x.to(ScalarType.Float32)).to(ScalarType.BFloat16), actual = f(x);
            Assert.Equal(ScalarType.BFloat16, actual.dtype);
            Assert.True((expected.eq(actual) | (expected.isnan() & actual.isnan())).all().ToBoolean(), $"{name}, {count} numbers");
        }
    }

    [Fact]
    public void AGradientIsKept()
    {
        using var scope = NewDisposeScope();
        var x = ones([4], dtype: ScalarType.BFloat16, requires_grad: true);
        Assert.True(ActivationCatalog.Function("silu")(x).requires_grad);
        Assert.Equal([2L, 3], ActivationCatalog.Function("silu")(ones([3, 2], dtype: ScalarType.BFloat16).t()).shape);
    }
}
