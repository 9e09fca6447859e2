using Cresset.Flows;
using Cresset.Optim;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Flows;

public sealed class DequantizationTests
{
    private static Tensor Counts(Generator generator) => randint(0, 4, [256, 2], dtype: ScalarType.Float32, generator: generator);

    [Fact]
    public void ValuesStayInTheirLevel()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var counts = Counts(generator);
        using var variational = new VariationalDequantization(4, 2, new VectorFlowOptions { Transforms = 2, Hidden = [8] });
        foreach (var x in new[] { Dequantization.Uniform(counts, 4, generator), variational.Apply(counts, generator).Values })
        {
            Assert.Equal(counts.shape, x.shape);
            FlowGoldens.Close(counts, (x * 4 - 1e-6).floor().clamp_min(0), 0);
            Assert.True(x.min().ToDouble() >= 0 && x.max().ToDouble() <= 1);
        }
        Assert.Contains("4 levels", Assert.Throws<ArgumentOutOfRangeException>(() => Dequantization.Uniform(counts + 1, 4)).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => variational.Apply(counts - 1));
    }

    /// <summary>E[1 / q] over the samples in a box is the box's volume, whatever the noise.</summary>
    [Fact]
    public void TheDensityOfTheNoiseIsExact()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var generator = new Generator(2);
        using var variational = new VariationalDequantization(4, 2, new VectorFlowOptions { Transforms = 2, Hidden = [8] });
        var counts = full([200_000, 2], 2);
        var (x, log) = variational.Apply(counts, generator);
        var noise = x * 4 - counts;
        var inside = ((noise > 0.2) & (noise < 0.8)).all(1).to(ScalarType.Float64);
        Assert.Equal(0.6 * 0.6 / 16, ((-log.to(ScalarType.Float64)).exp() * inside).mean().ToDouble(), 4e-4);
    }

    /// <summary>Learned noise makes the bound tighter: it approaches the true log-probability from below.</summary>
    [Fact]
    public void LearnedNoiseTightensTheBound()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        // Two equal halves over the unit square that cut through the levels: p = 1.6 where x + y < 1, 0.4 elsewhere.
        var model = new Wedge();
        using var variational = new VariationalDequantization(2, 2, new VectorFlowOptions { Transforms = 3, Hidden = [24] });
        var counts = tensor(new float[,] { { 0, 1 }, { 1, 0 } }).repeat(64, 1);
        // Both of these levels are cut in half: P = (1.6 + 0.4) / 8.
        var exact = Math.Log(0.25);
        double Bound() => Enumerable.Range(0, 20).Average(_ => variational.Bound(model, counts, generator).mean().ToDouble());
        double uniform;
        using (no_grad())
            uniform = Enumerable.Range(0, 20).Average(_ => model.LogProb(Dequantization.Uniform(counts, 2, generator)).mean().ToDouble())
                - 2 * Math.Log(2);
        using var optimizer = new Optimizer(variational, new AdamRule { LearningRate = 1e-2 });
        for (var step = 0; step < 150; step++)
        {
            using var inner = NewDisposeScope();
            optimizer.ZeroGrad();
            (-variational.Bound(model, counts, generator).mean()).backward();
            optimizer.Step();
        }
        using var noGrad = no_grad();
        var learned = Bound();
        Assert.True(learned <= exact + 0.01, $"{learned:0.000} above {exact:0.000}");
        Assert.True(learned > uniform + 0.05, $"{learned:0.000} against {uniform:0.000} with uniform noise");
    }

    // A smooth step along the diagonal of the unit square.
    private sealed class Wedge() : DensityModel(nameof(Wedge))
    {
        public override Tensor LogProb(Tensor x, Tensor? context = null)
        {
            using var scope = NewDisposeScope();
            return (((1 - x.sum(1)) * 40).sigmoid() * 1.2 + 0.4).log().MoveToOuterDisposeScope();
        }

        public override Tensor Encode(Tensor x, Tensor? context = null) => throw new NotSupportedException();

        public override Tensor Decode(Tensor z, Tensor? context = null) => throw new NotSupportedException();

        public override Tensor Sample(long count, Tensor? context = null, double temperature = 1, Generator? generator = null) =>
            throw new NotSupportedException();
    }
}
