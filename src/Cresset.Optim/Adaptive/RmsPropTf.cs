using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="RmsPropTf"/>.</summary>
public sealed record RmsPropTfOptions : OptimizerOptions
{
    /// <summary>Sets the published defaults.</summary>
    public RmsPropTfOptions() => LearningRate = 1e-2;

    /// <summary>Decay of the mean square, in [0, 1).</summary>
    public double Alpha { get; init; } = 0.9;

    /// <summary>Added to the mean square, inside the root, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-10;

    /// <summary>Decay of the momentum, in [0, 1); 0 keeps no buffer.</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Divide by the standard deviation instead of the root mean square (Graves 2013).</summary>
    public bool Centered { get; init; }

    /// <summary>Shrink the weights directly (true) or decay through the gradient (false, an L2 term).</summary>
    public bool DecoupledWeightDecay { get; init; }

    /// <summary>Multiply by the rate before the momentum, as TensorFlow; otherwise after it, as PyTorch.</summary>
    public bool RateInMomentum { get; init; } = true;

    internal override double? CycledMomentum => Momentum;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        checks?.Within(Alpha, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0).Within(Momentum, 0, 1, includeMax: false);
    }
}

/// <summary>RMSprop as TensorFlow has it (the EfficientNet recipes rely on it): the small constant inside the root, the mean square starts at 1, and the rate is inside the momentum. <see cref="RmsProp"/> is PyTorch's form.</summary>
public sealed class RmsPropTf : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public RmsPropTf(Module module, RmsPropTfOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public RmsPropTf(IEnumerable<ParameterGroupSpec> groups, RmsPropTfOptions? options = null)
        : base(groups, options ?? new RmsPropTfOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(state);
        var o = group.OptionsAs<RmsPropTfOptions>();
        state.Fill("square_avg", parameter, 1);
        if (o.Momentum > 0) state.Fill("momentum_buffer", parameter);
        if (o.Centered) state.Fill("grad_avg", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<RmsPropTfOptions>();
        gradient = WeightDecay.Apply(group, parameter, gradient, o.DecoupledWeightDecay);
        var square = state["square_avg"];
        square.lerp_(gradient.square(), 1 - o.Alpha);
        var centered = square;
        if (o.Centered)
        {
            var mean = state["grad_avg"].lerp_(gradient, 1 - o.Alpha);
            centered = square.addcmul(mean, mean, -1);
        }
        var root = centered.add(o.Epsilon).sqrt_();
        var rate = group.LearningRate;
        if (o.Momentum == 0)
        {
            parameter.addcdiv_(gradient, root, -rate);
            return;
        }
        var buffer = state["momentum_buffer"].mul_(group.Momentum ?? o.Momentum).addcdiv_(gradient, root, o.RateInMomentum ? rate : 1);
        parameter.add_(buffer, alpha: o.RateInMomentum ? -1 : -rate);
    }
}
