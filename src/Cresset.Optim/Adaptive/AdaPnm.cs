using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="AdaPnm"/>.</summary>
public sealed record AdaPnmOptions : MomentOptions
{
    /// <summary>Sets the published defaults.</summary>
    public AdaPnmOptions() => LearningRate = 1e-3;

    /// <summary>Weight of the negative average, at least 0.</summary>
    public double Noise { get; init; } = 1;

    /// <summary>Divide by the largest second moment so far.</summary>
    public bool AmsGrad { get; init; } = true;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.AtLeast(Noise, 0.0);
    }
}

/// <summary>AdaPNM (Xie et al. 2021): Adam whose momentum is the positive-negative combination of two alternating averages, which injects gradient noise of a chosen strength.</summary>
public sealed class AdaPnm : MomentOptimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public AdaPnm(Module module, AdaPnmOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public AdaPnm(IEnumerable<ParameterGroupSpec> groups, AdaPnmOptions? options = null)
        : base(groups, options ?? new AdaPnmOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(state);
        base.Initialize(group, state, parameter);
        state.Fill("neg_exp_avg", parameter);
        if (group.OptionsAs<AdaPnmOptions>().AmsGrad) state.Fill("max_exp_avg_sq", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<AdaPnmOptions>();
        gradient = WeightDecay.Apply(group, parameter, gradient, o.DecoupledWeightDecay);
        var square = Math.Pow(group.Momentum ?? o.Beta1, 2);
        var (now, other) = state.Step % 2 == 1 ? (state["exp_avg"], state["neg_exp_avg"]) : (state["neg_exp_avg"], state["exp_avg"]);
        now.lerp_(gradient, 1 - square);
        var v = state["exp_avg_sq"].mul_(o.Beta2).addcmul_(gradient, gradient, 1 - o.Beta2);
        if (o.AmsGrad) v = state["max_exp_avg_sq"].copy_(maximum(state["max_exp_avg_sq"], v));
        var root = v.sqrt().add_(o.Epsilon).div_(Math.Sqrt(SecondCorrection(group, state)));
        var norm = Math.Sqrt(Math.Pow(1 + o.Noise, 2) + Math.Pow(o.Noise, 2));
        var update = now.mul(1 + o.Noise).add_(other, alpha: -o.Noise).div_(norm);
        parameter.addcdiv_(update, root, -group.LearningRate / FirstCorrection(group, state));
    }
}
