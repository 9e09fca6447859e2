using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="AdaMod"/>.</summary>
public sealed record AdaModOptions : MomentOptions
{
    /// <summary>Sets the published defaults.</summary>
    public AdaModOptions() => Beta2 = 0.99;

    /// <summary>Decay of the average of the rates, in [0, 1).</summary>
    public double Beta3 { get; init; } = 0.9999;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.Within(Beta3, 0, 1, includeMax: false);
    }
}

/// <summary>AdaMod (Ding et al. 2019): Adam whose rate of each weight may not exceed its own long moving average, which tames the first steps.</summary>
public sealed class AdaMod : MomentOptimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public AdaMod(Module module, AdaModOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public AdaMod(IEnumerable<ParameterGroupSpec> groups, AdaModOptions? options = null)
        : base(groups, options ?? new AdaModOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        base.Initialize(group, state, parameter);
        state.Fill("exp_avg_lr", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<AdaModOptions>();
        gradient = WeightDecay.Apply(group, parameter, gradient, o.DecoupledWeightDecay);
        var (m, v) = Track(group, state, gradient);
        var size = group.LearningRate * Math.Sqrt(SecondCorrection(group, state)) / FirstCorrection(group, state);
        var rates = v.sqrt().add_(o.Epsilon).reciprocal_().mul_(size);
        var mean = state["exp_avg_lr"].lerp_(rates, 1 - o.Beta3);
        parameter.addcmul_(minimum(rates, mean), m, -1);
    }
}
