using Cresset.Numerics;
using Cresset.Quantization;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

/// <summary>Faults that were found in other quantization libraries, one test each: none of them is here.</summary>
[LeakFree]
public class PeerDefectTests
{
    private static Tensor Data(int seed, params long[] shape)
    {
        using var generator = new Generator((ulong)seed);
        return randn(shape, generator: generator);
    }

    private static VectorQuantizer Codebook(Tensor codes, double decay = 0.99, double restart = 0, AverageStart start = AverageStart.Codes)
    {
        var quantizer = new VectorQuantizer(
            new()
            {
                Codebook =
                new()
                {
                    Size = (int)codes.size(0),
                    Width = (int)codes.size(1),
                    Decay = decay,
                    RestartShare = restart,
                    AverageStart = start
                }
            });
        quantizer.Codebook.SetCodes(codes);
        return quantizer;
    }

    [Fact]
    public void OneVectorOfNaNDoesNotPoisonTheCodes()
    {
        using var scope = NewDisposeScope();
        using var quantizer = Codebook(Data(1, 16, 4));
        quantizer.NonFinite = NonFinitePolicy.Skip;
        var rows = Data(2, 50, 4);
        rows[7].fill_(float.NaN);
        var output = quantizer.call(rows);
        Assert.Equal(1, output.Statistics.NotFinite);
        Assert.Equal(-1, output.Indices[7].ToInt64());
        Assert.True(quantizer.Codebook.Codes.isfinite().all().ToBoolean());
        Assert.True(quantizer.call(Data(3, 50, 4)).Quantized.isfinite().all().ToBoolean());
        quantizer.NonFinite = NonFinitePolicy.Throw;
        Assert.Contains("position [7]", Assert.Throws<ArgumentException>(() => quantizer.call(rows)).Message);
    }

    [Fact]
    public void DistancesFarFromTheOriginKeepTheirDigits()
    {
        using var scope = NewDisposeScope();
        Tensor codes = Data(4, 64, 16) + 300, rows = Data(5, 512, 16) + 300;
        using var quantizer = Codebook(codes);
        quantizer.eval();
        var truth = (rows.to(ScalarType.Float64).unsqueeze(1) - codes.to(ScalarType.Float64)).square().sum(2).argmin(1);
        Golden.Same(truth, quantizer.call(rows).Indices, "indices");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(5)]
    public void TheGradientThroughResidualStagesIsNotMultipliedByTheirNumber(int stages)
    {
        using var scope = NewDisposeScope();
        using var quantizer = new ResidualQuantizer(
            new() { Stages = stages, Stage = new VectorQuantizerOptions { Codebook = new() { Size = 8, Width = 4, RestartShare = 0 } } });
        var input = Data(6, 9, 4).requires_grad_();
        var upstream = Data(7, 9, 4);
        Golden.Same(upstream, autograd.grad([(quantizer.call(input).Quantized * upstream).sum()], [input])[0], "gradient");
    }

    [Theory]
    [InlineData(AverageStart.Codes)]
    [InlineData(AverageStart.Debiased)]
    public void ACodeThatNobodyChoosesIsNotBlownUp(AverageStart start)
    {
        using var scope = NewDisposeScope();
        var codes = cat([Data(8, 7, 4), full([1, 4], 20f)]);
        using var quantizer = Codebook(codes, start: start);
        for (var i = 0; i < 5; i++) quantizer.call(Data(9 + i, 32, 4)).Dispose();
        Assert.True(quantizer.Codebook.Codes[7].abs().max().ToDouble() <= 20.001);
        if (start == AverageStart.Codes) Golden.Near(codes[7], quantizer.Codebook.Codes[7], 1e-4, "the code nobody chose stays");
    }

    [Fact]
    public void ARestartOutlivesTheNextMovingAverage()
    {
        using var scope = NewDisposeScope();
        using var quantizer = Codebook(tensor(new float[] { 0, 1000 }, [2, 1]), decay: 0.9, restart: 0.95);
        var rows = Data(10, 64, 1);
        Assert.Equal(1, quantizer.call(rows).Statistics.Restarted);
        var moved = quantizer.Codebook.Codes[1].ToSingle();
        Assert.InRange(moved, -5, 5);
        for (var i = 0; i < 20; i++) quantizer.call(Data(11 + i, 64, 1)).Dispose();
        Assert.InRange(quantizer.Codebook.Codes[1].ToSingle(), -5, 5);
        Assert.True(quantizer.Codebook.ClusterSize.gt(1).all().ToBoolean(), "both codes are in use");
    }

