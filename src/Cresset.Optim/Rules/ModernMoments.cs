using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>
/// Adan (Xie et al. 2022): Nesterov momentum through the difference of successive gradients, three moving averages. Decoupled decay is
/// proximal (a division after the step) or, with <see cref="Proximal"/> off, a shrinking before it.
/// </summary>
[Part("adan", "Xie et al. 2022")]
public sealed record AdanRule : MomentRule
{
    /// <summary>Sets the published defaults.</summary>
    public AdanRule() => (Beta1, Beta2) = (0.98, 0.92);

    /// <summary>Decay of the second moment, in [0, 1); Beta2 is that of the differences.</summary>
    public double Beta3 { get; init; } = 0.99;

    /// <summary>Divide by 1 + rate * decay after the step instead of shrinking before it.</summary>
    public bool Proximal { get; init; } = true;

    /// <summary>Only use the parts of the first moment that agree in sign with the gradient (Liang et al. 2024).</summary>
    public bool Cautious { get; init; }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.Within(Beta3, 0, 1, includeMax: false);
    }

    /// <inheritdoc/>
    protected internal override void Start(in Slot s) => s.Zeros("exp_avg", "exp_avg_sq", "exp_avg_diff", "previous_grad");

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var (p, before) = (s.Parameter, s["previous_grad"]);
        var g = DecoupledWeightDecay ? s.Gradient : s.Decayed(decoupled: false);
        var difference = s.Step == 1 ? zeros_like(g) : g - before;
        var m = s["exp_avg"].lerp_(g, 1 - s.Momentum);
        var d = s["exp_avg_diff"].lerp_(difference, 1 - Beta2);
        var ahead = g.add(difference, alpha: Beta2);
        var v = s["exp_avg_sq"].mul_(Beta3).addcmul_(ahead, ahead, 1 - Beta3);
        before.copy_(g);
        var root = v.sqrt().div_(Math.Sqrt(s.Correction(Beta3))).add_(Epsilon);
        if (Cautious) m = Slot.Cautious(m, g);
        var decay = DecoupledWeightDecay ? s.Rate * s.Decay : 0;
        if (decay != 0 && !Proximal) p.mul_(1 - decay);
        p.addcdiv_(m, root, -s.Rate / s.Correction(s.Momentum));
        p.addcdiv_(d, root, -s.Rate * Beta2 / s.Correction(Beta2));
        if (decay != 0 && Proximal) p.div_(1 + decay);
    }
}

/// <summary>
/// AdEMAMix (Pagliardini et al. 2024): Adam with a second, very slow average of gradients mixed into the step, which keeps using old
/// gradients.
/// </summary>
[Part("ademamix", "Pagliardini et al. 2024")]
public sealed record AdEmaMixRule : MomentRule
{
    /// <summary>Decay of the slow average, in [0, 1).</summary>
    public double Beta3 { get; init; } = 0.9999;

    /// <summary>alpha, the weight of the slow average, at least 0.</summary>
    public double SlowWeight { get; init; } = 5;

    /// <summary>Steps over which SlowWeight grows to its value and Beta3 from Beta1 to its value; 0 for none.</summary>
    public long WarmUpSteps { get; init; }

    /// <summary>Only use the parts of the fast average that agree in sign with the gradient (Liang et al. 2024).</summary>
    public bool Cautious { get; init; }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.Within(Beta3, 0, 1, includeMax: false).AtLeast(SlowWeight, 0.0).AtLeast(WarmUpSteps, 0L);
    }

    /// <inheritdoc/>
    protected internal override void Start(in Slot s) => s.Zeros("exp_avg", "exp_avg_sq", "exp_avg_slow");

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var g = s.Decayed(DecoupledWeightDecay);
        var (m, v) = Track(s, g);
        var (alpha, beta3) = Scheduled(s.Step);
        var slow = s["exp_avg_slow"].lerp_(g, 1 - beta3);
        var update = m.div(s.Correction(s.Momentum));
        if (Cautious) update = Slot.Cautious(update, g);
        s.Parameter.addcdiv_(update.add_(slow, alpha: alpha), Root(s, v), -s.Rate);
    }

    /// <summary>The weight grows linearly; Beta3 grows so that the half-life of the slow average does.</summary>
    private (double Alpha, double Beta3) Scheduled(long step)
    {
        if (WarmUpSteps == 0 || step >= WarmUpSteps) return (SlowWeight, Beta3);
        var part = (double)step / WarmUpSteps;
        var (from, to) = (Math.Log(Math.Max(Beta1, 1e-8)), Math.Log(Math.Max(Beta3, 1e-8)));
        return (part * SlowWeight, Math.Min(Math.Exp(from * to / (((1 - part) * to) + (part * from))), Beta3));
    }
}

