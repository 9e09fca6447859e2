using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Asgd"/>; the defaults are PyTorch's.</summary>
public sealed record AsgdOptions : OptimizerOptions
{
    /// <summary>Sets PyTorch's defaults.</summary>
    public AsgdOptions() => LearningRate = 1e-2;

    /// <summary>Decay term lambda, at least 0.</summary>
    public double Lambda { get; init; } = 1e-4;

    /// <summary>Power of the falling rate, at least 0.</summary>
    public double Alpha { get; init; } = 0.75;

    /// <summary>Step from which iterates are averaged, at least 0.</summary>
    public double AverageFrom { get; init; } = 1e6;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.AtLeast(Lambda, 0.0).AtLeast(Alpha, 0.0).AtLeast(AverageFrom, 0.0);
}

/// <summary>Averaged stochastic gradient descent (Polyak and Juditsky 1992): the state <c>ax</c> is the average of the iterates, <c>eta_t = lr / (1 + lambda lr t)^alpha</c>.</summary>
public sealed class Asgd : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Asgd(Module module, AsgdOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Asgd(IEnumerable<ParameterGroupSpec> groups, AsgdOptions? options = null)
        : base(groups, options ?? new AsgdOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(state);
        state.Fill("ax", parameter);
        state.SetScalar("eta", group.LearningRate);
        state.SetScalar("mu", 1);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<AsgdOptions>();
        if (group.WeightDecay != 0) gradient = gradient.add(parameter, alpha: group.WeightDecay);
        var (eta, mu) = (state.Scalar("eta"), state.Scalar("mu"));
        parameter.mul_(1 - (o.Lambda * eta)).add_(gradient, alpha: -eta);
        if (mu == 1) state["ax"].copy_(parameter);
        else state["ax"].add_(parameter.sub(state["ax"]).mul_(mu));
        state.SetScalar("eta", group.LearningRate / Math.Pow(1 + (o.Lambda * group.LearningRate * state.Step), o.Alpha));
        state.SetScalar("mu", 1 / Math.Max(1, state.Step - o.AverageFrom));
    }
}