    [Theory]
    [InlineData(9)]
    [InlineData(11)]
    [InlineData(20)]
    public void FiniteScalarIndicesDoNotOverflow(int numbers)
    {
        using var scope = NewDisposeScope();
        using var quantizer = new FiniteScalarQuantizer(new() { Levels = [.. Enumerable.Repeat(8, numbers)] });
        var size = quantizer.CodebookSizes[0];
        long[] some = [0, 1, size / 3, (size / 2) + 1, size - 2, size - 1];
        var indices = tensor(some);
        var level = quantizer.LevelIndices(indices);
        var basis = 1L;
        var rebuilt = zeros_like(indices);
        for (var d = 0; d < numbers; d++, basis *= 8) rebuilt = rebuilt + (level.select(1, d) * basis);
        Golden.Same(indices, rebuilt, "levels");
        // Values well inside each level's bin quantize to the level again.
        var half = 7 * 1.001 / 2;
        var z = ((((level.to(ScalarType.Float64) - 4) + 0.5) / half).clamp(-0.99999, 0.99999)).atanh() - Math.Atanh(0.5 / half);
        Golden.Same(indices, quantizer.call(z).Indices, "round trip");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void BeamSearchTakesAnyBatchInBothModes(bool training)
    {
        using var scope = NewDisposeScope();
        using var quantizer = new ResidualQuantizer(
            new()
            {
                Stages = 3,
                BeamWidth = 4,
                Stage = new VectorQuantizerOptions { Codebook = new() { Size = 8, Width = 4, RestartShare = 0 } }
            });
        quantizer.train(training);
        Assert.Equal([5L, 7, 3], quantizer.call(Data(12, 5, 7, 4)).Indices.shape);
    }

    [Fact]
    public void TheRotationTrickAtZeroReachesTheCodeWithABoundedGradient()
    {
        using var scope = NewDisposeScope();
        var z = zeros(3, 4).requires_grad_();
        Tensor q = Data(13, 3, 4), upstream = Data(14, 3, 4);
        var output = RotationTrick.Apply(z, q);
        Golden.Near(q, output, 1e-7, "value");
        Golden.Near(upstream, autograd.grad([(output * upstream).sum()], [z])[0], 1e-6, "straight through at zero");
    }

    [Theory]
    [InlineData(4, 6)]
    [InlineData(6, 4)]
    [InlineData(1, 7)]
    public void TheGatedPriorTakesMapsThatAreNotSquare(int height, int width)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(15);
        using var prior = new GatedPixelCnn(new() { CodebookSize = 5, Width = 4, Layers = 2 }, generator);
        Assert.Equal([2L, 5, height, width], prior.call(zeros([2, height, width], dtype: ScalarType.Int64), null).shape);
    }

    [Fact]
    public void CommitmentAndCodebookWeightsActOnTheirOwnTerms()
    {
        using var scope = NewDisposeScope();
        using var quantizer = new VectorQuantizer(
            new()
            {
                Codebook = new() { Size = 4, Width = 3, Learning = CodebookLearning.Gradient, RestartShare = 0 },
                CommitmentWeight = 0.25,
                CodebookWeight = 2
            });
        var z = Data(16, 10, 3).requires_grad_();
        var output = quantizer.call(z);
        var gradients = autograd.grad([output.Loss], [z, quantizer.Codebook.Codes]);
        var difference = z.detach() - quantizer.Codebook.Codes.detach().index_select(0, output.Indices);
        Golden.Near(0.25 * 2.0 / 30 * difference, gradients[0], 1e-6, "beta moves the vectors");
        Golden.Near(zeros(4, 3).index_add(0, output.Indices, difference * (-2 * 2.0 / 30), 1), gradients[1], 1e-6, "gamma moves the codes");
    }

    [Fact]
    public void TopPActsWithoutTopK()
    {
        var probabilities = new double[3];
        CodeDistribution.Probabilities([3, 1, 0], new CodeSampling { TopP = 0.5 }, probabilities);
        Assert.Equal([1.0, 0, 0], probabilities);
    }

    [Fact]
    public void CodesOfIndicesPassTheLearnedMapOfSimVQ()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(17);
        using var quantizer = new SimVectorQuantizer(new() { Size = 8, Width = 4 }, generator);
        quantizer.eval();
        var output = quantizer.call(Data(18, 20, 4));
        Golden.Near(output.Quantized, quantizer.Decode(output.Indices), 1e-6, "values");
        Golden.Near(quantizer.Codes().index_select(0, output.Indices), output.Quantized, 1e-6, "codes");
    }

    [Fact]
    public void TheSameWeightIsNotForcedOnBothTermsAndBadOnesAreNamed()
        => Assert.Contains("CommitmentWeight",
            Assert.Throws<InvalidOptionsException>(() => new VectorQuantizer(new() { CommitmentWeight = -1 })).Message);
}
