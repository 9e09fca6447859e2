using Cresset.Nn;
using Cresset.Quantization;
using Cresset.Tensors;
using Cresset.Tests.Torch.Training;
using Cresset.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

public class CodebookControlTests
{
    [Theory]
    [InlineData(CodebookLearning.MovingAverage)]
    [InlineData(CodebookLearning.Gradient)]
    public void AFrozenCodebookStaysAndIsTaughtByHand(CodebookLearning learning)
    {
        using var scope = NewDisposeScope();
        using var quantizer = new ResidualQuantizer(
            new() { Stages = 2, Stage = new VectorQuantizerOptions { Codebook = new() { Size = 8, Width = 4, Learning = learning } } });
        quantizer.FreezeCodebooks();
        var before = StateDict.Of(quantizer).ToDictionary(p => p.Key, p => p.Value.clone());
        var vectors = randn(64, 4).requires_grad_();
        using (var output = quantizer.call(vectors)) (output.Loss + output.Quantized.square().mean()).backward();
        Assert.NotNull(vectors.grad);
        foreach (var (key, value) in StateDict.Of(quantizer)) Assert.True(value.eq(before[key]).all().ToBoolean(), key);
        Assert.All(quantizer.parameters(), p => Assert.True(p.grad is null || p.grad.abs().sum().ToDouble() == 0));
        var codebook = ((VectorQuantizer)quantizer.Stage(0)).Codebook;
        codebook.Learn(vectors.detach());
        Assert.False(codebook.Codes.eq(before["layers.0._codebook.embed"]).all().ToBoolean());
        Assert.Contains("position [1]", Assert.Throws<ArgumentException>(() => codebook.Learn(vectors.detach(), arange(64) + 7)).Message,
            StringComparison.Ordinal);
        quantizer.FreezeCodebooks(false);
        using var learned = quantizer.call(vectors);
        if (learning == CodebookLearning.MovingAverage)
            Assert.False(((VectorQuantizer)quantizer.Stage(1)).Codebook.Codes.eq(before["layers.1._codebook.embed"]).all().ToBoolean());
    }

