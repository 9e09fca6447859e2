using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>
/// Schedule-free learning (Defazio et al. 2024): gradients are taken at y = (1 - beta) z + beta x, where z is the fast iterate and x the
/// running average that replaces a falling learning rate. The module holds y while training and must hold x to be evaluated or saved: call
/// <see cref="Optimizer.Eval"/> and <see cref="Optimizer.Train"/>. Running statistics of batch norms belong to y and have to be
/// re-estimated at x.
/// </summary>
public abstract record ScheduleFreeRule : OptimizerRule
{
    /// <summary>Steps of linear warm-up of the rate, at least 0; the method needs no other schedule.</summary>
    public int WarmUpSteps { get; init; }

    /// <summary>Power of the step in the weights of the average; 0 weighs steps equally.</summary>
    public double R { get; init; }

    /// <summary>Power of the largest rate so far in the weights of the average.</summary>
    public double WeightRatePower { get; init; } = 2;

    /// <summary>The interpolation between average and fast iterate where gradients are taken.</summary>
    private protected abstract double Interpolation { get; }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?
        .AtLeast(WarmUpSteps, 0).AtLeast(R, 0.0).AtLeast(WeightRatePower, 0.0)
        .Within(Interpolation, 0, 1, includeMin: false, includeMax: false, field: this is ScheduleFreeSgdRule ? "Momentum" : "Beta1");

    /// <inheritdoc/>
    protected internal override void Start(in Slot s) => s.CopyWeights("z");

    /// <inheritdoc/>
    protected internal override void Begin(RuleStep step)
    {
        ArgumentNullException.ThrowIfNull(step);
        var t = step.Optimizer.StepCount + 1;
        foreach (var group in step.Groups)
        {
            var rule = (ScheduleFreeRule)group.Rule;
            var all = step.Shared;
            var rate = group.LearningRate * Math.Min(1, rule.WarmUpSteps == 0 ? 1 : t / (double)rule.WarmUpSteps) * rule.RateFactor(t);
            var largest = Math.Max(rate, all[Key("largest_rate", group)]);
            var weight = Math.Pow(t, rule.R) * Math.Pow(largest, rule.WeightRatePower);
            all[Key("largest_rate", group)] = largest;
            var sum = all[Key("weight_sum", group)] += weight;
            all.Now[Key("rate", group)] = rate;
            all.Now[Key("blend", group)] = sum == 0 ? 0 : weight / sum;
        }
    }

    /// <summary>A factor of the rate at step <paramref name="t"/> (from 1).</summary>
    private protected virtual double RateFactor(long t) => 1;

    /// <summary>Moves y (the parameter) and z by the direction, towards the average.</summary>
    private protected void Advance(in Slot s, Tensor direction)
    {
        var (rate, blend) = (s.Shared.Sum(Key("rate", s.Group)), s.Shared.Sum(Key("blend", s.Group)));
        s.Parameter.lerp_(s["z"], blend);
        s.Parameter.add_(direction, alpha: rate * ((Interpolation * (1 - blend)) - 1));
        s["z"].sub_(direction.mul(rate));
    }

    private protected override double? Towards(bool evaluation) => evaluation ? 1 - (1 / Interpolation) : 1 - Interpolation;

    private static string Key(string name, ParameterGroup group) => FormattableString.Invariant($"{name}.{group.Index}");
}

/// <summary>
/// Schedule-free SGD (Defazio et al. 2024): call Eval before evaluating or saving. Decay is coupled, at the point of the gradient.
/// </summary>
[Part("schedulefree-sgd", "Defazio et al. 2024")]
public sealed record ScheduleFreeSgdRule : ScheduleFreeRule
{
    /// <summary>Sets the published defaults.</summary>
    public ScheduleFreeSgdRule() => LearningRate = 1;

    /// <summary>The interpolation, in (0, 1).</summary>
    public double Momentum { get; init; } = 0.9;

    private protected override double Interpolation => Momentum;

    /// <inheritdoc/>
    protected internal override void Update(in Slot s) => Advance(s, s.Decayed(decoupled: false));
}

/// <summary>What the schedule-free relatives of Adam share: a second moment that scales the direction.</summary>
public abstract record ScheduleFreeAdamRule : ScheduleFreeRule
{
    /// <summary>Sets the published rate.</summary>
    protected ScheduleFreeAdamRule() => LearningRate = 2.5e-3;

    /// <summary>The interpolation, in (0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the root of the second moment, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    private protected override double Interpolation => Beta1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.Within(Beta2, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0);
    }

    /// <inheritdoc/>
    protected internal override void Start(in Slot s)
    {
        base.Start(s);
        s.Zeros("exp_avg_sq");
    }

    /// <inheritdoc/>
    protected internal override void Update(in Slot s)
    {
        var (g, t) = (s.Gradient, s.Optimizer.StepCount + 1);
        var v = s["exp_avg_sq"].mul_(Beta2).addcmul_(g, g, 1 - Beta2);
        var direction = IsScaled(t) ? g.div(v.div(1 - Math.Pow(Beta2, t)).sqrt_().add_(Epsilon)) : g.clone();
        if (s.Decay != 0) direction.add_(s.Parameter, alpha: s.Decay);
        Advance(s, direction);
    }

    private protected virtual bool IsScaled(long t) => true;
}

/// <summary>
/// Schedule-free AdamW (Defazio et al. 2024): call Eval before evaluating or saving. Decay is taken at the point of the gradient.
/// </summary>
[Part("schedulefree-adamw", "Defazio et al. 2024")]
public sealed record ScheduleFreeAdamWRule : ScheduleFreeAdamRule;

/// <summary>Schedule-free rectified Adam (Defazio et al. 2024): needs no warm-up; call Eval before evaluating or saving.</summary>
[Part("schedulefree-radam", "Defazio et al. 2024")]
public sealed record ScheduleFreeRAdamRule : ScheduleFreeAdamRule
{
    /// <summary>Stand still while the variance is not tractable instead of taking plain gradient steps.</summary>
    public bool SilentStart { get; init; } = true;

    private protected override double RateFactor(long t) => RAdamRule.Rectification(Beta2, t, 4) ?? (SilentStart ? 0 : 1);

    private protected override bool IsScaled(long t) => RAdamRule.Rectification(Beta2, t, 4) is not null;
}
