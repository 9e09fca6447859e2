using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Tiger"/>.</summary>
public sealed record TigerOptions : OptimizerOptions
{
    /// <summary>Sets the published defaults.</summary>
    public TigerOptions() => LearningRate = 1e-3;

    /// <summary>Decay of the average, in [0, 1).</summary>
    public double Beta { get; init; } = 0.965;

    internal override double? CycledMomentum => Beta;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        checks?.Within(Beta, 0, 1, includeMax: false);
    }
}

/// <summary>Tiger (Su 2023): the sign of one moving average, the leanest relative of Lion (its two betas equal). Decoupled decay.</summary>
public sealed class Tiger : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Tiger(Module module, TigerOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Tiger(IEnumerable<ParameterGroupSpec> groups, TigerOptions? options = null)
        : base(groups, options ?? new TigerOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.Fill("exp_avg", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<TigerOptions>();
        WeightDecay.Apply(group, parameter, gradient, decoupled: true);
        var m = state["exp_avg"].lerp_(gradient, 1 - (group.Momentum ?? o.Beta));
        parameter.add_(m.sign(), alpha: -group.LearningRate);
    }
}
