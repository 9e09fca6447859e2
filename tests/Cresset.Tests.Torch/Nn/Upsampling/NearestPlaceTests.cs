using Cresset.Nn;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn.Upsampling;

/// <summary>
/// Nearest places are libtorch's for every pair of sizes, also where a centre falls on the border of two pixels (2 to 55: place 27).
/// </summary>
public sealed class NearestPlaceTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void EveryPairOfSizesHasTheirPlaces(int rank)
    {
        var wrong = new List<string>();
        foreach (var mode in new[] { ResizeMode.Nearest, ResizeMode.NearestExact })
        {
            for (var from = 1; from <= 40; from++)
            {
                using var scope = NewDisposeScope();
                var x = arange(from, dtype: ScalarType.Float32).reshape([1, 1, .. Enumerable.Repeat(1L, rank - 1), from]);
                for (var to = 1; to <= 60; to++)
                {
                    // Tall results take libtorch's other way.
                    foreach (var height in rank == 2 ? new[] { 1L, 100 } : [1L])
                    {
                        long[] size = [.. Enumerable.Repeat(1L, Math.Max(0, rank - 2)), .. rank > 1 ? [height] : Array.Empty<long>(), to];
                        using var inner = NewDisposeScope();
                        var own = Resample.Of(x, Resampling.Between(x, size, null, mode, false, false, false)!);
                        if (!own.eq(Upsample.Native(x, size, null, mode)).all().ToBoolean())
                            wrong.Add($"{mode} {from} to {string.Join('x', size)}");
                    }
                }
            }
        }
        Assert.Empty(wrong);
    }

    /// <summary>
    /// The kernel's gradient goes to the pixel that the forward pass reads, also on the border of two pixels, where libtorch's goes to the
    /// other one.
    /// </summary>
    [Theory]
    [InlineData(2, 55)]
    [InlineData(6, 20)]
    [InlineData(40, 60)]
    public void GradientsGoWhereTheForwardPassReads(int from, int to)
    {
        using var scope = NewDisposeScope();
        foreach (var mode in new[] { ResizeMode.Nearest, ResizeMode.NearestExact })
        {
            var x = arange(from, dtype: ScalarType.Float32).reshape(1, 1, from).requires_grad_();
            var y = Upsample.Apply(x, [to], mode: mode);
            y.sum().backward();
            var read = y.detach().flatten().to(ScalarType.Int64).bincount(null, from).to(ScalarType.Float32);
            Assert.True(read.allclose(x.grad!.flatten(), 0, 0), $"{mode} {from} to {to}");
        }
    }
}
