using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>Attention over queries, keys and values of unequal leading dimensions, against sums written out head by head.</summary>
[LeakFree]
public sealed class AttentionShapeTests
{
    public static TheoryData<long[], long[], long[], bool> Fitting()
    {
        var data = new TheoryData<long[], long[], long[], bool>();
        (long[] Q, long[] K, long[] V)[] shapes =
        [
            ([4, 2, 8, 16], [1, 2, 8, 16], [1, 2, 8, 16]),
            ([1, 2, 5, 16], [3, 2, 7, 16], [3, 2, 7, 16]),
            ([2, 1, 5, 16], [2, 3, 7, 16], [1, 3, 7, 16]),
            ([2, 8, 9, 16], [2, 2, 9, 16], [2, 2, 9, 16]),
            ([3, 6, 5, 32], [1, 3, 40, 32], [3, 3, 40, 32]),
            ([2, 6, 5, 16], [2, 3, 7, 16], [2, 2, 7, 16]),
            ([2, 4, 5, 16], [2, 1, 7, 16], [2, 4, 7, 16]),
            ([5, 16], [2, 3, 7, 16], [7, 16]),
            ([2, 5, 16], [7, 16], [2, 7, 24]),
            ([5, 9], [7, 9], [7, 3]),
        ];
        foreach (var (q, k, v) in shapes)
        {
            data.Add(q, k, v, false);
            data.Add(q, k, v, true);
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Fitting))]
    public void BroadcastAndGroupedShapesGiveTheSameOnEveryPath(long[] queries, long[] keys, long[] values, bool needsGradient)
    {
        using var scope = NewDisposeScope();
        var (q, k, v) = (Draw(queries, 1), Draw(keys, 2), Draw(values, 3));
        var expected = Reference(q, k, v, null);
        foreach (var path in Enum.GetValues<AttentionPath>())
        {
            var given = needsGradient ? q.clone().requires_grad_() : q;
            var result = Cresset.Nn.Attention.ScaledDotProduct(given, k, v, path: path);
            Assert.Equal(expected.shape, result.shape);
            Close(expected, result, $"{path}");
        }
    }

    [Fact]
    public void ShapesThatDoNotFitAreRefusedOnEveryPath()
    {
        (long[] Q, long[] K, long[] V)[] shapes =
        [
            ([4, 2, 8, 16], [3, 2, 8, 16], [3, 2, 8, 16]),
            ([1, 8, 8, 16], [1, 3, 8, 16], [1, 3, 8, 16]),
            ([1, 2, 8, 16], [1, 2, 8, 32], [1, 2, 8, 16]),
            ([1, 2, 8, 16], [1, 2, 8, 16], [1, 2, 9, 16]),
            ([1, 2, 8, 16], [1, 4, 8, 16], [1, 4, 8, 16]),
            ([16], [8, 16], [8, 16]),
        ];
        using var scope = NewDisposeScope();
        foreach (var (q, k, v) in shapes)
        {
            foreach (var path in Enum.GetValues<AttentionPath>())
                Assert.Throws<ShapeException>(() => Cresset.Nn.Attention.ScaledDotProduct(zeros(q), zeros(k), zeros(v), path: path));
        }
        Assert.Throws<ShapeException>(
            () => Cresset.Nn.Attention.ScaledDotProduct(zeros(2, 4, 8), zeros(2, 5, 8), zeros(2, 5, 8), mask: ones(4, 4)));
        Assert.Throws<ArgumentException>(
            () => Cresset.Nn.Attention.ScaledDotProduct(zeros(4, 8), zeros([5, 8], ScalarType.Float64), zeros(5, 8)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void CausalGoesTogetherWithAMaskAndRowsWithoutKeysAreZero(bool boolean)
    {
        using var scope = NewDisposeScope();
        var (q, k, v) = (Draw([2, 4, 6, 16], 4), Draw([2, 2, 6, 16], 5), Draw([2, 2, 6, 16], 6));
        var allowed = ones([6, 6], ScalarType.Bool);
        // The second position may look at the fourth alone, which lies after it.
        allowed[1] = tensor(new[] { false, false, false, true, false, false });
        allowed[4, 2] = false;
        var both = allowed.logical_and(ones([6, 6], ScalarType.Bool).tril());
        var expected = Reference(q, k, v, both);
        var mask = boolean ? allowed : zeros(6, 6).masked_fill(allowed.logical_not(), double.NegativeInfinity);
        foreach (var path in Enum.GetValues<AttentionPath>())
        {
            var given = q.clone().requires_grad_();
            var result = Cresset.Nn.Attention.ScaledDotProduct(given, k, v, mask, causal: true, path: path);
            Close(expected, result, $"{path}");
            Assert.Equal(0, result.select(-2, 1).abs().max().ToDouble());
            result.sum().backward();
            Assert.True(given.grad!.isfinite().all().ToBoolean());
        }
    }

    private static Tensor Draw(long[] shape, ulong seed)
    {
        using var generator = new Generator(seed, CPU);
        return randn(shape, generator: generator);
    }

    private static void Close(Tensor expected, Tensor actual, string what)
    {
        var error = (expected - actual.detach().to(ScalarType.Float64)).abs().max().ToDouble();
        Assert.True(error < 1e-5, $"{what}: {error:E2}");
    }

    private static Tensor Reference(Tensor q, Tensor k, Tensor v, Tensor? allowed)
    {
        var rank = Math.Max(q.dim(), Math.Max(k.dim(), v.dim()));
        Tensor Four(Tensor t)
        {
            var wide = t.to(ScalarType.Float64);
            // A dimension before the last two is the sample for three dimensions.
            return rank == 3 ? wide.view(wide.dim() == 3 ? wide.size(0) : 1, 1, wide.size(-2), wide.size(-1))
                : wide.view([.. Enumerable.Repeat(1L, (int)(4 - wide.dim())), .. wide.shape]);
        }
        (q, k, v) = (Four(q), Four(k), Four(v));
        long batch = new[] { q.size(0), k.size(0), v.size(0) }.Max(), heads = new[] { q.size(1), k.size(1), v.size(1) }.Max();
        Tensor Head(Tensor t, long n, long h) => t[t.size(0) == 1 ? 0 : n, h * t.size(1) / heads];
        var samples = new List<Tensor>();
        for (long n = 0; n < batch; n++)
        {
            for (long h = 0; h < heads; h++)
            {
                var weights = Head(q, n, h).matmul(Head(k, n, h).t()).div(Math.Sqrt(q.size(3))).exp();
                if (allowed is not null) weights = weights * allowed.to(ScalarType.Float64);
                samples.Add(weights.div(weights.sum(-1, keepdim: true).clamp_min(1e-300)).matmul(Head(v, n, h)));
            }
        }
        var all = stack([.. samples]).view(batch, heads, q.size(2), v.size(3));
        return rank == 4 ? all : all.view(rank == 3 ? [batch, q.size(2), v.size(3)] : [q.size(2), v.size(3)]);
    }
}
