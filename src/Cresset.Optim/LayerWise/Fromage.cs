using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Fromage"/>.</summary>
public sealed record FromageOptions : OptimizerOptions
{
    /// <summary>Sets the published defaults.</summary>
    public FromageOptions() => LearningRate = 1e-2;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
    }
}

/// <summary>Fromage (Bernstein et al. 2020): the step of each tensor is its norm times the direction of the gradient; the weights are then divided by sqrt(1 + rate^2) so that they do not grow.</summary>
public sealed class Fromage : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Fromage(Module module, FromageOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Fromage(IEnumerable<ParameterGroupSpec> groups, FromageOptions? options = null)
        : base(groups, options ?? new FromageOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var (rate, weights, size) = (group.LearningRate, parameter.norm().ToDouble(), gradient.norm().ToDouble());
        WeightDecay.Apply(group, parameter, gradient, decoupled: true);
        parameter.add_(gradient, alpha: weights > 0 && size > 0 ? -rate * weights / size : -rate);
        parameter.div_(Math.Sqrt(1 + (rate * rate)));
    }
}
