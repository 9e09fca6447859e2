using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Qhm"/>.</summary>
public sealed record QhmOptions : OptimizerOptions
{
    /// <summary>Sets the published defaults.</summary>
    public QhmOptions() => LearningRate = 1e-3;

    /// <summary>Decay of the momentum, in [0, 1).</summary>
    public double Momentum { get; init; } = 0.999;

    /// <summary>Weight of the momentum in the step, in [0, 1].</summary>
    public double Nu { get; init; } = 0.7;

    /// <summary>Shrink the weights directly (true) or decay through the gradient (false, an L2 term).</summary>
    public bool DecoupledWeightDecay { get; init; }

    internal override double? CycledMomentum => Momentum;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        checks?.Within(Momentum, 0, 1, includeMax: false).Within(Nu, 0, 1);
    }
}

/// <summary>Quasi-hyperbolic momentum (Ma and Yarats 2019): a weighted mean of plain and momentum SGD.</summary>
public sealed class Qhm : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Qhm(Module module, QhmOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Qhm(IEnumerable<ParameterGroupSpec> groups, QhmOptions? options = null)
        : base(groups, options ?? new QhmOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.Fill("momentum_buffer", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<QhmOptions>();
        gradient = WeightDecay.Apply(group, parameter, gradient, o.DecoupledWeightDecay);
        var buffer = state["momentum_buffer"].lerp_(gradient, 1 - (group.Momentum ?? o.Momentum));
        parameter.add_(buffer, alpha: -group.LearningRate * o.Nu);
        parameter.add_(gradient, alpha: -group.LearningRate * (1 - o.Nu));
    }
}
