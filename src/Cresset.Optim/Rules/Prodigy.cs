using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>
/// Prodigy (Mishchenko and Defazio 2023): AdamW that finds its own rate. It keeps a lower bound of the distance from the starting weights
/// to the solution, one number for all parameters that only grows, and scales its steps by it. Leave LearningRate at 1; schedules act on
/// it.
/// </summary>
[Part("prodigy", "Mishchenko and Defazio 2023")]
public sealed record ProdigyRule : OptimizerRule
{
    private const string Distance = "distance", Numerator = "numerator", Largest = "largest";

    /// <summary>Sets the rate 1: it multiplies the estimate.</summary>
    public ProdigyRule() => LearningRate = 1;

    /// <summary>First guess of the distance from the start to the solution, greater than 0; too small is safe.</summary>
    public double InitialDistance { get; init; } = 1e-6;

    /// <summary>
    /// Largest factor by which the estimate grows in a step, greater than 1; infinity for no limit. 1.02 acts as a warm-up.
    /// </summary>
    public double GrowthLimit { get; init; } = double.PositiveInfinity;

    /// <summary>Decay of the first moment, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Decay of the distance estimate, in [0, 1); null for the root of Beta2.</summary>
    public double? Beta3 { get; init; }

    /// <summary>Keeps divisions finite, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Factor of the estimate; 0.5 to 2 plays the part of a learning rate.</summary>
    public double DistanceFactor { get; init; } = 1;

    /// <summary>Leave the learning rate out of the denominator, so that a warm-up cannot inflate the estimate.</summary>
    public bool SafeguardWarmUp { get; init; }

    /// <summary>Adam's bias correction.</summary>
    public bool BiasCorrection { get; init; }

    /// <summary>Shrink the weights directly (true) or decay through the gradient (false, an L2 term).</summary>
    public bool DecoupledWeightDecay { get; init; } = true;

    /// <inheritdoc/>
    protected internal override double? CycledMomentum => Beta1;

    /// <inheritdoc/>
    protected internal override bool Surveys => true;

    private double DistanceBeta => Beta3 ?? Math.Sqrt(Beta2);

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?
        .Positive(InitialDistance).Must(GrowthLimit > 1, GrowthLimit, "greater than 1", field: nameof(GrowthLimit))
        .Within(Beta1, 0, 1, includeMax: false).Within(Beta2, 0, 1, includeMax: false)
        .Must(Beta3 is null or (>= 0 and < 1), Beta3, "null or in [0, 1)", field: nameof(Beta3)).AtLeast(Epsilon, 0.0)
        .Positive(DistanceFactor);

    /// <inheritdoc/>
    protected internal override void Start(in Slot s)
    {
        s.Zeros("exp_avg", "exp_avg_sq", "s");
        s.CopyWeights("p0");
    }

    /// <inheritdoc/>
    protected internal override void Begin(RuleStep step)
    {
        ArgumentNullException.ThrowIfNull(step);
        step.Shared.Now["before"] = step.Shared[Distance] = step.Shared.Get(Distance, InitialDistance);
        step.Shared[Numerator] *= DistanceBeta;
    }

    /// <inheritdoc/>
    protected internal override void Survey(in Slot s)
    {
        var g = DecoupledWeightDecay ? s.Gradient : s.Decayed(decoupled: false);
        var (before, beta1) = (s.Shared.Sum("before"), s.Momentum);
        var step = before * StepRate(s);
        var relative = before / InitialDistance;
        s.Shared[Numerator] += relative * step * (g * (s["p0"] - s.Parameter)).sum().ToDouble();
        s["exp_avg"].mul_(beta1).add_(g, alpha: before * (1 - beta1));
        s["exp_avg_sq"].mul_(Beta2).addcmul_(g, g, before * before * (1 - Beta2));
        var sum = s["s"].mul_(DistanceBeta).add_(g, alpha: relative * (SafeguardWarmUp ? before : step));
        s.Shared.Add("denominator", sum.abs().sum().ToDouble());
    }

    /// <inheritdoc/>
    protected internal override void Surveyed(RuleStep step)
    {
        ArgumentNullException.ThrowIfNull(step);
        var all = step.Shared;
        var denominator = all.Sum("denominator");
        if (denominator == 0) return;
        var bound = DistanceFactor * all[Numerator] / denominator;
        if (all[Distance] == InitialDistance) all[Distance] = Math.Max(all[Distance], bound);
        all[Largest] = Math.Max(all[Largest], bound);
        if (double.IsFinite(all[Largest])) all[Distance] = Math.Max(all[Distance], Math.Min(all[Largest], all[Distance] * GrowthLimit));
    }

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        if (s.Shared.Sum("denominator") == 0) return;
        var step = s.Shared.Sum("before") * StepRate(s);
        if (DecoupledWeightDecay) s.Parameter.mul_(1 - (step * s.Decay));
        s.Parameter.addcdiv_(s["exp_avg"], s["exp_avg_sq"].sqrt().add_(s.Shared[Distance] * Epsilon), -step);
    }

    private double StepRate(in Slot s) => BiasCorrection ? s.Rate * Math.Sqrt(s.Correction(Beta2)) / s.Correction(s.Momentum) : s.Rate;
}
