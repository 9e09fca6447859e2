using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="AdamG"/>.</summary>
public sealed record AdamGOptions : MomentOptions
{
    /// <summary>Sets the published defaults.</summary>
    public AdamGOptions()
    {
        LearningRate = 1;
        Beta1 = 0.95;
        DecoupledWeightDecay = false;
    }

    /// <summary>Decay of the average of the scale, in [0, 1).</summary>
    public double Beta3 { get; init; } = 0.95;

    /// <summary>Factor of the scale, greater than 0.</summary>
    public double Scale { get; init; } = 0.2;

    /// <summary>Exponent of the scale, greater than 0.</summary>
    public double Power { get; init; } = 0.24;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.Within(Beta3, 0, 1, includeMax: false).Positive(Scale).Positive(Power);
    }
}

/// <summary>AdamG (Pan et al. 2024): Adam without a rate to tune; the momentum is scaled by an average of a power of the second moment, and the step never exceeds 1 / sqrt(t).</summary>
public sealed class AdamG : MomentOptimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public AdamG(Module module, AdamGOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public AdamG(IEnumerable<ParameterGroupSpec> groups, AdamGOptions? options = null)
        : base(groups, options ?? new AdamGOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        base.Initialize(group, state, parameter);
        state.Fill("exp_avg_scale", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<AdamGOptions>();
        gradient = WeightDecay.Apply(group, parameter, gradient, o.DecoupledWeightDecay);
        var (m, v) = (state["exp_avg"], state["exp_avg_sq"]);
        v.mul_(o.Beta2).addcmul_(gradient, gradient, 1 - o.Beta2);
        var scale = state["exp_avg_scale"].lerp_(v.pow(o.Power).mul_(o.Scale), 1 - o.Beta3);
        var beta1 = group.Momentum ?? o.Beta1;
        m.mul_(beta1).addcmul_(scale, gradient, 1 - beta1);
        var root = v.div(SecondCorrection(group, state)).sqrt_().add_(o.Epsilon);
        parameter.addcdiv_(m, root, -Math.Min(group.LearningRate, 1 / Math.Sqrt(state.Step)) / FirstCorrection(group, state));
    }
}
