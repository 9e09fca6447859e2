using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="SgdSai"/>.</summary>
public sealed record SgdSaiOptions : OptimizerOptions
{
    /// <summary>Sets the published defaults.</summary>
    public SgdSaiOptions() => LearningRate = 1e-2;

    /// <summary>Decay of the momentum, in [0, 1).</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Added to the standard deviation, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Shrink the weights directly (true) or decay through the gradient (false, an L2 term).</summary>
    public bool DecoupledWeightDecay { get; init; } = true;

    internal override double? CycledMomentum => Momentum;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        checks?.Within(Momentum, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0);
    }
}

/// <summary>SGD-SaI (Xu et al. 2024): SGD with momentum whose rate for each tensor is set once, from the signal-to-noise ratio of its first gradient. Half of AdamW's state.</summary>
public sealed class SgdSai : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public SgdSai(Module module, SgdSaiOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public SgdSai(IEnumerable<ParameterGroupSpec> groups, SgdSaiOptions? options = null)
        : base(groups, options ?? new SgdSaiOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.Fill("momentum_buffer", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<SgdSaiOptions>();
        if (state.Step == 1) state.SetScalar("gsnr", SignalToNoise(gradient, o.Epsilon));
        var buffer = state["momentum_buffer"].lerp_(gradient, 1 - (group.Momentum ?? o.Momentum));
        if (!o.DecoupledWeightDecay) buffer = WeightDecay.Apply(group, parameter, buffer, decoupled: false);
        else WeightDecay.Apply(group, parameter, buffer, decoupled: true);
        parameter.add_(buffer, alpha: -group.LearningRate * state.Scalar("gsnr", 1));
    }

    private static double SignalToNoise(Tensor gradient, double epsilon)
    {
        var norm = gradient.norm().ToDouble();
        var spread = gradient.dim() > 1 && gradient.size(0) != 1 ? gradient.std().ToDouble() : 0;
        return double.IsNaN(spread) || spread == 0 ? norm : norm / (spread + epsilon);
    }
}
