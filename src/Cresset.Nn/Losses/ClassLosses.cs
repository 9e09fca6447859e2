using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>A loss between scores of classes [N, C, ...] (or [C]) and class indices [N, ...] (or []).</summary>
public abstract record ClassLossRule : LossRule
{
    /// <summary>Places with this index count nothing.</summary>
    public long IgnoreIndex { get; init; } = -100;

    /// <inheritdoc/>
    public sealed override LossTarget Takes => LossTarget.Classes;

    /// <inheritdoc/>
    public sealed override LossRule Ignoring(long index) => this with { IgnoreIndex = index };

    /// <inheritdoc/>
    protected sealed override Tensor Compare(Tensor prediction, Tensor target, Tensor? weights)
    {
        var name = GetType().Name;
        if (prediction.dim() < 1)
            throw new ShapeException($"{name}: prediction has shape []; expected [N, C, ...], or [C] for one sample.");
        var single = prediction.dim() == 1;
        var classes = prediction.size(single ? 0 : 1);
        if (weights is not null && (weights.dim() != 1 || weights.size(0) != classes))
            throw new ShapeException($"{name}: weights have shape {Shape.Text(weights)}; expected one for each of the {classes} classes.");
        if (target.is_floating_point() || target.is_complex())
        {
            if (TakesShares && target.dim() == prediction.dim() && target.shape.AsSpan().SequenceEqual(prediction.shape))
                return OfShares(prediction, target.to(prediction.dtype), weights);
            throw new ArgumentException(
                $"{name}: target is {target.dtype} of shape {Shape.Text(target)}; expected whole numbers: the index of a class for each "
                    + $"place.", nameof(target));
        }
        long[] places = single ? [] : [prediction.size(0), .. prediction.shape[2..]];
        if (!target.shape.AsSpan().SequenceEqual(places))
            throw new ShapeException(
                $"{name}: target has shape {Shape.Text(target)}; expected {Shape.Text(places)}, an index for each place of predictions "
                    + $"{Shape.Text(prediction)} ([N, C, ...]).");
        var indices = target.to(ScalarType.Int64);
        if (Losses.IsReadable(indices)) CheckRange(indices, classes);
        return OfClasses(prediction, indices, weights);
    }

    /// <summary>Whether targets may also be shares of all classes, of the shape of the predictions.</summary>
    private protected virtual bool TakesShares => false;

    /// <summary>Classes that targets may name beyond those predicted: 1 where a single score says yes or no.</summary>
    private protected virtual long LastClass(long classes) => classes - 1;

    private protected virtual Tensor OfShares(Tensor prediction, Tensor shares, Tensor? weights) => throw new NotSupportedException();

    private protected abstract Tensor OfClasses(Tensor prediction, Tensor classes, Tensor? weights);

    /// <summary>Scores as rows [M, C] and indices [M], the ignored ones moved to class 0, with their mask.</summary>
    private protected (Tensor Scores, Tensor Classes, Tensor Ignored) Rows(Tensor prediction, Tensor classes)
    {
        var rows = prediction.dim() <= 2 ? prediction.reshape(-1, prediction.size(-1))
            : prediction.movedim([1], [-1]).reshape(-1, prediction.size(1));
        var flat = classes.reshape(-1);
        var ignored = flat.eq(IgnoreIndex);
        return (rows, flat.masked_fill(ignored, 0), ignored);
    }

    /// <summary>
    /// Losses [M] where they count, times the weights of their classes; the mean divides by the sum of the weights, as cross-entropy does
    /// in PyTorch.
    /// </summary>
    private protected Tensor Weighted(Tensor losses, Tensor ignored, Tensor? factors, Tensor classes)
    {
        // Not a product: an infinite loss that does not count would become NaN.
        var each = losses.masked_fill(ignored, 0);
        if (factors is not null) each = each * factors;
        factors = (factors ?? ones_like(losses)).masked_fill(ignored, 0);
        return Reduction switch
        {
            LossReduction.Mean => each.sum() / factors.sum(),
            LossReduction.None => each.reshape(classes.shape),
            LossReduction.BatchMean when classes.dim() > 0 => each.sum() / classes.size(0),
            _ => each.sum(),
        };
    }

    private void CheckRange(Tensor target, long classes)
    {
        var last = LastClass(classes);
        var bad = target.masked_select(target.ne(IgnoreIndex).logical_and(target.lt(0).logical_or(target.gt(last))));
        if (bad.numel() == 0) return;
        throw new ArgumentException(
            $"{GetType().Name}: target holds class {bad[0].ToInt64()}; predictions have {classes} "
                + $"{(classes == 1 ? "score, so 0 and 1 are allowed" : $"classes, 0 to {last}")} (and {IgnoreIndex}, which is ignored).",
                nameof(target));
    }
}

