using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>The absolute error |x - t|.</summary>
[Part("l1", Aliases = ["mae"])]
public sealed record AbsoluteLossRule : ValueLossRule
{
    /// <inheritdoc/>
    protected override Tensor Each(Tensor prediction, Tensor target) => (prediction - target).abs();
}

/// <summary>The squared error (x - t)^2.</summary>
[Part("mse", Aliases = ["l2"])]
public sealed record SquaredLossRule : ValueLossRule
{
    /// <inheritdoc/>
    protected override Tensor Each(Tensor prediction, Tensor target) => (prediction - target).square();
}

/// <summary>Half the squared error up to <see cref="Delta"/>, from there on linear with slope delta (Huber 1964).</summary>
[Part("huber", "Huber 1964")]
public sealed record HuberLossRule : ValueLossRule
{
    /// <summary>Where it becomes linear, greater than 0.</summary>
    public double Delta { get; init; } = 1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.Positive(Delta);

    /// <inheritdoc/>
    protected override Tensor Each(Tensor prediction, Tensor target) =>
        nn.functional.huber_loss(prediction, target, Delta, nn.Reduction.None);
}

/// <summary>
/// Huber's loss divided by its delta: slope 1 from <see cref="Beta"/> on; with beta 0 the absolute error (Girshick 2015).
/// </summary>
[Part("smooth-l1", "Girshick 2015")]
public sealed record SmoothAbsoluteLossRule : ValueLossRule
{
    /// <summary>Where it becomes linear, at least 0.</summary>
    public double Beta { get; init; } = 1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.AtLeast(Beta, 0.0);

    /// <inheritdoc/>
    protected override Tensor Each(Tensor prediction, Tensor target) =>
        nn.functional.smooth_l1_loss(prediction, target, nn.Reduction.None, Beta);
}

/// <summary>log cosh(x - t): half the squared error near 0, the absolute error less log 2 far away, smooth everywhere.</summary>
[Part("log-cosh")]
public sealed record LogCoshLossRule : ValueLossRule
{
    /// <inheritdoc/>
    protected override Tensor Each(Tensor prediction, Tensor target)
    {
        // |d| + log(1 + e^(-2 |d|)) - log 2 cancels near 0; there log1p(2 sinh(d/2)^2) keeps its digits.
        var size = (prediction - target).abs();
        var small = size.clamp_max(1);
        var near = (small / 2).sinh().square().mul(2).log1p();
        var far = size + Losses.Softplus(size * -2) - Math.Log(2);
        return where(size.lt(1), near, far);
    }
}

/// <summary>sqrt((x - t)^2 + epsilon^2), a smooth absolute error (Charbonnier et al. 1994), usual in super-resolution.</summary>
[Part("charbonnier", "Charbonnier et al. 1994")]
public sealed record CharbonnierLossRule : ValueLossRule
{
    /// <summary>Width of the round tip, greater than 0.</summary>
    public double Epsilon { get; init; } = 1e-3;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.Positive(Epsilon);

    /// <inheritdoc/>
    protected override Tensor Each(Tensor prediction, Tensor target)
    {
        // hypot: the square of an error above 1e19 is not a float32.
        var d = prediction - target;
        return hypot(d, full_like(d, Epsilon));
    }
}

/// <summary>
/// The pinball loss, whose minimum is a quantile of the targets (Koenker and Bassett 1978): q (t - x) below the target, (1 - q) (x - t)
/// above.
/// </summary>
[Part("quantile", "Koenker and Bassett 1978", Aliases = ["pinball"])]
public sealed record QuantileLossRule : ValueLossRule
{
    /// <summary>The quantile, in (0, 1); 0.5 is half the absolute error.</summary>
    public double Quantile { get; init; } = 0.5;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.Within(Quantile, 0, 1, includeMin: false, includeMax: false);

    /// <inheritdoc/>
    protected override Tensor Each(Tensor prediction, Tensor target)
    {
        var d = target - prediction;
        return maximum(d * Quantile, d * (Quantile - 1));
    }
}

/// <summary>
/// The negative logarithm of Poisson's probability of counts t: e^x - t x for x = log rate, or x - t log(x + epsilon) for x = rate.
/// </summary>
[Part("poisson-nll")]
public sealed record PoissonLossRule : ValueLossRule
{
    /// <summary>Predictions are the logarithms of rates.</summary>
    public bool Logarithmic { get; init; } = true;

    /// <summary>Add Stirling's approximation of log t! for counts above 1.</summary>
    public bool Full { get; init; }

    /// <summary>Added to rates before their logarithm, greater than 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.Positive(Epsilon);

    /// <inheritdoc/>
    protected override Tensor Each(Tensor prediction, Tensor target)
    {
        // Where e^x has left the type its product with t may too; their difference is infinite and not NaN.
        var most = prediction.dtype == ScalarType.Float64 ? double.MaxValue : float.MaxValue;
        var loss = Logarithmic ? prediction.exp() - (target * prediction).clamp_max(most)
            : prediction - (target * (prediction + Epsilon).log());
        if (!Full) return loss;
        // Counts of 0 and 1 have no such term; inside the logarithm they are 2, so that its derivative stays a number.
        var counted = where(target.gt(1), target, full_like(target, 2));
        var stirling = (counted * counted.log()) - counted + ((counted * (2 * Math.PI)).log() / 2);
        return loss + where(target.gt(1), stirling, zeros_like(stirling));
    }
}
