using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Madgrad"/>.</summary>
public sealed record MadgradOptions : OptimizerOptions
{
    /// <summary>Sets the published defaults.</summary>
    public MadgradOptions() => LearningRate = 1e-2;

    /// <summary>Weight of the old point, in [0, 1).</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Added to the cube root (and to the rate), at least 0.</summary>
    public double Epsilon { get; init; } = 1e-6;

    /// <summary>Shrink the weights directly (true) or decay through the gradient (false, an L2 term).</summary>
    public bool DecoupledWeightDecay { get; init; }

    internal override double? CycledMomentum => Momentum;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        checks?.Within(Momentum, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0);
    }
}

/// <summary>MADGRAD (Defazio and Jelassi 2021): dual averaging with the cube root of the summed squares; weights are a moving average of the dual averaging point.</summary>
public sealed class Madgrad : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Madgrad(Module module, MadgradOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Madgrad(IEnumerable<ParameterGroupSpec> groups, MadgradOptions? options = null)
        : base(groups, options ?? new MadgradOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(parameter);
        state.Fill("grad_sum_sq", parameter);
        state.Fill("s", parameter);
        state.Put("x0", parameter.detach().to(ParameterState.TypeFor(parameter), copy: true));
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<MadgradOptions>();
        gradient = WeightDecay.Apply(group, parameter, gradient, o.DecoupledWeightDecay);
        var weight = (group.LearningRate + o.Epsilon) * Math.Sqrt(state.Step);
        var squares = state["grad_sum_sq"].addcmul_(gradient, gradient, weight);
        var sum = state["s"].add_(gradient, alpha: weight);
        var point = state["x0"].addcdiv(sum, squares.pow(1.0 / 3).add_(o.Epsilon), -1);
        parameter.lerp_(point, 1 - (group.Momentum ?? o.Momentum));
    }
}
