using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>
/// What the relatives of Adam share: moving averages <c>exp_avg</c> of gradients and <c>exp_avg_sq</c> of their squares, and a small
/// constant.
/// </summary>
public abstract record MomentRule : OptimizerRule
{
    /// <summary>Sets the usual learning rate, 1e-3.</summary>
    protected MomentRule() => LearningRate = 1e-3;

    /// <summary>Decay of the first moment, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Keeps divisions finite, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Shrink the weights directly (true, as AdamW) or decay through the gradient (false, an L2 term).</summary>
    public bool DecoupledWeightDecay { get; init; } = true;

    /// <inheritdoc/>
    protected internal override double? CycledMomentum => Beta1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
        => checks?.Within(Beta1, 0, 1, includeMax: false).Within(Beta2, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0);

    /// <inheritdoc/>
    protected internal override void Start(in Slot s) => s.Zeros("exp_avg", "exp_avg_sq");

    /// <summary>Takes a gradient into both moments and returns them.</summary>
    private protected (Tensor First, Tensor Second) Track(in Slot s, Tensor gradient)
        => (s["exp_avg"].lerp_(gradient, 1 - s.Momentum), s["exp_avg_sq"].mul_(Beta2).addcmul_(gradient, gradient, 1 - Beta2));

    /// <summary>The root of the second moment, corrected for its start at zero, plus the small constant.</summary>
    private protected Tensor Root(in Slot s, Tensor second) => second.sqrt().div_(Math.Sqrt(s.Correction(Beta2))).add_(Epsilon);
}

/// <summary>Adam with the infinity norm (Kingma and Ba 2015, section 7.1), PyTorch's defaults. Decay is coupled.</summary>
[Part("adamax", "Kingma and Ba 2015")]
public sealed record AdamaxRule : MomentRule
{
    /// <summary>Sets PyTorch's defaults.</summary>
    public AdamaxRule() => (LearningRate, DecoupledWeightDecay) = (2e-3, false);

    /// <inheritdoc/>
    protected internal override void Start(in Slot s) => s.Zeros("exp_avg", "exp_inf");

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var g = s.Decayed(DecoupledWeightDecay);
        var m = s["exp_avg"].lerp_(g, 1 - s.Momentum);
        var u = s["exp_inf"];
        u.copy_(maximum(u.mul_(Beta2), g.abs().add_(Epsilon)));
        s.Parameter.addcdiv_(m, u, -s.Rate / s.Correction(s.Momentum));
    }
}

/// <summary>
/// Adam with Nesterov momentum and a momentum schedule (Dozat 2016), PyTorch's defaults. The option Nesterov of AdamW is the form without
/// that schedule.
/// </summary>
[Part("nadam", "Dozat 2016")]
public sealed record NAdamRule : MomentRule
{
    /// <summary>Sets PyTorch's defaults.</summary>
    public NAdamRule() => (LearningRate, DecoupledWeightDecay) = (2e-3, false);

    /// <summary>psi of the momentum schedule mu_t = beta1 (1 - 0.96^(t psi) / 2), at least 0.</summary>
    public double MomentumDecay { get; init; } = 4e-3;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.AtLeast(MomentumDecay, 0.0);
    }

    /// <inheritdoc/>
    protected internal override void Start(in Slot s)
    {
        base.Start(s);
        s.State.SetScalar("mu_product", 1);
    }

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var (beta1, t) = (s.Momentum, s.Step);
        var mu = beta1 * (1 - (0.5 * Math.Pow(0.96, t * MomentumDecay)));
        var next = beta1 * (1 - (0.5 * Math.Pow(0.96, (t + 1) * MomentumDecay)));
        var product = s.State.Scalar("mu_product", 1) * mu;
        s.State.SetScalar("mu_product", product);
        var g = s.Decayed(DecoupledWeightDecay);
        var (m, v) = Track(s, g);
        var root = v.div(s.Correction(Beta2)).sqrt_().add_(Epsilon);
        s.Parameter.addcdiv_(g, root, -s.Rate * (1 - mu) / (1 - product));
        s.Parameter.addcdiv_(m, root, -s.Rate * next / (1 - (product * next)));
    }
}

