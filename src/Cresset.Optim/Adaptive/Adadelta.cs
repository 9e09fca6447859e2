using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Adadelta"/>; the defaults are PyTorch's.</summary>
public sealed record AdadeltaOptions : OptimizerOptions
{
    /// <summary>Sets PyTorch's defaults.</summary>
    public AdadeltaOptions() => LearningRate = 1;

    /// <summary>Decay of both mean squares, in [0, 1].</summary>
    public double Rho { get; init; } = 0.9;

    /// <summary>Added inside the roots, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-6;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.Within(Rho, 0, 1).AtLeast(Epsilon, 0.0);
}

/// <summary>Adadelta (Zeiler 2012): steps in units of the weights, from the ratio of two running mean squares.</summary>
public sealed class Adadelta : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Adadelta(Module module, AdadeltaOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Adadelta(IEnumerable<ParameterGroupSpec> groups, AdadeltaOptions? options = null)
        : base(groups, options ?? new AdadeltaOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.Fill("square_avg", parameter);
        state.Fill("acc_delta", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<AdadeltaOptions>();
        if (group.WeightDecay != 0) gradient = gradient.add(parameter, alpha: group.WeightDecay);
        var (square, moved) = (state["square_avg"], state["acc_delta"]);
        square.mul_(o.Rho).addcmul_(gradient, gradient, 1 - o.Rho);
        var delta = moved.add(o.Epsilon).sqrt_().div_(square.add(o.Epsilon).sqrt_()).mul_(gradient);
        moved.mul_(o.Rho).addcmul_(delta, delta, 1 - o.Rho);
        parameter.add_(delta, alpha: -group.LearningRate);
    }
}
