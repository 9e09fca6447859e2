using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Binary cross-entropy of probabilities in [0, 1] against targets in [0, 1]; logarithms end at -100, as in PyTorch.</summary>
[Part("bce")]
public sealed record BinaryCrossEntropyLossRule : ValueLossRule
{
    /// <inheritdoc/>
    protected override Tensor Each(Tensor prediction, Tensor target)
    {
        if (Losses.IsReadable(prediction) && prediction.numel() > 0)
        {
            using var quiet = no_grad();
            if (!prediction.ge(0).logical_and(prediction.le(1)).all().ToBoolean())
                throw new ArgumentException(
                    "BinaryCrossEntropyLossRule: predictions must be probabilities in [0, 1]; some are not (NaN included). For logits take "
                        + "'bce-logits'.", nameof(prediction));
        }
        return nn.functional.binary_cross_entropy(prediction, target, null, nn.Reduction.None);
    }
}

/// <summary>Binary cross-entropy of logits against targets in [0, 1]: softplus(x) - t x.</summary>
[Part("bce-logits")]
public sealed record LogitBinaryCrossEntropyLossRule : ValueLossRule
{
    /// <summary>Factor of the loss of positive targets, greater than 0.</summary>
    public double PositiveWeight { get; init; } = 1;

    /// <summary>Targets are pulled towards 1/2 by this share, in [0, 1).</summary>
    public double LabelSmoothing { get; init; }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.Positive(PositiveWeight).Within(LabelSmoothing, 0, 1, includeMax: false);

    /// <inheritdoc/>
    protected override Tensor Each(Tensor prediction, Tensor target)
    {
        var t = LabelSmoothing == 0 ? target : (target * (1 - LabelSmoothing)) + (LabelSmoothing / 2);
        return Losses.LogitCrossEntropy(prediction, t, PositiveWeight);
    }
}

/// <summary>
/// Focal loss of logits against targets in [0, 1] (Lin et al. 2017): binary cross-entropy times (1 - p_t)^gamma, so that what is easy
/// counts little. Targets of 1 weigh alpha, of 0 1 - alpha.
/// </summary>
[Part("sigmoid-focal", "Lin et al. 2017")]
public sealed record SigmoidFocalLossRule : ValueLossRule
{
    /// <summary>How little the easy count, at least 0; 0 is cross-entropy.</summary>
    public double Gamma { get; init; } = 2;

    /// <summary>Weight of positive targets, in [0, 1]; null weighs all alike.</summary>
    public double? Alpha { get; init; } = 0.25;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) =>
        checks?.AtLeast(Gamma, 0.0).Must(Alpha is null or (>= 0 and <= 1), Alpha, "in [0, 1]", field: nameof(Alpha));

    /// <inheritdoc/>
    protected override Tensor Each(Tensor prediction, Tensor target)
    {
        var loss = Losses.LogitCrossEntropy(prediction, target);
        if (Gamma != 0)
        {
            // 1 - p_t = (1 - t) p + t (1 - p): not the difference, which rounds to 0, where a root has no derivative.
            var least = prediction.dtype == ScalarType.Float64 ? 1e-300 : 1e-37;
            loss = loss * (((1 - target) * prediction.sigmoid()) + (target * (-prediction).sigmoid())).clamp_min(least).pow(Gamma);
        }
        return Alpha is { } alpha ? loss * ((target * ((2 * alpha) - 1)) + (1 - alpha)) : loss;
    }
}

/// <summary>
/// The divergence of Kullback and Leibler of log-probabilities x from probabilities t: t (log t - x) for each number, 0 where t is 0. Take
/// the reduction batch-mean for the divergence itself, the mean over numbers is PyTorch's default.
/// </summary>
[Part("kl")]
public sealed record DivergenceLossRule : ValueLossRule
{
    /// <summary>Targets are log-probabilities too. TorchSharp 0.107 has this on by default, PyTorch off.</summary>
    public bool LogTarget { get; init; }

    /// <inheritdoc/>
    protected override Tensor Each(Tensor prediction, Tensor target)
    {
        // What has no probability costs nothing, whatever is predicted: 0 times infinity would be NaN.
        var absent = LogTarget ? target.eq(double.NegativeInfinity) : target.eq(0);
        var x = prediction.masked_fill(absent, 0);
        if (!LogTarget) return xlogy(target, target) - (target * x);
        var t = target.masked_fill(absent, 0);
        return (t.exp() * (t - x)).masked_fill(absent, 0);
    }
}

/// <summary>
/// Binary cross-entropy of logits [N, C] or [C] against labels of the same shape, averaged over the C labels of each row.
/// </summary>
[Part("multi-label-soft-margin")]
public sealed record MultiLabelSoftMarginLossRule : ValueLossRule
{
    /// <inheritdoc/>
    protected override Tensor Each(Tensor prediction, Tensor target)
    {
        if (prediction.dim() < 1) throw Shape.Wrong(prediction, "[N, C] or [C]");
        return Losses.LogitCrossEntropy(prediction, target).mean([-1]);
    }
}
