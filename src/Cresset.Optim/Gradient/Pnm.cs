using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Pnm"/>.</summary>
public sealed record PnmOptions : OptimizerOptions
{
    /// <summary>Sets the published defaults.</summary>
    public PnmOptions() => LearningRate = 1e-3;

    /// <summary>Decay of the momentum, in [0, 1).</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Weight of the negative average, at least 0.</summary>
    public double Noise { get; init; } = 1;

    /// <summary>Shrink the weights directly (true) or decay through the gradient (false, an L2 term).</summary>
    public bool DecoupledWeightDecay { get; init; } = true;

    internal override double? CycledMomentum => Momentum;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        checks?.Within(Momentum, 0, 1, includeMax: false).AtLeast(Noise, 0.0);
    }
}

/// <summary>Positive-negative momentum (Xie et al. 2021): two averages that take turns, one added and one subtracted, which injects gradient noise of a chosen strength.</summary>
public sealed class Pnm : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Pnm(Module module, PnmOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Pnm(IEnumerable<ParameterGroupSpec> groups, PnmOptions? options = null)
        : base(groups, options ?? new PnmOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.Fill("pos_momentum", parameter);
        state.Fill("neg_momentum", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<PnmOptions>();
        gradient = WeightDecay.Apply(group, parameter, gradient, o.DecoupledWeightDecay);
        var square = Math.Pow(group.Momentum ?? o.Momentum, 2);
        var (now, other) = state.Step % 2 == 1 ? (state["pos_momentum"], state["neg_momentum"]) : (state["neg_momentum"], state["pos_momentum"]);
        now.lerp_(gradient, 1 - square);
        var norm = Math.Sqrt(Math.Pow(1 + o.Noise, 2) + Math.Pow(o.Noise, 2));
        parameter.add_(now.mul(1 + o.Noise).add_(other, alpha: -o.Noise), alpha: -group.LearningRate / norm);
    }
}
