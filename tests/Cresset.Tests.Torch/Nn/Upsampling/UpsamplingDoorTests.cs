using Cresset.Nn;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>Pictures and places of a stranger: very tall, very large, not a number.</summary>
public sealed class UpsamplingDoorTests
{
    [Fact]
    public void NoHeightDecidesTheSizeOfTheStack()
    {
        double mean = 0;
        var thread = new Thread(
            () =>
            {
                using var scope = NewDisposeScope();
                var x = ones(1, 1, 300_000, 24);
                var map = Resampling.Between(x, [1, 24], null, ResizeMode.Area, false, false, false)!;
                mean = Resample.Of(x, map).mean().ToDouble();
            },
            256 * 1024);
        thread.Start();
        thread.Join();
        // Float32 sums of so many rows are right to a thousandth only.
        Assert.Equal(1, mean, 2e-3);
    }

    [Theory]
    [InlineData(ResizeMode.Nearest, ScalarType.Int64, "Int64")]
    [InlineData(ResizeMode.Bilinear, ScalarType.Bool, "Bool")]
    [InlineData(ResizeMode.Bicubic, ScalarType.ComplexFloat32, "ComplexFloat32")]
    [InlineData(ResizeMode.Area, ScalarType.Byte, "Byte")]
    [InlineData(ResizeMode.Nearest, ScalarType.Float32, "has shape [1, 0, 4, 4]", 0)]
    public void PicturesThatNoKernelTakesAreRefusedInWords(ResizeMode mode, ScalarType type, string said, long channels = 2)
    {
        using var scope = NewDisposeScope();
        var x = ones([1, channels, 4, 4], type);
        Assert.Contains(said, Assert.Throws<ArgumentException>(() => Upsample.Apply(x, [2, 2], mode: mode)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void PlacesAboveTheReachOfAFloatAreRight(ScalarType type)
    {
        using var scope = NewDisposeScope();
        // 4097 rows of 4099 pixels: places above 2^24 with odd numbers.
        var x = zeros([1, 1, 4097, 4099], ScalarType.Float32);
        x[0, 0, 4096, 4098] = 1;
        x[0, 0, 4094, 17] = 2;
        var grid = tensor(new double[] { 1, 1, -1 + (2 * 17 / 4098.0), -1 + (2 * 4094 / 4096.0) }).view(1, 1, 2, 2).to(type);
        var found = GridSampling.Bicubic(x.to(type), grid, alignCorners: true).view(2);
        Assert.Equal(1, found[0].ToDouble(), 0.01);
        Assert.Equal(2, found[1].ToDouble(), 0.01);
    }

    [Theory]
    [InlineData(GridSamplePaddingMode.Zeros)]
    [InlineData(GridSamplePaddingMode.Border)]
    [InlineData(GridSamplePaddingMode.Reflection)]
    public void APlaceThatIsNotANumberGivesNaNThereAndNowhereElse(GridSamplePaddingMode padding)
    {
        using var scope = NewDisposeScope();
        foreach (var odd in (float[])[float.NaN, float.PositiveInfinity, float.NegativeInfinity, 3e38f, -1e20f])
        {
            var grid = tensor(new[] { 0.1f, 0.2f, odd, 0.2f, 0.1f, odd }).view(1, 1, 3, 2);
            var found = GridSampling.Bicubic(arange(30f).view(1, 1, 5, 6), grid, padding);
            Assert.True(found[0, 0, 0, 0].isfinite().ToBoolean());
            if (float.IsNaN(odd)) Assert.True(found[0, 0, 0, 1..].isnan().all().ToBoolean());
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-2)]
    public void AShuffleFactorBelowOneIsRefused(int factor)
    {
        using var scope = NewDisposeScope();
        Assert.Throws<ArgumentOutOfRangeException>(() => PixelShuffle.Apply(zeros(1, 4, 2, 2), factor));
        Assert.Throws<ArgumentOutOfRangeException>(() => PixelUnshuffle.Apply(zeros(1, 4, 2, 2), factor));
    }
}
