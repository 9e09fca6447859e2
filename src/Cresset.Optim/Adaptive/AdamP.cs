using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="AdamP"/>.</summary>
public sealed record AdamPOptions : MomentOptions
{
    /// <summary>Sets the published defaults.</summary>
    public AdamPOptions() => LearningRate = 1e-3;

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
}

/// <summary>AdamP (Heo et al. 2021): removes the part of Adam's step that only grows the norm of scale-invariant weights (those before a normalisation), found by the angle between weights and gradient.</summary>
public sealed class AdamP : MomentOptimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public AdamP(Module module, AdamPOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public AdamP(IEnumerable<ParameterGroupSpec> groups, AdamPOptions? options = null)
        : base(groups, options ?? new AdamPOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<AdamPOptions>();
        var (m, v) = Track(group, state, gradient);
        var beta1 = group.Momentum ?? o.Beta1;
        var root = v.sqrt().div_(Math.Sqrt(SecondCorrection(group, state))).add_(o.Epsilon);
        var update = (o.Nesterov ? m.mul(beta1).add_(gradient, alpha: 1 - beta1) : m).div(root);
        var ratio = RadialProjection.Apply(parameter, gradient, update, o.Delta, o.DecayRatio, o.Epsilon);
        WeightDecay.Apply(group, parameter, gradient, decoupled: true, ratio);
        parameter.add_(update, alpha: -group.LearningRate / FirstCorrection(group, state));
    }
}
