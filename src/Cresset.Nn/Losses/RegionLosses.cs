using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// A loss over regions: how the places that scores [N, C, ...] give to each class overlap with those that have it. Scores are logits; with
/// one score per place (C = 1) it says yes (1) or no (0). The loss of each class is reduced over samples and classes; classes may have
/// weights.
/// </summary>
public abstract record RegionLossRule : ClassLossRule
{
    /// <summary>Added to the numerator and denominator, at least 0; a class that is neither there nor found then costs nothing.</summary>
    public double Smooth { get; init; } = 1;

    /// <summary>Count a whole batch as one picture, instead of each sample by itself.</summary>
    public bool OverBatch { get; init; }

    /// <summary>Leave class 0, the background, out.</summary>
    public bool SkipBackground { get; init; }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.AtLeast(Smooth, 0.0);

    private protected sealed override long LastClass(long classes) => Math.Max(1, classes - 1);

    private protected sealed override Tensor OfClasses(Tensor prediction, Tensor classes, Tensor? weights)
    {
        var (scores, indices, ignored) = Rows(prediction, classes);
        var count = scores.size(1);
        long samples = OverBatch || prediction.dim() == 1 ? 1 : prediction.size(0), places = samples == 0 ? 0 : scores.size(0) / samples;
        if (SkipBackground && count == 1)
            throw new ShapeException(
                $"{GetType().Name}: with one score per place there is no background to skip; prediction has shape "
                    + $"{Shape.Text(prediction)}.");
        var mask = ones_like(scores).masked_fill(ignored.unsqueeze(1), 0);
        var truth = count == 1 ? indices.unsqueeze(1).to(scores.dtype)
            : zeros_like(scores).scatter(1, indices.unsqueeze(1), ones([indices.size(0), 1], scores.dtype, scores.device));
        var (shares, there) = (Grouped((count == 1 ? scores.sigmoid() : scores.softmax(1)) * mask), Grouped(truth * mask));
        if (SkipBackground)
        {
            (shares, there) = (shares.narrow(2, 1, count - 1), there.narrow(2, 1, count - 1));
            weights = weights?.narrow(0, 1, count - 1);
        }
        // [N, C] (or [1, C] over the batch).
        var losses = OfRegions(shares, there);
        if (weights is not null) losses = losses * weights;
        if (Reduction == LossReduction.None && (OverBatch || prediction.dim() == 1)) return losses.squeeze(0);
        return Reduction == LossReduction.Mean && weights is not null ? losses.sum() / (weights.sum() * losses.size(0)) : Reduced(losses);

        Tensor Grouped(Tensor rows) => rows.reshape(samples, places, count);
    }

    /// <summary>The loss [N, C] of shares and truth [N, P, C], whose sums over P are the sizes of regions.</summary>
    private protected abstract Tensor OfRegions(Tensor shares, Tensor truth);
}

/// <summary>1 - (2 |both| + s) / (|found| + |there| + s), the soft form of Dice's coefficient (Milletari et al. 2016).</summary>
[Part("dice", "Milletari et al. 2016")]
public sealed record DiceLossRule : RegionLossRule
{
    /// <summary>Squares in the denominator, as the authors have it.</summary>
    public bool Squared { get; init; }

    private protected override Tensor OfRegions(Tensor shares, Tensor truth)
    {
        var both = (shares * truth).sum([1]);
        var sizes = Squared ? (shares.square() + truth.square()).sum([1]) : (shares + truth).sum([1]);
        // A class of no size at all costs nothing, as with any Smooth above 0.
        var none = (sizes + Smooth).eq(0);
        return (1 - (((both * 2) + Smooth) / (sizes + Smooth).masked_fill(none, 1))).masked_fill(none, 0);
    }
}

/// <summary>
/// 1 - (both + s) / (both + alpha false + beta missed + s) (Salehi et al. 2017), to the power of an exponent (Abraham and Khan 2019). Alpha
/// and beta of 0.5 are
/// Dice's coefficient, of 1 Jaccard's.
/// </summary>
[Part("tversky", "Salehi et al. 2017")]
public sealed record TverskyLossRule : RegionLossRule
{
    /// <summary>Weight of what is found and not there, at least 0.</summary>
    public double Alpha { get; init; } = 0.3;

    /// <summary>Weight of what is there and not found, at least 0.</summary>
    public double Beta { get; init; } = 0.7;

    /// <summary>Power of the loss of a class, greater than 0: 0.75 is the focal form's.</summary>
    public double Exponent { get; init; } = 1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.AtLeast(Alpha, 0.0).AtLeast(Beta, 0.0).Positive(Exponent)
            .Must(Alpha + Beta > 0, Alpha + Beta, "greater than 0 for alpha + beta", field: nameof(Beta));
    }

    private protected override Tensor OfRegions(Tensor shares, Tensor truth)
    {
        var both = (shares * truth).sum([1]);
        var wrong = ((shares.sum([1]) - both) * Alpha) + ((truth.sum([1]) - both) * Beta);
        // The sums may differ by a rounding; a root has no derivative at 0.
        var sizes = both + wrong + Smooth;
        var loss = wrong.clamp_min(0) / sizes.masked_fill(sizes.eq(0), 1);
        return Exponent == 1 ? loss : loss.clamp_min(1e-12).pow(Exponent);
    }
}

/// <summary>
/// Two losses of the same kind added: <see cref="First"/> + <see cref="Weight"/> times <see cref="Second"/>, such as cross-entropy and
/// Dice.
/// </summary>
[Part("sum")]
public sealed record SumLossRule : LossRule
{
    /// <summary>The first; its own reduction is not looked at.</summary>
    public LossRule First { get; init; } = new CrossEntropyLossRule();

    /// <summary>The second; its own reduction is not looked at.</summary>
    public LossRule Second { get; init; } = new DiceLossRule();

    /// <summary>Factor of the second, greater than 0.</summary>
    public double Weight { get; init; } = 1;

    /// <inheritdoc/>
    public override LossTarget Takes => First.Takes;

    /// <inheritdoc/>
    public override LossRule Ignoring(long index) => this with { First = First.Ignoring(index), Second = Second.Ignoring(index) };

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?
        .Nested(First).Nested(Second).Positive(Weight)
        .Must(First?.Takes == Second?.Takes, Second?.Takes, $"a loss over {First?.Takes.ToString().ToLowerInvariant()}, as the first",
            field: nameof(Second))
        .Must(Reduction != LossReduction.None, Reduction, "mean, sum or batch-mean: losses of different shapes cannot be added",
            field: nameof(Reduction));

    /// <inheritdoc/>
    protected override Tensor Compare(Tensor prediction, Tensor target, Tensor? weights)
        => (First with { Reduction = Reduction }).Of(prediction, target, weights)
            + ((Second with { Reduction = Reduction }).Of(prediction, target, weights) * Weight);
}
