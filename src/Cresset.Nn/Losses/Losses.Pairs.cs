using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

public static partial class Losses
{
    /// <summary>max(0, margin - order (first - second)): which of two scores of the same shape should be the larger.</summary>
    /// <param name="first">Scores.</param>
    /// <param name="second">Scores.</param>
    /// <param name="order">1 where the first should be larger, -1 where the second should.</param>
    /// <param name="margin">By how much.</param>
    /// <param name="reduction">How losses become one number.</param>
    /// <exception cref="ShapeException">The shapes differ.</exception>
    public static Tensor MarginRanking(Tensor first, Tensor second, Tensor order, double margin = 0,
        LossReduction reduction = LossReduction.Mean)
    {
        var type = ComputedIn(first, nameof(MarginRanking));
        SameShape(nameof(MarginRanking), (nameof(first), first), (nameof(second), second), (nameof(order), order));
        using var scope = NewDisposeScope();
        var losses = (margin - (order.to(type) * (first.to(type) - second.to(type)))).clamp_min(0);
        return Reduce(losses, reduction).to(first.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>1 - cos where two vectors belong together (1), max(0, cos - margin) where they do not (-1).</summary>
    /// <param name="first">Vectors [N, D], or one [D].</param>
    /// <param name="second">Vectors of the same shape.</param>
    /// <param name="together">1 or -1, [N] or [].</param>
    /// <param name="margin">Cosines up to it cost nothing, in [-1, 1].</param>
    /// <param name="reduction">How losses become one number.</param>
    /// <exception cref="ShapeException">The shapes do not fit.</exception>
    public static Tensor CosineEmbedding(Tensor first, Tensor second, Tensor together, double margin = 0,
        LossReduction reduction = LossReduction.Mean)
    {
        var type = ComputedIn(first, nameof(CosineEmbedding));
        if (first.dim() is not (1 or 2)) throw Shape.Wrong(first, "[N, D] or [D]");
        SameShape(nameof(CosineEmbedding), (nameof(first), first), (nameof(second), second));
        if (!together.shape.AsSpan().SequenceEqual(first.shape.AsSpan()[..^1]))
            throw Shape.Wrong(together, $"{Shape.Text(first.shape.AsSpan()[..^1])}, one for each pair");
        using var scope = NewDisposeScope();
        var (x, y, t) = (Small(first.to(type)), Small(second.to(type)), together.to(type));
        var cosine = (x * y).sum(-1) / ((x.square().sum(-1) + CosineFloor) * (y.square().sum(-1) + CosineFloor)).sqrt();
        var zero = zeros_like(cosine);
        var losses = where(t.eq(1), 1 - cosine, zero) + where(t.eq(-1), (cosine - margin).clamp_min(0), zero);
        return Reduce(losses, reduction).to(first.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Squared distance where two vectors belong together (1), max(0, margin - distance)^2 where they do not (0) (Hadsell et al. 2006);
    /// half of each.
    /// </summary>
    /// <param name="first">Vectors [N, D], or one [D].</param>
    /// <param name="second">Vectors of the same shape.</param>
    /// <param name="together">1 or 0, [N] or [].</param>
    /// <param name="margin">Distances beyond it cost nothing, greater than 0.</param>
    /// <param name="reduction">How losses become one number.</param>
    /// <exception cref="ShapeException">The shapes do not fit.</exception>
    public static Tensor Contrastive(Tensor first, Tensor second, Tensor together, double margin = 1,
        LossReduction reduction = LossReduction.Mean)
    {
        var type = ComputedIn(first, nameof(Contrastive));
        if (first.dim() is not (1 or 2)) throw Shape.Wrong(first, "[N, D] or [D]");
        SameShape(nameof(Contrastive), (nameof(first), first), (nameof(second), second));
        if (!together.shape.AsSpan().SequenceEqual(first.shape.AsSpan()[..^1]))
            throw Shape.Wrong(together, $"{Shape.Text(first.shape.AsSpan()[..^1])}, one for each pair");
        using var scope = NewDisposeScope();
        var (d, t) = (first.to(type) - second.to(type), together.to(type));
        var apart = (margin - Distance(d, 2, 1e-6)).clamp_min(0).square();
        // The square of a large distance is infinite; where it has no say, 0 times it would be NaN.
        var near = (t * d.square().sum(-1)).masked_fill(t.eq(0), 0);
        var losses = (near + ((1 - t) * apart)) / 2;
        return Reduce(losses, reduction).to(first.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>max(0, d(anchor, positive) - d(anchor, negative) + margin) with the distance of the p-norm (Schroff et al. 2015).</summary>
    /// <param name="anchor">Vectors [N, D], or one [D].</param>
    /// <param name="positive">Vectors that belong to them.</param>
    /// <param name="negative">Vectors that do not.</param>
    /// <param name="margin">By how much the negative shall be farther away, greater than 0.</param>
    /// <param name="p">The norm, greater than 0.</param>
    /// <param name="epsilon">Added to each difference, so that the norm has a derivative at 0.</param>
    /// <param name="swap">Take the distance from positive to negative where that is smaller (Balntas et al. 2016).</param>
    /// <param name="reduction">How losses become one number.</param>
    /// <exception cref="ShapeException">The shapes differ.</exception>
    public static Tensor Triplet(Tensor anchor, Tensor positive, Tensor negative, double margin = 1, double p = 2, double epsilon = 1e-6,
        bool swap = false, LossReduction reduction = LossReduction.Mean)
    {
        ArgumentNullException.ThrowIfNull(anchor);
        if (anchor.dim() is not (1 or 2)) throw Shape.Wrong(anchor, "[N, D] or [D]");
        if (!(p > 0)) throw new ArgumentOutOfRangeException(nameof(p), p, "A norm needs a power greater than 0.");
        return Triplet(anchor, positive, negative, (a, b) => Distance(a - b, p, epsilon), margin, swap, reduction);
    }

    /// <summary>The same with any distance: a function of two tensors of the anchors' shape that gives one number for each pair.</summary>
    /// <param name="anchor">What is compared, [N, ...].</param>
    /// <param name="positive">What belongs to it.</param>
    /// <param name="negative">What does not.</param>
    /// <param name="distance">The distance; called with float32 or float64.</param>
    /// <param name="margin">By how much the negative shall be farther away, greater than 0.</param>
    /// <param name="swap">Take the distance from positive to negative where that is smaller.</param>
    /// <param name="reduction">How losses become one number.</param>
    /// <exception cref="ShapeException">The shapes differ.</exception>
    public static Tensor Triplet(Tensor anchor, Tensor positive, Tensor negative, Func<Tensor, Tensor, Tensor> distance, double margin = 1,
        bool swap = false, LossReduction reduction = LossReduction.Mean)
    {
        ArgumentNullException.ThrowIfNull(distance);
        var type = ComputedIn(anchor, nameof(Triplet));
        if (!(margin > 0) || !double.IsFinite(margin))
            throw new ArgumentOutOfRangeException(nameof(margin), margin, "The margin must be greater than 0.");
        SameShape(nameof(Triplet), (nameof(anchor), anchor), (nameof(positive), positive), (nameof(negative), negative));
        using var scope = NewDisposeScope();
        var (a, near, far) = (anchor.to(type), positive.to(type), negative.to(type));
        var apart = distance(a, far);
        if (swap) apart = minimum(apart, distance(near, far));
        return Reduce((distance(a, near) - apart + margin).clamp_min(0), reduction).to(anchor.dtype).MoveToOuterDisposeScope();
    }

    // PyTorch's pairwise_distance: epsilon goes to the difference and not under the root.
    private static Tensor Distance(Tensor difference, double p, double epsilon)
    {
        var d = (difference + epsilon).abs();
        if (double.IsPositiveInfinity(p)) return d.amax(-1);
        if (p == 1) return d.sum(-1);
        var size = Above1(d);
        d = d / size;
        return (p == 2 ? d.norm(-1) : d.pow(p).sum(-1).pow(1 / p)) * size.squeeze(-1);
    }

    // Directions of large vectors: their squares are no numbers.
    private static Tensor Small(Tensor vectors) => vectors / Above1(vectors);

    private static Tensor Above1(Tensor vectors) => vectors.size(-1) == 0 ? ones([1], vectors.dtype, vectors.device)
        : vectors.detach().abs().amax([-1], keepdim: true).clamp_min(1);
}
