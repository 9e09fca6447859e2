using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Lars"/>.</summary>
public sealed record LarsOptions : OptimizerOptions
{
    /// <summary>Sets the published defaults.</summary>
    public LarsOptions() => LearningRate = 1;

    /// <summary>Decay of the momentum, in [0, 1); 0 keeps no buffer.</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Dampening of the gradient as it enters the buffer (not at the first step), at least 0.</summary>
    public double Dampening { get; init; }

    /// <summary>Look ahead along the momentum.</summary>
    public bool Nesterov { get; init; }

    /// <summary>Factor of the ratio of norms, greater than 0.</summary>
    public double TrustCoefficient { get; init; } = 1e-3;

    /// <summary>Added to the norm of the gradient, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>The tensor's rate is at most the learning rate (LARC).</summary>
    public bool ClipTrust { get; init; }

    /// <summary>Adapt groups without weight decay too.</summary>
    public bool AlwaysAdapt { get; init; }

    internal override double? CycledMomentum => Momentum;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        checks?.Within(Momentum, 0, 1, includeMax: false).AtLeast(Dampening, 0.0).Positive(TrustCoefficient).AtLeast(Epsilon, 0.0);
    }
}

/// <summary>LARS (You et al. 2017): SGD with momentum whose rate for each tensor is proportional to the norm of the weights over that of the gradient; made for very large batches.</summary>
public sealed class Lars : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Lars(Module module, LarsOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Lars(IEnumerable<ParameterGroupSpec> groups, LarsOptions? options = null)
        : base(groups, options ?? new LarsOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(state);
        if (group.OptionsAs<LarsOptions>().Momentum > 0) state.Fill("momentum_buffer", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<LarsOptions>();
        var (rate, decay) = (group.LearningRate, group.WeightDecay);
        if (decay != 0 || o.AlwaysAdapt)
        {
            var (weights, size) = (parameter.norm().ToDouble(), gradient.norm().ToDouble());
            var trust = weights > 0 && size > 0 ? o.TrustCoefficient * weights / (size + (weights * decay) + o.Epsilon) : 1;
            if (o.ClipTrust) trust = Math.Min(trust / rate, 1);
            gradient = gradient.add(parameter, alpha: decay).mul_(trust);
        }
        if (o.Momentum > 0)
        {
            var momentum = group.Momentum ?? o.Momentum;
            var buffer = state["momentum_buffer"];
            if (state.Step == 1) buffer.copy_(gradient);
            else buffer.mul_(momentum).add_(gradient, alpha: 1 - o.Dampening);
            gradient = o.Nesterov ? gradient.add(buffer, alpha: momentum) : buffer;
        }
        parameter.add_(gradient, alpha: -rate);
    }
}
