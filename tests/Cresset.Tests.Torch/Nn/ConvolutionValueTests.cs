using System.Runtime.InteropServices;
using Cresset.Native.Loading;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>
/// libtorch's float32 convolutions against its float64 ones: wrong kernels of a processor's widest instructions show here.
/// </summary>
public sealed class ConvolutionValueTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ConvolutionsAreRightInEveryLayoutAndNumberOfChannels(bool channelsLast)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(7, CPU);
        foreach (var kernel in new long[] { 1, 3 })
        {
            foreach (var inputs in new long[] { 7, 48 })
            {
                foreach (var outputs in new long[] { 3, 16, 31, 33, 40, 56, 65, 72, 96, 100 })
                {
                    using var inner = NewDisposeScope();
                    var x = randn([16, inputs, 6, 6], generator: generator);
                    if (channelsLast) x = x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);
                    var weight = randn([outputs, inputs, kernel, kernel], generator: generator);
                    var result = nn.functional.conv2d(x, weight, padding: [kernel / 2, kernel / 2]);
                    var exact = nn.functional.conv2d(x.to(float64), weight.to(float64), padding: [kernel / 2, kernel / 2]);
                    var error = (result.to(float64) - exact).abs().max().item<double>() / exact.abs().max().item<double>();
                    Assert.True(error < 1e-5, $"kernel {kernel}, {inputs} to {outputs} channels: relative error {error:0.0e+0}");
                }
            }
        }
    }

    /// <summary>Gradients too, with strides, gaps and groups.</summary>
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(2, 1, 1)]
    [InlineData(1, 2, 1)]
    [InlineData(1, 1, 3)]
    public void GradientsOfConvolutionsAreRight(long stride, long dilation, long groups)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(9, CPU);
        foreach (var (inputs, outputs) in new (long, long)[] { (3, 33), (33, 72), (48, 100), (99, 66), (128, 128) })
        {
            if (inputs % groups != 0 || outputs % groups != 0) continue;
            using var inner = NewDisposeScope();
            Tensor[] values = [randn([4, inputs, 9, 9], generator: generator),
                randn([outputs, inputs / groups, 3, 3], generator: generator)];
            Tensor[] Of(ScalarType type)
            {
                Tensor[] leaves = [.. values.Select(v => v.to(type, copy: true).requires_grad_())];
                var y = nn.functional.conv2d(leaves[0], leaves[1], padding: [1, 1], strides: [stride, stride],
                    dilation: [dilation, dilation], groups: groups);
                (y * y).sum().backward();
                return [y.detach(), .. leaves.Select(l => l.grad!)];
            }
            foreach (var (found, exact) in Of(float32).Zip(Of(float64)))
            {
                var error = (found.to(float64) - exact).abs().max().item<double>() / exact.abs().max().item<double>();
                Assert.True(error < 1e-5, $"{inputs} to {outputs} channels: relative error {error:0.0e+0}");
            }
        }
    }

    /// <summary>On machines that hide their caches an unknown libtorch computes convolutions several times slower.</summary>
    [Fact]
    public void TheLibtorchThatIsShippedIsKnown()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64) return;
        using var loaded = ones(1);
        Assert.True(CacheSizes.Forget());
        Assert.True(Cresset.Native.NativeRuntime.HasWideConvolutions, Cresset.Native.NativeRuntime.Convolutions);
    }
}
