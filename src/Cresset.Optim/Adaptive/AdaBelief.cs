using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="AdaBelief"/>.</summary>
public sealed record AdaBeliefOptions : MomentOptions
{
    /// <summary>Sets the published defaults.</summary>
    public AdaBeliefOptions() => Epsilon = 1e-16;

    /// <summary>Divide by the largest variance so far.</summary>
    public bool AmsGrad { get; init; }
}

/// <summary>AdaBelief (Zhuang et al. 2020): divides by how far gradients stray from their moving average instead of by their size, so steps grow where gradients agree. State: <c>exp_avg</c>, <c>exp_avg_var</c>.</summary>
public sealed class AdaBelief : MomentOptimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public AdaBelief(Module module, AdaBeliefOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public AdaBelief(IEnumerable<ParameterGroupSpec> groups, AdaBeliefOptions? options = null)
        : base(groups, options ?? new AdaBeliefOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(state);
        state.Fill("exp_avg", parameter);
        state.Fill("exp_avg_var", parameter);
        if (group.OptionsAs<AdaBeliefOptions>().AmsGrad) state.Fill("max_exp_avg_var", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<AdaBeliefOptions>();
        gradient = WeightDecay.Apply(group, parameter, gradient, o.DecoupledWeightDecay);
        var (m, v) = (state["exp_avg"], state["exp_avg_var"]);
        m.lerp_(gradient, 1 - (group.Momentum ?? o.Beta1));
        var surprise = gradient - m;
        v.mul_(o.Beta2).addcmul_(surprise, surprise, 1 - o.Beta2).add_(o.Epsilon);
        if (o.AmsGrad) v = state["max_exp_avg_var"].copy_(maximum(state["max_exp_avg_var"], v));
        var root = v.sqrt().div_(Math.Sqrt(SecondCorrection(group, state))).add_(o.Epsilon);
        parameter.addcdiv_(m, root, -group.LearningRate / FirstCorrection(group, state));
    }
}
