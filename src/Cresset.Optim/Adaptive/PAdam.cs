using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="PAdam"/>.</summary>
public sealed record PAdamOptions : MomentOptions
{
    /// <summary>Sets the published defaults.</summary>
    public PAdamOptions()
    {
        LearningRate = 0.1;
        DecoupledWeightDecay = false;
    }

    /// <summary>Exponent of the second moment, in (0, 1/2].</summary>
    public double Power { get; init; } = 0.25;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.Must(Power is > 0 and <= 0.5, Power, "in (0, 0.5]", field: nameof(Power));
    }
}

/// <summary>Padam (Chen et al. 2018): Adam with a smaller exponent of the second moment, between SGD (0) and Adam (1/2).</summary>
public sealed class PAdam : MomentOptimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public PAdam(Module module, PAdamOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public PAdam(IEnumerable<ParameterGroupSpec> groups, PAdamOptions? options = null)
        : base(groups, options ?? new PAdamOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<PAdamOptions>();
        gradient = WeightDecay.Apply(group, parameter, gradient, o.DecoupledWeightDecay);
        var (m, v) = Track(group, state, gradient);
        var size = group.LearningRate * Math.Sqrt(SecondCorrection(group, state)) / FirstCorrection(group, state);
        parameter.addcdiv_(m, v.sqrt().add_(o.Epsilon).pow_(2 * o.Power), -size);
    }
}
