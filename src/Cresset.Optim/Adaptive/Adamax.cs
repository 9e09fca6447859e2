using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Adamax"/>; the defaults are PyTorch's.</summary>
public sealed record AdamaxOptions : OptimizerOptions
{
    /// <summary>Sets PyTorch's defaults.</summary>
    public AdamaxOptions() => LearningRate = 2e-3;

    /// <summary>Decay of the first moment, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the infinity norm, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the gradient's size, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    internal override double? CycledMomentum => Beta1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
        => checks?.Within(Beta1, 0, 1, includeMax: false).Within(Beta2, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0);
}

/// <summary>Adam with the infinity norm (Kingma and Ba 2015, section 7.1).</summary>
public sealed class Adamax : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Adamax(Module module, AdamaxOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Adamax(IEnumerable<ParameterGroupSpec> groups, AdamaxOptions? options = null)
        : base(groups, options ?? new AdamaxOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.Fill("exp_avg", parameter);
        state.Fill("exp_inf", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<AdamaxOptions>();
        var beta1 = group.Momentum ?? o.Beta1;
        if (group.WeightDecay != 0) gradient = gradient.add(parameter, alpha: group.WeightDecay);
        var (m, u) = (state["exp_avg"], state["exp_inf"]);
        m.lerp_(gradient, 1 - beta1);
        u.copy_(maximum(u.mul_(o.Beta2), gradient.abs().add_(o.Epsilon)));
        parameter.addcdiv_(m, u, -group.LearningRate / (1 - Math.Pow(beta1, state.Step)));
    }
}
