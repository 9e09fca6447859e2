using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="AdaBound"/>.</summary>
public sealed record AdaBoundOptions : MomentOptions
{
    /// <summary>Sets the published defaults.</summary>
    public AdaBoundOptions() => LearningRate = 1e-3;

    /// <summary>The rate of SGD at the end, greater than 0; it follows the schedule of the learning rate.</summary>
    public double FinalRate { get; init; } = 0.1;

    /// <summary>How fast the bounds close, greater than 0.</summary>
    public double Gamma { get; init; } = 1e-3;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.Positive(FinalRate).Positive(Gamma);
    }
}

/// <summary>AdaBound (Luo et al. 2019): Adam whose rate of each weight is kept between two bounds that close in on <see cref="AdaBoundOptions.FinalRate"/>, so it ends as SGD.</summary>
public sealed class AdaBound : MomentOptimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public AdaBound(Module module, AdaBoundOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public AdaBound(IEnumerable<ParameterGroupSpec> groups, AdaBoundOptions? options = null)
        : base(groups, options ?? new AdaBoundOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<AdaBoundOptions>();
        gradient = WeightDecay.Apply(group, parameter, gradient, o.DecoupledWeightDecay);
        var (m, v) = Track(group, state, gradient);
        var final = group.InitialLearningRate > 0 ? o.FinalRate * group.LearningRate / group.InitialLearningRate : o.FinalRate;
        var (lower, upper) = (final * (1 - (1 / ((o.Gamma * state.Step) + 1))), final * (1 + (1 / (o.Gamma * state.Step))));
        var size = group.LearningRate * Math.Sqrt(SecondCorrection(group, state)) / FirstCorrection(group, state);
        var rates = v.sqrt().add_(o.Epsilon).reciprocal_().mul_(size).clamp_(lower, upper);
        parameter.addcmul_(rates, m, -1);
    }
}
