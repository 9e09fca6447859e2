using Cresset.Quantization;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

/// <summary>Numbers that are none, sets that are empty, headers that say anything.</summary>
public sealed class BrokenNumberTests
{
    [Fact]
    public void CentresAndHistogramsOfNaNAreRefused()
    {
        using var scope = NewDisposeScope();
        Assert.Throws<ArgumentException>(() => KMeans.Lloyd(full([5, 2], float.NaN), ones(3, 2)));
        Assert.Throws<ArgumentException>(() => KMeans.Lloyd(ones(5, 2), full([3, 2], float.PositiveInfinity)));
        Assert.Throws<Cresset.Tensors.ShapeException>(() => KMeans.Lloyd(ones(0, 2), ones(3, 2)));
        Assert.Throws<ArgumentException>(() => DistanceHistogram.Of(full([4, 2], float.NaN), ones(4, 2)));
        using var codebook = new Codebook(new() { Size = 4, Width = 2 });
        Assert.Equal(0, codebook.Learn(ones(0, 2)));
    }

    [Theory]
    [InlineData(float.NegativeInfinity)]
    [InlineData(float.PositiveInfinity)]
    public void LogitsWithoutAGreatestGiveNoProbabilities(float logit)
    {
        var room = new double[2];
        Assert.Throws<ArgumentException>(() => CodeDistribution.Probabilities([logit, logit], new(), room));
        CodeDistribution.Probabilities([1, float.NegativeInfinity], new(), room);
        Assert.Equal([1, 0], room);
    }

    [Theory]
    [InlineData(long.MaxValue)]
    [InlineData(1L << 61)]
    [InlineData(9)]
    public void MoreCodesThanBytesCanHoldAreRefused(long count)
        => Assert.Throws<ArgumentException>(() => BitPacking.Unpack(new byte[1], 8, count));

    [Fact]
    public void AFrameBeyondAnArrayIsRefused()
    {
        using var prior = new GatedPixelCnn(new() { CodebookSize = 8, Width = 8, Layers = 1 });
        Assert.Throws<ArgumentException>(
            () => new PriorCoder(prior).Decode(new CodeFrame(0, 1, [1L << 40, 1L << 40], [8], false), [1, 2, 3]));
    }

    [Theory]
    [InlineData(ScalarType.Float32, ScalarType.Float64)]
    [InlineData(ScalarType.Float64, ScalarType.Float32)]
    [InlineData(ScalarType.Float32, ScalarType.BFloat16)]
    public void ATokenizerReadsEveryFloatingType(ScalarType model, ScalarType data)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        using var tokenizer = new VqVae(new() { Channels = 1, Width = 8, ResidualWidth = 8, ResidualUnits = 1 },
            new VectorQuantizer(new() { Codebook = new() { Size = 16, Width = 8 } }, generator), generator);
        tokenizer.to(model);
        var pictures = zeros(2, 1, 16, 16, dtype: data);
        Assert.True(tokenizer.Encode(pictures)[0].eq(tokenizer.Encode(pictures.to(model))[0]).all().ToBoolean());
        Assert.Contains("Scale whole numbers", Assert.Throws<ArgumentException>(
            () => tokenizer.Encode(zeros(2, 1, 16, 16, dtype: ScalarType.Byte))).Message, StringComparison.Ordinal);
    }
}