/// <summary>
/// ADOPT (Taniguchi et al. 2024): Adam with the second moment of the previous steps and the scaling before the momentum, which converges
/// for any beta2. The first step only measures.
/// </summary>
[Part("adopt", "Taniguchi et al. 2024")]
public sealed record AdoptRule : MomentRule
{
    /// <summary>Sets the published defaults.</summary>
    public AdoptRule() => (Beta2, Epsilon) = (0.9999, 1e-6);

    /// <summary>Scaled gradients are clipped to (t - 1)^this; null for not at all.</summary>
    public double? ClipExponent { get; init; } = 0.25;

    /// <summary>Only move weights whose update agrees in sign with the gradient (Liang et al. 2024).</summary>
    public bool Cautious { get; init; }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.Must(ClipExponent is null or >= 0, ClipExponent, "null or at least 0", field: nameof(ClipExponent));
    }

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var (m, v) = (s["exp_avg"], s["exp_avg_sq"]);
        var g = DecoupledWeightDecay && s.Step == 1 ? s.Gradient : s.Decayed(DecoupledWeightDecay);
        if (s.Step == 1)
        {
            v.addcmul_(g, g, 1);
            return;
        }
        var scaled = g.div(v.sqrt().clamp_(min: Epsilon));
        if (ClipExponent is { } exponent)
        {
            var limit = Math.Pow(s.Step - 1, exponent);
            scaled.clamp_(-limit, limit);
        }
        m.lerp_(scaled, 1 - s.Momentum);
        s.Parameter.add_(Cautious ? Slot.Cautious(m, g) : m, alpha: -s.Rate);
        v.mul_(Beta2).addcmul_(g, g, 1 - Beta2);
    }
}

/// <summary>
/// MARS (Yuan et al. 2024): AdamW or Lion on gradients corrected by their change since the last step (variance reduction). Vectors are
/// trained by AdamW.
/// </summary>
[Part("mars", "Yuan et al. 2024")]
public sealed record MarsRule : MomentRule
{
    /// <summary>Sets the published defaults.</summary>
    public MarsRule() => (LearningRate, Beta1, Beta2) = (3e-3, 0.95, 0.99);

    /// <summary>Weight of the correction, at least 0.</summary>
    public double Gamma { get; init; } = 0.025;

    /// <summary>Take the sign of the momentum (MARS-Lion) instead of AdamW's scaling.</summary>
    public bool SignUpdate { get; init; }

    /// <summary>Treat vectors as matrices too.</summary>
    public bool CorrectVectors { get; init; }

    /// <summary>First beta of the AdamW of vectors, in [0, 1).</summary>
    public double VectorBeta1 { get; init; } = 0.9;

    /// <summary>Second beta of the AdamW of vectors, in [0, 1).</summary>
    public double VectorBeta2 { get; init; } = 0.95;

    /// <summary>Rate of vectors over that of matrices, greater than 0.</summary>
    public double VectorRateFactor { get; init; } = 1;

    /// <summary>Only move weights whose update agrees in sign with the gradient (Liang et al. 2024).</summary>
    public bool Cautious { get; init; }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.AtLeast(Gamma, 0.0).Within(VectorBeta1, 0, 1, includeMax: false).Within(VectorBeta2, 0, 1, includeMax: false)
            .Positive(VectorRateFactor);
    }

    /// <inheritdoc/>
    protected internal override void Start(in Slot s) => s.Zeros("exp_avg", "exp_avg_sq", "last_grad");

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var matrix = CorrectVectors || s.Parameter.dim() >= 2;
        var (beta1, beta2) = matrix ? (s.Momentum, Beta2) : (VectorBeta1, VectorBeta2);
        var g = DecoupledWeightDecay ? s.Gradient : s.Decayed(decoupled: false);
        var (last, corrected) = (s["last_grad"], g);
        if (matrix && s.Step > 1)
        {
            corrected = (g - last).mul_(Gamma * beta1 / (1 - beta1)).add_(g);
            corrected.div_(Math.Max(1, corrected.norm().ToDouble()));
        }
        last.copy_(g);
        var m = s["exp_avg"].lerp_(corrected, 1 - beta1);
        var v = s["exp_avg_sq"].mul_(beta2).addcmul_(corrected, corrected, 1 - beta2);
        var update = Cautious ? Slot.Cautious(m, g) : m.clone();
        if (matrix && SignUpdate) update.sign_();
        else update.div_(s.Correction(beta1)).div_(v.sqrt().div_(Math.Sqrt(s.Correction(beta2))).add_(Epsilon));
        var factor = matrix ? 1 : VectorRateFactor;
        if (DecoupledWeightDecay) s.Shrink(factor);
        s.Parameter.add_(update, alpha: -s.Rate * factor);
    }
}

