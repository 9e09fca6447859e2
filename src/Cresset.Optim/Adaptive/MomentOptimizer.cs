using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>A relative of Adam: keeps the moving averages <c>exp_avg</c> of gradients and <c>exp_avg_sq</c> of their squares.</summary>
public abstract class MomentOptimizer : Optimizer
{
    private protected MomentOptimizer(IEnumerable<ParameterGroupSpec> groups, MomentOptions options)
        : base(groups, options)
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.Fill("exp_avg", parameter);
        state.Fill("exp_avg_sq", parameter);
    }

    /// <summary>Takes <paramref name="gradient"/> into both moments and returns them.</summary>
    private protected static (Tensor First, Tensor Second) Track(ParameterGroup group, ParameterState state, Tensor gradient)
    {
        var o = group.OptionsAs<MomentOptions>();
        var (m, v) = (state["exp_avg"], state["exp_avg_sq"]);
        m.lerp_(gradient, 1 - (group.Momentum ?? o.Beta1));
        v.mul_(o.Beta2).addcmul_(gradient, gradient, 1 - o.Beta2);
        return (m, v);
    }

    /// <summary>What bias correction divides the first moment by, 1 - beta1^t.</summary>
    private protected static double FirstCorrection(ParameterGroup group, ParameterState state)
        => WeightDecay.Correction(group.Momentum ?? group.OptionsAs<MomentOptions>().Beta1, state.Step);

    /// <summary>What bias correction divides the second moment by, 1 - beta2^t.</summary>
    private protected static double SecondCorrection(ParameterGroup group, ParameterState state)
        => WeightDecay.Correction(group.OptionsAs<MomentOptions>().Beta2, state.Step);
}