/// <summary>
/// Rectified Adam (Liu et al. 2020), PyTorch's defaults: plain momentum until the variance of the adaptive rate can be estimated (rho_t
/// above 5), then rectified Adam.
/// </summary>
[Part("radam", "Liu et al. 2020")]
public sealed record RAdamRule : MomentRule
{
    /// <summary>Sets PyTorch's defaults.</summary>
    public RAdamRule() => DecoupledWeightDecay = false;

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var (m, v) = Track(s, s.Decayed(DecoupledWeightDecay));
        var size = s.Rate / s.Correction(s.Momentum);
        if (Rectification(Beta2, s.Step, 5) is { } rectification)
            s.Parameter.addcdiv_(m, v.sqrt().add_(Epsilon), -size * rectification * Math.Sqrt(s.Correction(Beta2)));
        else
            s.Parameter.add_(m, alpha: -size);
    }

    /// <summary>The rectification at step <paramref name="step"/>; null while the variance is not tractable.</summary>
    internal static double? Rectification(double beta2, long step, double threshold)
    {
        var power = Math.Pow(beta2, step);
        var limit = (2 / (1 - beta2)) - 1;
        var rho = limit - (2 * step * power / (1 - power));
        return rho > threshold
            ? Math.Sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho))
            : null;
    }
}

/// <summary>
/// AdaBelief (Zhuang et al. 2020): divides by how far gradients stray from their moving average instead of by their size, so steps grow
/// where gradients agree. State: <c>exp_avg</c>, <c>exp_avg_var</c>.
/// </summary>
[Part("adabelief", "Zhuang et al. 2020")]
public sealed record AdaBeliefRule : MomentRule
{
    /// <summary>Sets the published defaults.</summary>
    public AdaBeliefRule() => Epsilon = 1e-16;

    /// <summary>Divide by the largest variance so far.</summary>
    public bool AmsGrad { get; init; }

    /// <inheritdoc/>
    protected internal override void Start(in Slot s)
    {
        s.Zeros("exp_avg", "exp_avg_var");
        if (AmsGrad) s.Zeros("max_exp_avg_var");
    }

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var g = s.Decayed(DecoupledWeightDecay);
        var m = s["exp_avg"].lerp_(g, 1 - s.Momentum);
        var surprise = g - m;
        var v = s["exp_avg_var"].mul_(Beta2).addcmul_(surprise, surprise, 1 - Beta2).add_(Epsilon);
        if (AmsGrad) v = s["max_exp_avg_var"].copy_(maximum(s["max_exp_avg_var"], v));
        s.Parameter.addcdiv_(m, Root(s, v), -s.Rate / s.Correction(s.Momentum));
    }
}

/// <summary>
/// AdaBound (Luo et al. 2019): Adam whose rate of each weight is kept between two bounds that close in on <see cref="FinalRate"/>, so it
/// ends as SGD.
/// </summary>
[Part("adabound", "Luo et al. 2019")]
public sealed record AdaBoundRule : MomentRule
{
    /// <summary>The rate of SGD at the end, greater than 0; it follows the schedule of the learning rate.</summary>
    public double FinalRate { get; init; } = 0.1;

    /// <summary>How fast the bounds close, greater than 0.</summary>
    public double Gamma { get; init; } = 1e-3;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.Positive(FinalRate).Positive(Gamma);
    }

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var (m, v) = Track(s, s.Decayed(DecoupledWeightDecay));
        var final = FinalRate * s.Group.DecayRatio(true);
        var (lower, upper) = (final * (1 - (1 / ((Gamma * s.Step) + 1))), final * (1 + (1 / (Gamma * s.Step))));
        var size = s.Rate * Math.Sqrt(s.Correction(Beta2)) / s.Correction(s.Momentum);
        var rates = v.sqrt().add_(Epsilon).reciprocal_().mul_(size).clamp_(lower, upper);
        s.Parameter.addcmul_(rates, m, -1);
    }
}

/// <summary>
/// Yogi (Zaheer et al. 2018): Adam whose second moment moves by the size of the squared gradient in the direction of the difference, so it
/// cannot collapse quickly.
/// </summary>
[Part("yogi", "Zaheer et al. 2018")]
public sealed record YogiRule : MomentRule
{
    /// <summary>Sets the published defaults.</summary>
    public YogiRule() => (LearningRate, Epsilon) = (1e-2, 1e-3);

    /// <summary>Start of both moments, at least 0.</summary>
    public double InitialAccumulator { get; init; } = 1e-6;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.AtLeast(InitialAccumulator, 0.0);
    }

    /// <inheritdoc/>
    protected internal override void Start(in Slot s)
    {
        s.Fill("exp_avg", InitialAccumulator);
        s.Fill("exp_avg_sq", InitialAccumulator);
    }

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var g = s.Decayed(DecoupledWeightDecay);
        var (m, v) = (s["exp_avg"].lerp_(g, 1 - s.Momentum), s["exp_avg_sq"]);
        var square = g.square();
        v.addcmul_((v - square).sign_(), square, -(1 - Beta2));
        s.Parameter.addcdiv_(m, Root(s, v), -s.Rate / s.Correction(s.Momentum));
    }
}

