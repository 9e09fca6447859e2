using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="SignSgd"/>.</summary>
public sealed record SignSgdOptions : OptimizerOptions
{
    /// <summary>Sets the published defaults.</summary>
    public SignSgdOptions() => LearningRate = 1e-3;

    /// <summary>Decay of the momentum, in [0, 1); 0 takes the sign of the gradient itself.</summary>
    public double Momentum { get; init; } = 0.9;

    internal override double? CycledMomentum => Momentum;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        checks?.Within(Momentum, 0, 1, includeMax: false);
    }
}

/// <summary>Sign descent (Bernstein et al. 2018), with momentum also called Signum: every weight moves by the same distance, in the direction of its averaged gradient. Decoupled decay.</summary>
public sealed class SignSgd : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public SignSgd(Module module, SignSgdOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public SignSgd(IEnumerable<ParameterGroupSpec> groups, SignSgdOptions? options = null)
        : base(groups, options ?? new SignSgdOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(state);
        if (group.OptionsAs<SignSgdOptions>().Momentum > 0) state.Fill("momentum_buffer", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<SignSgdOptions>();
        WeightDecay.Apply(group, parameter, gradient, decoupled: true);
        var direction = o.Momentum > 0 ? state["momentum_buffer"].lerp_(gradient, 1 - (group.Momentum ?? o.Momentum)) : gradient;
        parameter.add_(direction.sign(), alpha: -group.LearningRate);
    }
}