/// <summary>Cross-entropy of logits. Targets may also be shares of all classes, [N, C, ...].</summary>
[Part("cross-entropy")]
public sealed record CrossEntropyLossRule : ClassLossRule
{
    /// <summary>This share of the target goes to all classes alike, in [0, 1].</summary>
    public double LabelSmoothing { get; init; }

    private protected override bool TakesShares => true;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.Within(LabelSmoothing, 0, 1);

    private protected override Tensor OfShares(Tensor prediction, Tensor shares, Tensor? weights) => OfClasses(prediction, shares, weights);

    private protected override Tensor OfClasses(Tensor prediction, Tensor classes, Tensor? weights)
    {
        if (weights is { requires_grad: true } && is_grad_enabled())
            throw new ArgumentException(
                $"{GetType().Name}: the weights of classes require gradients, which this loss gives to predictions alone. Take their "
                    + $"detach().", nameof(weights));
        var whole = Reduction switch
        {
            LossReduction.Mean => nn.Reduction.Mean,
            LossReduction.None => nn.Reduction.None,
            _ => nn.Reduction.Sum,
        };
        var loss = nn.functional.cross_entropy(prediction, classes, weights, IgnoreIndex, whole, LabelSmoothing);
        return Reduction == LossReduction.BatchMean && prediction.dim() > 1 ? loss / prediction.size(0) : loss;
    }
}

/// <summary>The negative log-probability of the right class; predictions are log-probabilities.</summary>
[Part("nll")]
public sealed record LogProbabilityLossRule : ClassLossRule
{
    private protected override Tensor OfClasses(Tensor prediction, Tensor classes, Tensor? weights)
    {
        var (scores, indices, ignored) = Rows(prediction, classes);
        return Weighted(-scores.gather(1, indices.unsqueeze(1)).squeeze(1), ignored, weights?.index_select(0, indices), classes);
    }
}

/// <summary>Focal loss of logits (Lin et al. 2017): cross-entropy times (1 - p_t)^gamma, so that what is easy counts little.</summary>
[Part("focal", "Lin et al. 2017")]
public sealed record FocalLossRule : ClassLossRule
{
    /// <summary>How little the easy count, at least 0; 0 is cross-entropy.</summary>
    public double Gamma { get; init; } = 2;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.AtLeast(Gamma, 0.0);

    private protected override Tensor OfClasses(Tensor prediction, Tensor classes, Tensor? weights)
    {
        if (prediction.size(prediction.dim() == 1 ? 0 : 1) < 2)
            throw new ShapeException(
                $"FocalLossRule: prediction has shape {Shape.Text(prediction)}; a softmax needs two classes or more. For yes or no take "
                    + $"'sigmoid-focal'.");
        var (scores, indices, ignored) = Rows(prediction, classes);
        var right = zeros_like(scores, dtype: ScalarType.Bool)
            .scatter(1, indices.unsqueeze(1), ones([indices.size(0), 1], ScalarType.Bool, scores.device));
        var all = scores.logsumexp(1);
        var losses = all - scores.gather(1, indices.unsqueeze(1)).squeeze(1);
        // log(1 - p_t) from the other classes: 1 - p_t rounds to 0, where a root has no derivative.
        if (Gamma != 0) losses = losses * ((scores.masked_fill(right, double.NegativeInfinity).logsumexp(1) - all) * Gamma).exp();
        return Weighted(losses, ignored, weights?.index_select(0, indices), classes);
    }
}

/// <summary>The hinge of each wrong class against the right one: the mean over classes of max(0, margin - x_t + x_j)^p.</summary>
[Part("multi-margin")]
public sealed record MultiMarginLossRule : ClassLossRule
{
    /// <summary>The margin.</summary>
    public double Margin { get; init; } = 1;

    /// <summary>The power, 1 or 2.</summary>
    public int Power { get; init; } = 1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.Finite(Margin).Within(Power, 1, 2);

    private protected override Tensor OfClasses(Tensor prediction, Tensor classes, Tensor? weights)
    {
        var (scores, indices, ignored) = Rows(prediction, classes);
        var own = indices.unsqueeze(1);
        var gaps = (scores - scores.gather(1, own) + Margin).clamp_min(0);
        if (Power == 2) gaps = gaps.square();
        var losses = gaps.scatter(1, own, zeros_like(gaps.narrow(1, 0, 1))).sum(1) / scores.size(1);
        if (weights is not null) losses = losses * weights.index_select(0, indices);
        // Unlike cross-entropy, PyTorch divides by the places here and not by their weights.
        return Weighted(losses, ignored, null, classes);
    }
}