    [Theory]
    [InlineData("vector")]
    [InlineData("sim-vq")]
    [InlineData("index-backpropagation")]
    [InlineData("gumbel")]
    [InlineData("residual")]
    [InlineData("heads")]
    public void CrossEntropyToGivenCodesHasItsFormulaAndLeadsToThem(string name)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(4);
        using var quantizer = ((QuantizerOptions)Cresset.Recipes.BuiltInParts.Catalog.Get("quantizer", name).Create()).Build(generator);
        quantizer.eval();
        var vectors = randn([12, quantizer.Width], generator: generator) * 0.1;
        var stages = quantizer.CodebookSizes.Count;
        var wanted = randint(0, 16, [12, stages], dtype: ScalarType.Int64, generator: generator);
        wanted[3, 0] = tensor(-1L);
        if (stages == 1) wanted = wanted.squeeze(1);
        var first = quantizer.CrossEntropy(vectors, wanted).ToDouble();
        var z = vectors.clone().requires_grad_();
        quantizer.CrossEntropy(z, wanted).backward();
        using (no_grad()) Assert.True(quantizer.CrossEntropy(vectors - (z.grad! / z.grad!.norm() * 0.01), wanted).ToDouble() < first);
        if (quantizer is VectorQuantizer vector)
        {
            // The formula: softmax over minus the distances, without the vector that has no code.
            var log = (-cdist(vectors, vector.Codebook.Codes)).log_softmax(1).gather(1, wanted.clamp_min(0).unsqueeze(1)).squeeze(1);
            Assert.Equal((-(log.sum() - log[3]) / 11).ToDouble(), first, 1e-4);
        }
        Assert.Throws<ArgumentException>(() => quantizer.CrossEntropy(vectors, full_like(wanted, -1L)));
        Assert.Throws<ArgumentException>(() => quantizer.CrossEntropy(vectors, full_like(wanted, 1L << 40)));
    }

    [Fact]
    public void SimVQSeesItsCodesThroughAnyMap()
    {
        using var scope = NewDisposeScope();
        using var wide = new SimVectorQuantizer(new() { Size = 8, Width = 4, HiddenWidth = 6 });
        Assert.Equal(4, wide.parameters().Count());
        using var own = new SimVectorQuantizer(new() { Size = 8, Width = 4, FrozenWidth = 3 }, nn.Sequential(nn.Linear(3, 4), nn.Tanh()));
        var z = randn(20, 4).requires_grad_();
        using var output = own.call(z);
        output.Loss.backward();
        Assert.All(own.parameters(), p => Assert.True(p.grad!.abs().sum().ToDouble() > 0));
        Golden.Near(output.Quantized, own.Decode(output.Indices), 1e-5, "values");
        Assert.Throws<ArgumentException>(() => new SimVectorQuantizer(new() { Size = 8, Width = 4 }, nn.Linear(4, 5)));
    }

    [Fact]
    public void StagesMayHaveWidthsAndSizesOfTheirOwn()
    {
        using var scope = NewDisposeScope();
        var options = new ResidualQuantizerOptions { Stages = 3, Width = 10, Widths = [4, 3, 2], Sizes = [16, 8, 4] };
        using var quantizer = options.Build();
        Assert.Equal((10L, "16,8,4"), (quantizer.Width, string.Join(',', quantizer.CodebookSizes)));
        Assert.Equal([4L, 3, 2],
            Enumerable.Range(0, 3).Select(i => ((ProjectedQuantizer)((ResidualQuantizer)quantizer).Stage(i)).Inner.Width));
        using var output = quantizer.call(randn(32, 10).requires_grad_());
        (output.Loss + output.Quantized.square().mean()).backward();
        Golden.Near(output.Quantized, quantizer.Decode(output.Indices), 1e-4, "values");
        Assert.Equal(7L, ((ResidualQuantizerOptions)options.ForWidth(7)).Build().Width);
        Assert.NotEmpty((options with { Widths = [4] }).Validate());
    }

    [Fact]
    public void ValuesOfTheNearestAngleKeepTheirLength()
    {
        using var scope = NewDisposeScope();
        using var quantizer = new VectorQuantizer(
            new() { Codebook = new() { Size = 3, Width = 2, Similarity = CodeSimilarity.Angle, KMeansIterations = 0 } });
        var codes = tensor(new float[,] { { 5, 0 }, { 0, 0.5f }, { -1, -1 } });
        quantizer.Codebook.SetCodes(codes);
        quantizer.eval();
        using var output = quantizer.call(tensor(new float[,] { { 0.1f, 0.01f }, { 0.1f, 90 }, { -3, -4 } }));
        Assert.Equal([0L, 1, 2], output.Indices.data<long>().ToArray());
        Golden.Same(codes, quantizer.Decode(output.Indices), "values");
    }

    [Theory]
    [InlineData(CodebookLearning.MovingAverage)]
    [InlineData(CodebookLearning.Gradient)]
    public void RanksLearnFromAllVectorsAndComeToTheCodesOfOneProcess(CodebookLearning learning)
    {
        using var scope = NewDisposeScope();
        var options = new VectorQuantizerOptions { Codebook = new() { Size = 16, Width = 4, Learning = learning } };
        using var generator = new Generator(8);
        var batches = Enumerable.Range(0, 5).Select(_ => randn([48, 4], generator: generator)).ToArray();
        using var alone = options.Build();
        foreach (var batch in batches) alone.call(batch).Dispose();
        var states = ThreadRanks.Run(2, ranks =>
        {
            using var inner = NewDisposeScope();
            using var quantizer = options.Build();
            foreach (var learner in quantizer.modules().OfType<IPoolsExamples>()) learner.Pool = own => TensorExchange.Join(ranks, own);
            foreach (var batch in batches) quantizer.call(batch.narrow(0, ranks.Rank * 24, 24)).Dispose();
            return StateDict.Of(quantizer)
                .ToDictionary(p => p.Key, p => p.Value.cpu().to(ScalarType.Float64).flatten().data<double>().ToArray());
        });
        foreach (var (key, value) in StateDict.Of(alone))
        {
            Assert.Equal(value.to(ScalarType.Float64).flatten().data<double>().ToArray(), states[0][key]);
            Assert.Equal(states[0][key], states[1][key]);
        }
    }
}
