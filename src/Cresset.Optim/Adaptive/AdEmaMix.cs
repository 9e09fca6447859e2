using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="AdEmaMix"/>.</summary>
public sealed record AdEmaMixOptions : MomentOptions
{
    /// <summary>Sets the published defaults.</summary>
    public AdEmaMixOptions() => LearningRate = 1e-3;

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
}

/// <summary>AdEMAMix (Pagliardini et al. 2024): Adam with a second, very slow average of gradients mixed into the step, which keeps using old gradients.</summary>
public sealed class AdEmaMix : MomentOptimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public AdEmaMix(Module module, AdEmaMixOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public AdEmaMix(IEnumerable<ParameterGroupSpec> groups, AdEmaMixOptions? options = null)
        : base(groups, options ?? new AdEmaMixOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        base.Initialize(group, state, parameter);
        state.Fill("exp_avg_slow", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<AdEmaMixOptions>();
        gradient = WeightDecay.Apply(group, parameter, gradient, o.DecoupledWeightDecay);
        var (m, v) = Track(group, state, gradient);
        var (alpha, beta3) = Scheduled(o, state.Step);
        var slow = state["exp_avg_slow"].lerp_(gradient, 1 - beta3);
        var root = v.sqrt().div_(Math.Sqrt(SecondCorrection(group, state))).add_(o.Epsilon);
        var update = m.div(FirstCorrection(group, state));
        if (o.Cautious) Caution.Apply(update, gradient);
        parameter.addcdiv_(update.add_(slow, alpha: alpha), root, -group.LearningRate);
    }

    /// <summary>The weight grows linearly; Beta3 grows so that the half-life of the slow average does.</summary>
    private static (double Alpha, double Beta3) Scheduled(AdEmaMixOptions o, long step)
    {
        if (o.WarmUpSteps == 0 || step >= o.WarmUpSteps) return (o.SlowWeight, o.Beta3);
        var part = (double)step / o.WarmUpSteps;
        var (from, to) = (Math.Log(Math.Max(o.Beta1, 1e-8)), Math.Log(Math.Max(o.Beta3, 1e-8)));
        return (part * o.SlowWeight, Math.Min(Math.Exp(from * to / (((1 - part) * to) + (part * from))), o.Beta3));
    }
}