/// <summary>
/// AdamW on gradients whose slow part is amplified (Grokfast, Lee et al. 2024), which shortens the plateau before a network generalises.
/// The rate is divided by 1 + Amplification to keep the step size.
/// </summary>
[Part("grokfast-adamw", "Lee et al. 2024")]
public sealed record GrokFastAdamWRule : MomentRule
{
    /// <summary>Sets the published defaults.</summary>
    public GrokFastAdamWRule() => (LearningRate, Beta2) = (1e-4, 0.99);

    /// <summary>Decay of the average that counts as the slow part, in [0, 1).</summary>
    public double FilterDecay { get; init; } = 0.98;

    /// <summary>Factor of the slow part added to the gradient, at least 0.</summary>
    public double Amplification { get; init; } = 2;

    /// <summary>Amplify only after so many steps.</summary>
    public long AfterStep { get; init; }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.Within(FilterDecay, 0, 1, includeMax: false).AtLeast(Amplification, 0.0).AtLeast(AfterStep, 0L);
    }

    /// <inheritdoc/>
    protected internal override void Start(in Slot s) => s.Zeros("exp_avg", "exp_avg_sq", "grok_exp_avg");

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var g = s.Decayed(DecoupledWeightDecay, 1 / (1 + Amplification));
        var slow = s["grok_exp_avg"];
        if (s.Step == 1) slow.copy_(g);
        if (s.Step > AfterStep)
        {
            slow.lerp_(g, 1 - FilterDecay);
            g = g.add(slow, alpha: Amplification);
        }
        var (m, v) = Track(s, g);
        var root = v.sqrt().div_(Math.Sqrt(s.Correction(Beta2))).clamp_(min: Epsilon);
        s.Parameter.addcdiv_(m, root, -s.Rate / (1 + Amplification) / s.Correction(s.Momentum));
    }
}

/// <summary>
/// Adai (Xie et al. 2022): momentum ("inertia") that adapts to each weight instead of a rate that does: weights with large gradients get
/// less of it. The comparison runs over all parameters of the optimizer.
/// </summary>
[Part("adai", "Xie et al. 2022")]
public sealed record AdaiRule : MomentRule
{
    /// <summary>Sets the published defaults.</summary>
    public AdaiRule() => (Beta1, Beta2, Epsilon, DecoupledWeightDecay) = (0.1, 0.99, 1e-3, false);

    /// <summary>Between heavy-ball momentum (0) and moving averages (1), in [0, 1].</summary>
    public double Dampening { get; init; } = 1;

    /// <summary>Beta1 is the factor of the inertia here, not a momentum to cycle.</summary>
    protected internal override double? CycledMomentum => null;

    /// <inheritdoc/>
    protected internal override bool Surveys => true;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.Within(Dampening, 0, 1);
    }

    /// <inheritdoc/>
    protected internal override void Start(in Slot s)
    {
        s.Zeros("exp_avg", "exp_avg_sq");
        s.Fill("beta1_prod", 1);
    }

    /// <inheritdoc/>
    protected internal override void Survey(in Slot s)
    {
        var g = DecoupledWeightDecay ? s.Gradient : s.Decayed(decoupled: false);
        var v = s["exp_avg_sq"].mul_(Beta2).addcmul_(g, g, 1 - Beta2);
        s.Shared.Add("sum", v.sum().ToDouble() / s.Correction(Beta2));
        s.Shared.Add("count", s.Parameter.numel());
    }

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var sum = s.Shared.Sum("sum");
        var mean = sum > 0 ? sum / s.Shared.Sum("count") : 1;
        var g = s.Decayed(DecoupledWeightDecay);
        var (m, product) = (s["exp_avg"], s["beta1_prod"]);
        var inertia = s["exp_avg_sq"].div(s.Correction(Beta2) * mean).pow_(1 / (3 - (2 * Dampening))).mul_(-Beta1).add_(1)
            .clamp_(0, 1 - Epsilon);
        product.mul_(inertia);
        m.mul_(inertia).addcmul_((1 - inertia).pow_(Dampening), g, 1);
        var unbiased = m.div(1 - product).mul_(Math.Pow(Beta1, 1 - Dampening));
        s.Parameter.add_(unbiased, alpha: -s.Rate);
    }
}
