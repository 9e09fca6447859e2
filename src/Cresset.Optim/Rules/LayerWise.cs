using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>
/// LAMB (You et al. 2020), timm's defaults: Adam's update of each tensor is scaled to the tensor's own norm, so very large batches train.
/// </summary>
[Part("lamb", "You et al. 2020")]
public sealed record LambRule : OptimizerRule
{
    /// <summary>Sets the usual defaults.</summary>
    public LambRule() => (LearningRate, WeightDecay) = (1e-3, 0.01);

    /// <summary>Decay of the first moment, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the root of the second moment, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-6;

    /// <summary>Correct both moments for their start at zero.</summary>
    public bool BiasCorrection { get; init; } = true;

    /// <summary>Weigh the gradient by 1 - beta1 in the first moment; otherwise by 1.</summary>
    public bool GradientAveraging { get; init; } = true;

    /// <summary>All gradients together are clipped to this norm first; infinity for not at all.</summary>
    public double MaxGradientNorm { get; init; } = 1;

    /// <summary>The trust ratio is at most 1 (LAMBC, Fong et al. 2020).</summary>
    public bool ClipTrust { get; init; }

    /// <summary>Adapt groups without weight decay too.</summary>
    public bool AlwaysAdapt { get; init; }

    /// <summary>Decay the weights directly instead of within the adapted update.</summary>
    public bool DecoupledWeightDecay { get; init; }

    /// <inheritdoc/>
    protected internal override double? CycledMomentum => Beta1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?
        .Within(Beta1, 0, 1, includeMax: false).Within(Beta2, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0)
        .Must(MaxGradientNorm > 0, MaxGradientNorm, "greater than 0", field: nameof(MaxGradientNorm));

    /// <inheritdoc/>
    protected internal override void Begin(RuleStep step)
    {
        ArgumentNullException.ThrowIfNull(step);
        if (step.Groups.Any(g => double.IsFinite(((LambRule)g.Rule).MaxGradientNorm))) step.Shared.Add("norm", step.GradientNorm());
    }

    /// <inheritdoc/>
    protected internal override void Start(in Slot s) => s.Zeros("exp_avg", "exp_avg_sq");

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var (p, g, beta1) = (s.Parameter, s.Gradient, s.Momentum);
        var divisor = Math.Max(1, s.Shared.Sum("norm") / MaxGradientNorm);
        if (divisor != 1) g = g.div(divisor);
        var m = s["exp_avg"].mul_(beta1).add_(g, alpha: GradientAveraging ? 1 - beta1 : 1);
        var v = s["exp_avg_sq"].mul_(Beta2).addcmul_(g, g, 1 - Beta2);
        var (first, second) = BiasCorrection ? (s.Correction(beta1), s.Correction(Beta2)) : (1, 1);
        var update = m.div(first).div_(v.sqrt().div_(Math.Sqrt(second)).add_(Epsilon));
        if (DecoupledWeightDecay) s.Shrink();
        else if (s.Decay != 0) update.add_(p, alpha: s.Decay);
        if (s.Decay != 0 || AlwaysAdapt)
        {
            var (weights, size) = (p.norm().ToDouble(), update.norm().ToDouble());
            var trust = weights > 0 && size > 0 ? weights / size : 1;
            update.mul_(ClipTrust ? Math.Min(trust, 1) : trust);
        }
        p.add_(update, alpha: -s.Rate);
    }
}

/// <summary>
/// LARS (You et al. 2017): SGD with momentum whose rate for each tensor is proportional to the norm of the weights over that of the
/// gradient; made for very large batches. Decay is coupled.
/// </summary>
[Part("lars", "You et al. 2017")]
public sealed record LarsRule : OptimizerRule
{
    /// <summary>Sets the published defaults.</summary>
    public LarsRule() => LearningRate = 1;

    /// <summary>Decay of the momentum, in [0, 1); 0 keeps no buffer.</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Dampening of the gradient as it enters the buffer (not at the first step), at least 0.</summary>
    public double Dampening { get; init; }

    /// <summary>Look ahead along the momentum.</summary>
    public bool Nesterov { get; init; }

    /// <summary>Factor of the ratio of norms, greater than 0.</summary>
    public double TrustCoefficient { get; init; } = 1e-3;

    /// <summary>Added to the norm of the gradient, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>The tensor's rate is at most the learning rate (LARC).</summary>
    public bool ClipTrust { get; init; }

    /// <summary>Adapt groups without weight decay too.</summary>
    public bool AlwaysAdapt { get; init; }

    /// <inheritdoc/>
    protected internal override double? CycledMomentum => Momentum > 0 ? Momentum : null;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
        => checks?.Within(Momentum, 0, 1, includeMax: false).AtLeast(Dampening, 0.0).Positive(TrustCoefficient).AtLeast(Epsilon, 0.0);

    /// <inheritdoc/>
    protected internal override void Start(in Slot s)
    {
        if (Momentum > 0) s.Zeros("momentum_buffer");
    }

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var (p, g) = (s.Parameter, s.Gradient);
        if (s.Decay != 0 || AlwaysAdapt)
        {
            var (weights, size) = (p.norm().ToDouble(), g.norm().ToDouble());
            var trust = weights > 0 && size > 0 ? TrustCoefficient * weights / (size + (weights * s.Decay) + Epsilon) : 1;
            // At a rate of 0 nothing moves, and the quotient would be infinite.
            if (ClipTrust) trust = s.Rate > 0 ? Math.Min(trust / s.Rate, 1) : 1;
            g = g.add(p, alpha: s.Decay).mul_(trust);
        }
        if (Momentum > 0)
        {
            var buffer = s["momentum_buffer"];
            if (s.Step == 1) buffer.copy_(g);
            else buffer.mul_(s.Momentum).add_(g, alpha: 1 - Dampening);
            g = Nesterov ? g.add(buffer, alpha: s.Momentum) : buffer;
        }
        p.add_(g, alpha: -s.Rate);
    }
}

