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
}
