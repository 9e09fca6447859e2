using Cresset.Quantization;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

/// <summary>Maps that are partly known, orders of drawing, guidance by class, delayed stages.</summary>
[LeakFree]
public class CompletionTests
{
    private static MaskedCodeTransformer Model(int classes = 0, double dropout = 0)
    {
        using var generator = new Generator(4);
        var model = new MaskedCodeTransformer(
            new() { CodebookSize = 9, MaxLength = 64, Width = 16, Heads = 2, Classes = classes, ClassDropout = dropout }, generator);
        using var noGrad = no_grad();
        foreach (var parameter in model.parameters()) parameter.mul_(6);
        return model;
    }

    [Theory]
    [InlineData(MaskOrder.Confidence)]
    [InlineData(MaskOrder.Halton)]
    public void KnownCodesStayAndTheOthersAreFilled(MaskOrder order)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(2);
        using var model = Model();
        var known = randint(0, 9, [4, 5, 6], dtype: ScalarType.Int64, generator: generator);
        // Nothing, a half, all but one, and everything known.
        known[0].fill_(-1);
        known[1].narrow(0, 0, 3).fill_(-1);
        known[2, 4, 5] = -1;
        var filled = model.Sample(4, 5, 6, seed: 3, steps: 5, order: order, known: known);
        Assert.True(filled.ge(0).all().ToBoolean() && filled.lt(9).all().ToBoolean());
        Assert.True(filled.eq(known).logical_or(known.lt(0)).all().ToBoolean());
        Golden.Same(filled, model.Sample(4, 5, 6, seed: 3, steps: 5, order: order, known: known), "same seed");
        Assert.False(filled.eq(model.Sample(4, 5, 6, seed: 4, steps: 5, order: order, known: known)).all().ToBoolean());
        // Nothing known is a whole draw.
        Golden.Same(model.Sample(2, 5, 6, seed: 3, order: order),
            model.Sample(2, 5, 6, seed: 3, order: order, known: full([2, 5, 6], -1L, dtype: ScalarType.Int64)), "all unknown");
        Assert.Contains("[1, 0, 2]", Assert.Throws<ArgumentException>(() => model.Sample(2, 5, 6, 3, known: Wrong(9))).Message,
            StringComparison.Ordinal);

