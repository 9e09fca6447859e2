using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="RmsProp"/>; the defaults are PyTorch's.</summary>
public sealed record RmsPropOptions : OptimizerOptions
{
    /// <summary>Sets PyTorch's defaults.</summary>
    public RmsPropOptions() => LearningRate = 1e-2;

    /// <summary>Decay of the mean square, in [0, 1).</summary>
    public double Alpha { get; init; } = 0.99;

    /// <summary>Added to the root (outside it), at least 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Momentum on the scaled gradient, at least 0.</summary>
    public double Momentum { get; init; }

    /// <summary>Divide by the standard deviation instead of the root mean square (Graves 2013).</summary>
    public bool Centered { get; init; }

    internal override double? CycledMomentum => Momentum;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
        => checks?.Within(Alpha, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0).AtLeast(Momentum, 0.0);
}

/// <summary>RMSprop (Tieleman and Hinton 2012), PyTorch's conventions: the small constant outside the root, decay coupled.</summary>
public sealed class RmsProp : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public RmsProp(Module module, RmsPropOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public RmsProp(IEnumerable<ParameterGroupSpec> groups, RmsPropOptions? options = null)
        : base(groups, options ?? new RmsPropOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(state);
        var o = group.OptionsAs<RmsPropOptions>();
        state.Fill("square_avg", parameter);
        if (o.Momentum > 0) state.Fill("momentum_buffer", parameter);
        if (o.Centered) state.Fill("grad_avg", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<RmsPropOptions>();
        if (group.WeightDecay != 0) gradient = gradient.add(parameter, alpha: group.WeightDecay);
        var square = state["square_avg"];
        square.mul_(o.Alpha).addcmul_(gradient, gradient, 1 - o.Alpha);
        Tensor root;
        if (o.Centered)
        {
            var mean = state["grad_avg"];
            mean.lerp_(gradient, 1 - o.Alpha);
            root = square.addcmul(mean, mean, -1).sqrt_();
        }
        else
        {
            root = square.sqrt();
        }
        root.add_(o.Epsilon);
        if (o.Momentum > 0)
        {
            var buffer = state["momentum_buffer"];
            buffer.mul_(group.Momentum ?? o.Momentum).addcdiv_(gradient, root, 1);
            parameter.add_(buffer, alpha: -group.LearningRate);
        }
        else
        {
            parameter.addcdiv_(gradient, root, -group.LearningRate);
        }
    }
}