/// <summary>
/// LaProp (Ziyin et al. 2020): scales the gradient first and takes the momentum of the result, so the two betas no longer constrain each
/// other. Decoupled decay comes after the step.
/// </summary>
[Part("laprop", "Ziyin et al. 2020")]
public sealed record LaPropRule : MomentRule
{
    /// <summary>Sets the published defaults.</summary>
    public LaPropRule() => Epsilon = 1e-15;

    /// <summary>Only move weights whose update agrees in sign with the gradient (Liang et al. 2024).</summary>
    public bool Cautious { get; init; }

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var beta1 = s.Momentum;
        var g = DecoupledWeightDecay ? s.Gradient : s.Decayed(decoupled: false);
        var v = s["exp_avg_sq"].mul_(Beta2).addcmul_(g, g, 1 - Beta2);
        // The rate is inside the momentum: its own average corrects the start at zero also under a schedule.
        var mean = (s.State.Scalar("exp_avg_lr") * beta1) + ((1 - beta1) * s.Rate);
        s.State.SetScalar("exp_avg_lr", mean);
        var root = v.div(s.Correction(Beta2)).sqrt_().add_(Epsilon);
        var update = s["exp_avg"].mul_(beta1).addcdiv_(g, root, (1 - beta1) * s.Rate);
        if (Cautious) update = Slot.Cautious(update, g);
        s.Parameter.add_(update, alpha: s.Rate != 0 ? -s.Rate / mean : -1);
        if (DecoupledWeightDecay) s.Shrink();
    }
}

/// <summary>
/// StableAdamW (Wortsman et al. 2023): AdamW with the rate of each tensor divided by the root mean square of its scaled gradient where that
/// exceeds 1, as Adafactor clips; loss spikes disappear.
/// </summary>
[Part("stable-adamw", "Wortsman et al. 2023")]
public sealed record StableAdamWRule : MomentRule
{
    /// <summary>Sets the published defaults.</summary>
    public StableAdamWRule() => Beta2 = 0.99;

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var g = DecoupledWeightDecay ? s.Gradient : s.Decayed(decoupled: false);
        var (beta1, beta2) = (Debiased(s.Momentum, s.Step), Debiased(Beta2, s.Step));
        var m = s["exp_avg"].lerp_(g, 1 - beta1);
        var v = s["exp_avg_sq"].mul_(beta2).addcmul_(g, g, 1 - beta2);
        var spread = Math.Sqrt(g.square().div_(v.clamp(min: Epsilon * Epsilon)).mean().ToDouble());
        var ratio = 1 / Math.Max(1, spread);
        if (DecoupledWeightDecay) s.Shrink(ratio);
        s.Parameter.addcdiv_(m, v.sqrt().add_(Epsilon), -s.Rate * ratio);
    }

    /// <summary>The beta that makes an average from zero unbiased at every step.</summary>
    private static double Debiased(double beta, long step)
    {
        var power = Math.Pow(beta, step);
        return (power - beta) / (power - 1);
    }
}

/// <summary>
/// AdamP (Heo et al. 2021): removes the part of Adam's step that only grows the norm of scale-invariant weights (those before a
/// normalisation), found by the angle between weights and gradient.
/// </summary>
[Part("adamp", "Heo et al. 2021")]
public sealed record AdamPRule : MomentRule
{
    /// <summary>How close to a right angle counts as scale-invariant, at least 0.</summary>
    public double Delta { get; init; } = 0.1;

    /// <summary>Factor of the weight decay of scale-invariant weights, at least 0.</summary>
    public double DecayRatio { get; init; } = 0.1;

    /// <summary>Look ahead along the momentum.</summary>
    public bool Nesterov { get; init; }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.AtLeast(Delta, 0.0).AtLeast(DecayRatio, 0.0);
    }

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var g = DecoupledWeightDecay ? s.Gradient : s.Decayed(decoupled: false);
        var (m, v) = Track(s, g);
        var update = (Nesterov ? m.mul(s.Momentum).add_(g, alpha: 1 - s.Momentum) : m).div(Root(s, v));
        var ratio = RadialProjection.Apply(s.Parameter, g, update, Delta, DecayRatio, Epsilon);
        if (DecoupledWeightDecay) s.Shrink(ratio);
        s.Parameter.add_(update, alpha: -s.Rate / s.Correction(s.Momentum));
    }
}