        static Tensor Wrong(long value)
        {
            var codes = zeros([2, 5, 6], dtype: ScalarType.Int64);
            codes[1, 0, 2] = value;
            return codes;
        }
    }

    [Theory]
    [InlineData(8, 8)]
    [InlineData(1, 7)]
    [InlineData(12, 5)]
    public void TheHaltonOrderTakesEveryPositionOnceAndSpreads(int height, int width)
    {
        var rank = HaltonOrder.Of(height, width);
        Assert.Equal(Enumerable.Range(0, height * width), rank.Order());
        if (height < 2) return;
        // At any time the four quarters hold nearly the same number of codes.
        for (var count = 8; count <= height * width; count += 4)
        {
            var quarters = new int[4];
            for (var i = 0; i < rank.Length; i++)
            {
                if (rank[i] < count) quarters[(i / width * 2 / height * 2) + (i % width * 2 / width)]++;
            }
            Assert.InRange(quarters.Max() - quarters.Min(), 0, (count / 4) + 2);
        }
    }

    [Fact]
    public void GuidanceGoesBeyondTheClassAndAwayFromNone()
    {
        using var scope = NewDisposeScope();
        using var model = Model(classes: 2, dropout: 0.2);
        var labels = tensor(new long[] { 0, 1 });
        var hidden = full([2, 3, 4], 9L, dtype: ScalarType.Int64);
        Tensor with = model.call(hidden, labels), without = model.call(hidden, full([2], -1L, dtype: ScalarType.Int64));
        Golden.Near(without[0], without[1], 1e-6, "no class");
        Assert.False(with.allclose(without));
        // One step at temperature 0 takes the likeliest code of the guided logits.
        var drawn = model.Sample(2, 3, 4, seed: 1, labels, steps: 1, sampling: new() { Temperature = 0 }, guidance: 2.5);
        Golden.Same((with + ((with - without) * 2.5)).max(1).indexes, drawn, "guided");
        Golden.Same(model.Sample(2, 3, 4, 1, labels), model.Sample(2, 3, 4, 1, labels, guidance: 0), "none");
        using var plain = Model(classes: 2);
        Assert.Contains("ClassDropout", Assert.Throws<ArgumentException>(() => plain.Sample(2, 3, 4, 1, labels, guidance: 1)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void HiddenClassesTrainTheModelWithoutOne()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(4);
        using var model = new MaskedCodeTransformer(
            new() { CodebookSize = 4, MaxLength = 12, Width = 16, Heads = 2, Classes = 2, ClassDropout = 0.4 }, generator);
        var codes = cat([full([16, 3, 4], 3L, dtype: ScalarType.Int64), full([16, 3, 4], 1L, dtype: ScalarType.Int64)]);
        var labels = cat([zeros(16, dtype: ScalarType.Int64), ones(16, dtype: ScalarType.Int64)]);
        using var optimizer = optim.Adam(model.parameters(), 1e-2);
        for (var i = 0; i < 60; i++)
        {
            using var inner = NewDisposeScope();
            optimizer.zero_grad();
            model.Loss(codes, labels, generator).backward();
            optimizer.step();
        }
        using var noGrad = no_grad();
        // Both codes are likely without a class, one of them with it. Where it stands between them after sixty steps depends on the last
        // batches, and on the processor's rounding.
        var free = model.call(full([1, 3, 4], 4L, dtype: ScalarType.Int64), full([1], -1L, dtype: ScalarType.Int64)).softmax(1)
            .mean([0, 2, 3]);
        var first = model.call(full([1, 3, 4], 4L, dtype: ScalarType.Int64), zeros(1, dtype: ScalarType.Int64)).softmax(1).mean([0, 2, 3]);
        Assert.InRange(free[3].ToDouble(), 0.1, 0.9);
        Assert.InRange(free[1].ToDouble(), 0.1, 0.9);
        Assert.True(first[3].ToDouble() > 0.85, $"{first[3].ToDouble()}");
        model.zero_grad();
    }

    [Theory]
    [MemberData(nameof(PriorFamily.All), MemberType = typeof(PriorFamily))]
    public void AMapGoesOnFromItsBeginning(string name, int classes)
    {
        using var scope = NewDisposeScope();
        using var prior = PriorFamily.Make(name, classes);
        var labels = classes == 0 ? null : tensor(new long[] { 2, 0 });
        var whole = prior.Sample(2, 4, 5, seed: 8, labels);
        foreach (var length in new[] { 0, 7, 20 })
            Golden.Same(whole, prior.Sample(2, 4, 5, seed: 8, labels, prefix: whole.reshape(2, 20).narrow(1, 0, length)),
                $"prefix of {length}");
        var other = prior.Sample(2, 4, 5, seed: 8, labels, prefix: (whole.reshape(2, 20).narrow(1, 0, 7) + 1).remainder(21)).reshape(2, 20);
        Golden.Same((whole.reshape(2, 20).narrow(1, 0, 7) + 1).remainder(21), other.narrow(1, 0, 7), "another beginning");
        Assert.Throws<ArgumentException>(() => prior.Sample(2, 4, 5, 8, labels, prefix: full([2, 3], 21L, dtype: ScalarType.Int64)));
        Assert.Throws<ArgumentException>(() => prior.Sample(2, 4, 5, 8, labels, prefix: zeros([2, 21], dtype: ScalarType.Int64)));
    }

    [Fact]
    public void DelayedStagesComeBack()
    {
        using var scope = NewDisposeScope();
        var codes = arange(24, dtype: ScalarType.Int64).reshape(2, 4, 3);
        var rows = DelayPattern.Apply(codes, 99);
        Assert.Equal([2L, 6, 3], rows.shape);
        // Row 2 of the first item: stage 0 of position 2, stage 1 of position 1, stage 2 of position 0.
        Assert.Equal([6L, 4, 2], rows[0, 2].data<long>().ToArray());
        Assert.Equal([0L, 99, 99], rows[0, 0].data<long>().ToArray());
        Golden.Same(codes, DelayPattern.Undo(rows), "back");
    }
}
