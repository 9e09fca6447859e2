using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="SgdP"/>.</summary>
public sealed record SgdPOptions : OptimizerOptions
{
    /// <summary>Sets the published defaults.</summary>
    public SgdPOptions() => LearningRate = 1e-3;

    /// <summary>Decay of the momentum, in [0, 1).</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Dampening of the gradient as it enters the buffer, at least 0.</summary>
    public double Dampening { get; init; }

    /// <summary>Look ahead along the momentum.</summary>
    public bool Nesterov { get; init; }

    /// <summary>Keeps norms away from 0, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>How close to a right angle counts as scale-invariant, at least 0.</summary>
    public double Delta { get; init; } = 0.1;

    /// <summary>Factor of the weight decay of scale-invariant weights, at least 0.</summary>
    public double DecayRatio { get; init; } = 0.1;

    internal override double? CycledMomentum => Momentum;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        checks?.Within(Momentum, 0, 1, includeMax: false).AtLeast(Dampening, 0.0).AtLeast(Epsilon, 0.0).AtLeast(Delta, 0.0).AtLeast(DecayRatio, 0.0);
    }
}

/// <summary>SGDP (Heo et al. 2021): SGD with momentum that leaves out the part of the step that only grows the norm of scale-invariant weights.</summary>
public sealed class SgdP : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public SgdP(Module module, SgdPOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public SgdP(IEnumerable<ParameterGroupSpec> groups, SgdPOptions? options = null)
        : base(groups, options ?? new SgdPOptions())
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
        var o = group.OptionsAs<SgdPOptions>();
        var momentum = group.Momentum ?? o.Momentum;
        var buffer = state["momentum_buffer"].mul_(momentum).add_(gradient, alpha: 1 - o.Dampening);
        var update = o.Nesterov ? gradient.add(buffer, alpha: momentum) : buffer.clone();
        var ratio = RadialProjection.Apply(parameter, gradient, update, o.Delta, o.DecayRatio, o.Epsilon);
        WeightDecay.Apply(group, parameter, gradient, decoupled: true, ratio / (1 - momentum));
        parameter.add_(update, alpha: -group.LearningRate);
    }
}
