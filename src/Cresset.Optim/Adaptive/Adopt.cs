using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Adopt"/>.</summary>
public sealed record AdoptOptions : MomentOptions
{
    /// <summary>Sets the published defaults.</summary>
    public AdoptOptions()
    {
        Beta2 = 0.9999;
        Epsilon = 1e-6;
    }

    /// <summary>Scaled gradients are clipped to (t - 1)^this; null for not at all.</summary>
    public double? ClipExponent { get; init; } = 0.25;

    /// <summary>Only move weights whose update agrees in sign with the gradient (Liang et al. 2024).</summary>
    public bool Cautious { get; init; }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.Must(ClipExponent is not < 0, ClipExponent, "null or at least 0", field: nameof(ClipExponent));
    }
}

/// <summary>ADOPT (Taniguchi et al. 2024): Adam with the second moment of the previous steps and the scaling before the momentum, which converges for any beta2. The first step only measures.</summary>
public sealed class Adopt : MomentOptimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Adopt(Module module, AdoptOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Adopt(IEnumerable<ParameterGroupSpec> groups, AdoptOptions? options = null)
        : base(groups, options ?? new AdoptOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<AdoptOptions>();
        var (m, v) = (state["exp_avg"], state["exp_avg_sq"]);
        if (!o.DecoupledWeightDecay || state.Step > 1) gradient = WeightDecay.Apply(group, parameter, gradient, o.DecoupledWeightDecay);
        if (state.Step == 1)
        {
            v.addcmul_(gradient, gradient, 1);
            return;
        }
        var scaled = gradient.div(v.sqrt().clamp_(min: o.Epsilon));
        if (o.ClipExponent is { } exponent)
        {
            var limit = Math.Pow(state.Step - 1, exponent);
            scaled.clamp_(-limit, limit);
        }
        m.lerp_(scaled, 1 - (group.Momentum ?? o.Beta1));
        var update = m;
        if (o.Cautious)
        {
            update = m.clone();
            Caution.Apply(update, gradient);
        }
        parameter.add_(update, alpha: -group.LearningRate);
        v.mul_(o.Beta2).addcmul_(gradient, gradient, 1 - o.Beta2);
    }
}
