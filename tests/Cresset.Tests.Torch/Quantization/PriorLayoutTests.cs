using Cresset.Quantization;
using Cresset.Recipes;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

public class PriorLayoutTests
{
    [Theory]
    [InlineData("{quantizer: {kind: vector, codebook: {size: 16, width: 4}}}", 1, 2, 2, 16)]
    [InlineData("{quantizer: {kind: residual, stages: 3, stage: {codebook: {size: 16, width: 4}}}}", 1, 2, 6, 16)]
    [InlineData("{quantizer: {kind: lfq, bits: 18}}", 2, 2, 4, 512)]
    [InlineData("{architecture: vq-vae2, quantizer: {kind: vector, codebook: {size: 16, width: 4}}}", 1, 1, 5, 16)]
    [InlineData("{downsamplings: 1, quantizer: {kind: next-scale, scales: [1, 2, 4], codebook: {size: 16, width: 4}}}", 1, 1, 21, 16)]
    [InlineData(
        "{architecture: {kind: vqgan, multipliers: [1, 1, 1], groups: 2, residual_blocks: 1, attention_levels: [], inner: 4}, width: 4, "
            + "quantizer: {kind: vector, codebook: {size: 16, width: 4}}}", 1, 2, 2, 16)]
    public void CodesComeBackFromTheMapOfThePrior(string model, int factors, int height, int width, int codes)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(2);
        var options = (TokenizerOptions)Recipe.Parse($"job: tokenizer\nmodel: {model}", "a.yaml", "a", BuiltInParts.Catalog)
            .Resolve(["model.width=4"]).Options["model"];
        using var tokenizer = options.Build(1, generator);
        var layout = CodeLayout.Of(tokenizer, [8, 8], factors);
        Assert.Equal((height, width, codes), (layout.Height, layout.Width, layout.Codes));
        var levels = tokenizer.Encode(rand([3, 1, 8, 8], generator: generator));
        var maps = layout.Join(levels);
        Assert.Equal([3L, height, width], maps.shape);
        Assert.True(maps.max().ToInt64() < codes);
        foreach (var (expected, back) in levels.Zip(layout.Split(maps))) Golden.Same(expected, back, model);
        Assert.Equal([3L, 1, 8, 8], tokenizer.Decode(layout.Split(maps)).shape);
    }

    [Fact]
    public void DigitsThatDoNotMakeTheCodesAreRefused()
        => Assert.Contains("power of 2", Assert.Throws<ArgumentException>(() => CodeLayout.Digits([240], 2)).Message,
            StringComparison.Ordinal);

    [Fact]
    public void DelayedStagesSeeTheCoarserOnesOfTheirPositionAndNoLaterRow()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var prior = new DelayedCodeTransformer(
            new() { CodebookSize = 5, Stages = 3, MaxLength = 4, Width = 8, Layers = 1, Heads = 2, Classes = 2 });
        prior.eval();
        foreach (var weight in prior.parameters().Where(p => p.dim() > 1)) weight.mul_(20);
        using var generator = new Generator(3);
        var codes = randint(0, 5, [1, 4, 3], dtype: ScalarType.Int64, generator: generator);
        var labels = tensor(new[] { 1L });
        var logits = prior.call(codes, labels);
        for (var position = 0; position < 4; position++)
        {
            for (var stage = 0; stage < 3; stage++)
            {
                var other = codes.clone();
                other[0, position, stage] = (codes[0, position, stage] + 1).remainder(5);
                var moved = (prior.call(other, labels) - logits).abs().amax(3);
                for (var p = 0; p < 4; p++)
                {
                    for (var s = 0; s < 3; s++) Assert.Equal(p + s > position + stage, moved[0, p, s].ToDouble() > 1e-6);
                }
            }
        }
        var drawn = prior.Sample(2, 4, 5, tensor(new[] { 0L, 1 }), new() { Temperature = 0 });
        // The cache gives what whole passes give.
        Golden.Same(drawn, prior.call(drawn, tensor(new[] { 0L, 1 })).argmax(3), "greedy");
        Assert.Equal([2L, 4, 3], prior.NegativeLogLikelihood(drawn, tensor(new[] { 0L, 1 })).shape);
    }

    [Fact]
    public void GuidanceOfARasterPriorGoesBeyondItsClass()
    {
        using var scope = NewDisposeScope();
        using var prior = new CodeTransformer(new() { CodebookSize = 5, Classes = 3, MaxLength = 4, Width = 8, Layers = 1, Heads = 2 });
        var labels = tensor(new[] { 0L, 1 });
        var away = full([2], 2L, dtype: ScalarType.Int64);
        var greedy = new CodeSampling { Temperature = 0 };
        var expected = zeros([2, 1, 4], dtype: ScalarType.Int64);
        for (var i = 0; i < 4; i++)
        {
            using var noGrad = no_grad();
            Tensor with = prior.call(expected, labels), without = prior.call(expected, away);
            expected.select(2, i).copy_((with + ((with - without) * 3)).argmax(1).select(2, i));
        }
        Golden.Same(expected, prior.Sample(2, 1, 4, 1, labels, greedy, guidance: 3, away: away), "guided");
        Golden.Same(prior.Sample(2, 1, 4, 1, labels, greedy), prior.Sample(2, 1, 4, 1, labels, greedy, guidance: 0), "unguided");
        Assert.Throws<ArgumentException>(() => prior.Sample(2, 1, 4, 1, labels, guidance: 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => prior.Sample(2, 1, 4, 1, labels, guidance: double.NaN, away: away));
    }

    [Fact]
    public void AStepNamesWhatLiesBeyondItsTables()
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var prior = new CodeTransformer(new() { CodebookSize = 5, Classes = 3, MaxLength = 4, Width = 8, Layers = 1, Heads = 2 });
        var (keys, values) = (zeros(prior.StepShape(2)), zeros(prior.StepShape(2)));
        void Step(long token, long place) => prior.Step(tensor(new[] { 0, token }), tensor(new[] { 0, place }), keys, values);
        void Refused(string said, long token, long place) => Assert.Contains(said,
            Assert.Throws<ArgumentOutOfRangeException>(() => Step(token, place)).Message, StringComparison.Ordinal);
        Refused("number 1 of tokens is 8; allowed: 0 to 7", 8, 0);
        Refused("number 1 of tokens is -1", -1, 0);
        Refused("number 1 of places is 4; allowed: 0 to 3", 0, 4);
        Refused("number 1 of places is -2", 0, -2);
        Step(7, 3);
    }

    [Theory]
    [InlineData("{kind: transformer, width: 8, layers: 1, heads: 2, condition: {kind: class, dropout: 0.5}, guidance: 1}", 4)]
    [InlineData("{kind: pixel-cnn, width: 8, layers: 1, condition: {kind: class, dropout: 0.5}, guidance: 1}", 4)]
    [InlineData("{kind: mask-git, width: 8, layers: 1, heads: 2, condition: {kind: class, dropout: 0.5}, guidance: 1, order: halton}", 3)]
    public void APriorOfARecipeHidesClassesIsGuidedAndFills(string model, int classes)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(2);
        var options = (CodePriorOptions)Recipe.Parse($"job: code-prior\nmodel: {model}", "a.yaml", "a", BuiltInParts.Catalog)
            .Resolve().Options["model"];
        using var prior = options.Build(6, 3, 3, 3, generator);
        Assert.Equal(3, prior.Classes);
        if (prior is RasterCodeModel raster) Assert.Equal(classes, raster.Prior.Classes);
        var codes = randint(0, 6, [4, 3, 3], dtype: ScalarType.Int64, generator: generator);
        var labels = tensor(new[] { 0L, 1, 2, 0 });
        prior.Loss(codes, labels, generator).backward();
        prior.Module.eval();
        // In evaluation nothing is hidden: the figure does not depend on the stream.
        if (prior is RasterCodeModel)
            Assert.Equal(prior.Loss(codes, labels, generator).ToDouble(), prior.Loss(codes, labels, generator).ToDouble());
        var known = codes.clone();
        known[.., 2] = tensor(-1L);
        var filled = prior.Sample(4, 3, 3, 7, labels, new(), known);
        Golden.Same(codes.narrow(1, 0, 2), filled.narrow(1, 0, 2), "kept rows");
        Assert.True(filled.min().ToInt64() >= 0);
        var middle = codes.clone();
        middle[.., 1, 1] = tensor(-1L);
        if (prior is MaskedCodeModel) Assert.True(prior.Sample(4, 3, 3, 7, labels, new(), middle).ne(codes).sum().ToInt64() <= 4);
        else Assert.Contains("mask-git", Assert.Throws<ArgumentException>(() => prior.Sample(4, 3, 3, 7, labels, new(), middle)).Message,
            StringComparison.Ordinal);
    }
}
