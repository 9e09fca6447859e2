using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Amos"/>.</summary>
public sealed record AmosOptions : OptimizerOptions
{
    /// <summary>Sets the published defaults.</summary>
    public AmosOptions() => LearningRate = 1e-3;

    /// <summary>Decay of the mean square, in [0, 1).</summary>
    public double Beta { get; init; } = 0.999;

    /// <summary>Decay of an average of the updates, in [0, 1); 0 keeps none.</summary>
    public double Momentum { get; init; } = 0;

    /// <summary>Added to the adaptive decay, at least 0.</summary>
    public double ExtraL2 { get; init; }

    /// <summary>How fast the decay of weights fades, at least 0.</summary>
    public double RateDecay { get; init; } = 0.25;

    /// <summary>How fast steps shrink, at least 0.</summary>
    public double StepDecay { get; init; } = 0.25;

    /// <summary>Added to the mean square, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-18;

    internal override double? CycledMomentum => Momentum;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        checks?.Within(Beta, 0, 1, includeMax: false).Within(Momentum, 0, 1, includeMax: false).AtLeast(ExtraL2, 0.0).AtLeast(RateDecay, 0.0).AtLeast(StepDecay, 0.0).AtLeast(Epsilon, 0.0);
    }
}

/// <summary>Amos (Tian and Parikh 2022): Adam-like steps with a theory for the initial rate of each tensor, a rate that decays by itself and an adaptive L2 decay; only numbers are kept for each tensor.</summary>
public sealed class Amos : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Amos(Module module, AmosOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Amos(IEnumerable<ParameterGroupSpec> groups, AmosOptions? options = null)
        : base(groups, options ?? new AmosOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(state);
        if (group.OptionsAs<AmosOptions>().Momentum > 0) state.Fill("exp_avg", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<AmosOptions>();
        var rate = group.LearningRate;
        WeightDecay.Apply(group, parameter, gradient, decoupled: true);
        var initial = rate * Scale(parameter);
        var square = gradient.square().mean().ToDouble();
        var mean = (o.Beta * state.Scalar("exp_avg_sq")) + ((1 - o.Beta) * square);
        state.SetScalar("exp_avg_sq", mean);
        var inverse = WeightDecay.Correction(o.Beta, state.Step) / (mean + o.Epsilon);
        var decay = state.Scalar("decay");
        var gamma = rate * rate * inverse * square / Math.Sqrt(1 + (o.RateDecay * Math.Sqrt(rate) * decay));
        var shrink = 1 / (1 + (o.StepDecay * Math.Sqrt(initial) * decay));
        var update = parameter.mul((gamma - o.ExtraL2) / 2 * shrink).add_(gradient, alpha: initial * Math.Sqrt(inverse) * shrink);
        state.SetScalar("decay", (decay * (1 + gamma)) + gamma);
        if (o.Momentum > 0) update = state["exp_avg"].lerp_(update, 1 - (group.Momentum ?? o.Momentum));
        parameter.sub_(update);
    }

    /// <summary>The expected size of the weights of a tensor, by its shape.</summary>
    private static double Scale(Tensor parameter) => parameter.dim() switch
    {
        < 2 => 0.5,
        2 => Math.Sqrt(2.0 / parameter.size(1)),
        _ => Math.Sqrt(1.0 / parameter.size(1)),
    };
}
