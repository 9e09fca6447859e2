using Cresset.Quantization;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

[LeakFree]
public class ResidualTests
{
    private static Tensor Data(int seed, params long[] shape)
    {
        using var generator = new Generator((ulong)seed);
        return randn(shape, generator: generator);
    }

    private static ResidualQuantizer Make(int stages, int beam = 1, double dropout = 0, int size = 8, double restart = 0)
    {
        var quantizer = new ResidualQuantizer(
            new()
            {
                Stages = stages,
                BeamWidth = beam,
                DropoutProbability = dropout,
                Stage = new VectorQuantizerOptions { Codebook = new() { Size = size, Width = 4, RestartShare = restart } }
            });
        for (var i = 0; i < stages; i++)
        {
            using var codes = Data(100 + i, size, 4) / (i + 1);
            ((VectorQuantizer)quantizer.Stage(i)).Codebook.SetCodes(codes);
        }
        return quantizer;
    }

    [Fact]
    public void TheReconstructionGradientArrivesOnceAndEachStageKeepsItsCommitmentGradient()
    {
        using var scope = NewDisposeScope();
        using var quantizer = Make(3);
        var input = Data(1, 2, 20, 4).requires_grad_();
        var upstream = Data(2, 2, 20, 4);
        var output = quantizer.call(input);
        Golden.Same(upstream, autograd.grad([(output.Quantized * upstream).sum()], [input], retain_graph: true)[0],
            "straight-through, three stages");
        var expected = zeros_like(input);
        var residual = input.detach();
        for (var i = 0; i < 3; i++)
        {
            var partial = zeros_like(input);
            // Codes as they were before this call's update.
            using var codes = Data(100 + i, 8, 4) / (i + 1);
            var q = codes.index_select(0, output.Indices.select(-1, i).reshape(-1)).reshape(2, 20, 4);
            Golden.Near((residual - q).square().mean(), output.Term($"commitment.{i}"), 1e-5, $"stage {i}");
            expected = expected + ((residual - q) * (2.0 * 0.25 / 160));
            residual = residual - q;
        }
        Golden.Near(expected, autograd.grad([output.Loss], [input])[0], 1e-5, "commitment");
    }

    [Fact]
    public void FewerStagesDecodeCoarselyAndAbsentOnesCountAsZero()
    {
        using var scope = NewDisposeScope();
        using var quantizer = Make(3);
        quantizer.eval();
        var output = quantizer.call(Data(3, 2, 10, 4));
        var first = quantizer.Decode(output.Indices.narrow(-1, 0, 1));
        var cut = output.Indices.clone();
        cut.narrow(-1, 1, 2).fill_(-1);
        Golden.Near(first, quantizer.Decode(cut), 1e-6, "one stage");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void BeamSearchLiesBetweenExhaustiveAndGreedyForAnyBatch(bool training)
    {
        using var scope = NewDisposeScope();
        using ResidualQuantizer greedy = Make(3), beam = Make(3, beam: 6);
        greedy.eval();
        beam.train(training);
        var input = Data(4, 3, 15, 4);
        var rows = input.reshape(-1, 4);
        double Error(Tensor values) => (values.reshape(-1, 4) - rows).square().sum(1).mean().ToDouble();
        var best = full([45], double.PositiveInfinity, dtype: ScalarType.Float64);
        Tensor[] codes = [.. Enumerable.Range(0, 3).Select(i => Data(100 + i, 8, 4) / (i + 1))];
        foreach (var a in Enumerable.Range(0, 8))
        {
            foreach (var b in Enumerable.Range(0, 8))
            {
                for (var c = 0; c < 8; c++)
                    best = best.minimum((rows - codes[0][a] - codes[1][b] - codes[2][c]).square().sum(1).to(ScalarType.Float64));
            }
        }
        var g = greedy.call(input);
        var f = beam.call(input);
        double exhaustive = best.mean().ToDouble(), found = Error(f.Quantized), plain = Error(g.Quantized);
        Assert.InRange(found, exhaustive - 1e-6, plain + 1e-6);
        Assert.True(found < plain - 1e-3, $"beam {found}, greedy {plain}");
        var each = (f.Quantized - input).square().sum(-1) - (g.Quantized - input).square().sum(-1);
        Assert.True(each.max().ToDouble() < 1e-5);
    }

    [Fact]
    public void DropoutIsASampleAndKeepsAPrefixOfTheStages()
    {
        using var scope = NewDisposeScope();
        using var quantizer = Make(4, dropout: 1);
        var lengths = new HashSet<long>();
        for (var i = 0; i < 10; i++)
        {
            var indices = quantizer.call(Data(i, 6, 5, 4)).Indices;
            var present = indices.ge(0).sum(-1);
            lengths.UnionWith(present.data<long>().ToArray());
            Assert.True(present.eq(present.narrow(1, 0, 1)).all().ToBoolean(), "one length a sample");
            Assert.True(indices.ge(0).to(ScalarType.Int64).diff(1, -1).le(0).all().ToBoolean(), "a prefix");
        }
        Assert.Equal([1L, 2, 3, 4], lengths.Order());
        quantizer.eval();
        Assert.True(quantizer.call(Data(1, 6, 5, 4)).Indices.ge(0).all().ToBoolean());
    }
}