/// <summary>
/// NovoGrad (Ginsburg et al. 2019): the second moment is one number for each tensor, so gradients are normalised layer by layer; one state
/// tensor. Decay is added to the normalised gradient.
/// </summary>
[Part("novograd", "Ginsburg et al. 2019")]
public sealed record NovoGradRule : OptimizerRule
{
    /// <summary>Sets the published defaults.</summary>
    public NovoGradRule() => LearningRate = 1e-3;

    /// <summary>Decay of the momentum, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.95;

    /// <summary>Decay of the squared norm, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.98;

    /// <summary>Added to the norm, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Weigh the gradient by 1 - Beta1 in the momentum; otherwise by 1.</summary>
    public bool GradientAveraging { get; init; }

    /// <summary>Divide by the largest norm so far.</summary>
    public bool AmsGrad { get; init; }

    /// <inheritdoc/>
    protected internal override double? CycledMomentum => Beta1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
        => checks?.Within(Beta1, 0, 1, includeMax: false).Within(Beta2, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0);

    /// <inheritdoc/>
    protected internal override void Start(in Slot s) => s.Zeros("exp_avg");

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var square = s.Gradient.square().sum().ToDouble();
        var mean = s.State.Scalar("exp_avg_sq") is var old && old == 0 ? square : (Beta2 * old) + ((1 - Beta2) * square);
        s.State.SetScalar("exp_avg_sq", mean);
        if (AmsGrad)
        {
            mean = Math.Max(mean, s.State.Scalar("max_exp_avg_sq"));
            s.State.SetScalar("max_exp_avg_sq", mean);
        }
        // A tensor whose gradients have all been zero has no direction; the small constant may be 0.
        var scaled = s.Gradient.div(mean > 0 ? Math.Sqrt(mean) + Epsilon : 1);
        if (s.Decay != 0) scaled.add_(s.Parameter, alpha: s.Decay);
        var m = s["exp_avg"].mul_(s.Momentum).add_(scaled, alpha: GradientAveraging ? 1 - s.Momentum : 1);
        s.Parameter.add_(m, alpha: -s.Rate);
    }
}

/// <summary>
/// Amos (Tian and Parikh 2022): Adam-like steps with a theory for the initial rate of each tensor, a rate that decays by itself and an
/// adaptive L2 decay; only numbers are kept for each tensor.
/// </summary>
[Part("amos", "Tian and Parikh 2022")]
public sealed record AmosRule : OptimizerRule
{
    /// <summary>Sets the published defaults.</summary>
    public AmosRule() => LearningRate = 1e-3;

    /// <summary>Decay of the mean square, in [0, 1).</summary>
    public double Beta { get; init; } = 0.999;

    /// <summary>Decay of an average of the updates, in [0, 1); 0 keeps none.</summary>
    public double Momentum { get; init; }

    /// <summary>Added to the adaptive decay, at least 0.</summary>
    public double ExtraL2 { get; init; }

    /// <summary>How fast the decay of weights fades, at least 0.</summary>
    public double RateDecay { get; init; } = 0.25;

    /// <summary>How fast steps shrink, at least 0.</summary>
    public double StepDecay { get; init; } = 0.25;

    /// <summary>Added to the mean square, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-18;

    /// <inheritdoc/>
    protected internal override double? CycledMomentum => Momentum > 0 ? Momentum : null;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?
        .Within(Beta, 0, 1, includeMax: false).Within(Momentum, 0, 1, includeMax: false).AtLeast(ExtraL2, 0.0)
        .AtLeast(RateDecay, 0.0).AtLeast(StepDecay, 0.0).AtLeast(Epsilon, 0.0);

    /// <inheritdoc/>
    protected internal override void Start(in Slot s)
    {
        if (Momentum > 0) s.Zeros("exp_avg");
    }

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        s.Shrink();
        var (p, state) = (s.Parameter, s.State);
        var initial = s.Rate * Scale(p);
        var square = s.Gradient.square().mean().ToDouble();
        var mean = (Beta * state.Scalar("exp_avg_sq")) + ((1 - Beta) * square);
        state.SetScalar("exp_avg_sq", mean);
        var inverse = mean + Epsilon > 0 ? s.Correction(Beta) / (mean + Epsilon) : 0;
        var decay = state.Scalar("decay");
        var gamma = s.Rate * s.Rate * inverse * square / Math.Sqrt(1 + (RateDecay * Math.Sqrt(s.Rate) * decay));
        var shrink = 1 / (1 + (StepDecay * Math.Sqrt(initial) * decay));
        var update = p.mul((gamma - ExtraL2) / 2 * shrink).add_(s.Gradient, alpha: initial * Math.Sqrt(inverse) * shrink);
        state.SetScalar("decay", (decay * (1 + gamma)) + gamma);
        if (Momentum > 0) update = s["exp_avg"].lerp_(update, 1 - s.Momentum);
        p.sub_(update);
    }

    /// <summary>The expected size of the weights of a tensor, by its shape.</summary>
    private static double Scale(Tensor parameter) => parameter.dim() switch
    {
        < 2 => 0.5,
        2 => Math.Sqrt(2.0 / parameter.size(1)),
        _ => Math.Sqrt(1.0 / parameter.size(1)),
    };
}
