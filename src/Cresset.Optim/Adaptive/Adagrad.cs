using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Adagrad"/>; the defaults are PyTorch's.</summary>
public sealed record AdagradOptions : OptimizerOptions
{
    /// <summary>Sets PyTorch's defaults.</summary>
    public AdagradOptions() => LearningRate = 1e-2;

    /// <summary>The rate falls as 1 / (1 + t decay), at least 0.</summary>
    public double LearningRateDecay { get; init; }

    /// <summary>Start of the sum of squares, at least 0.</summary>
    public double InitialAccumulator { get; init; }

    /// <summary>Added to the root, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-10;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
        => checks?.AtLeast(LearningRateDecay, 0.0).AtLeast(InitialAccumulator, 0.0).AtLeast(Epsilon, 0.0);
}

/// <summary>Adagrad (Duchi et al. 2011): each weight's rate falls with the sum of its squared gradients.</summary>
public sealed class Adagrad : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Adagrad(Module module, AdagradOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Adagrad(IEnumerable<ParameterGroupSpec> groups, AdagradOptions? options = null)
        : base(groups, options ?? new AdagradOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(state);
        state.Fill("sum", parameter, group.OptionsAs<AdagradOptions>().InitialAccumulator);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<AdagradOptions>();
        if (group.WeightDecay != 0) gradient = gradient.add(parameter, alpha: group.WeightDecay);
        var rate = group.LearningRate / (1 + ((state.Step - 1) * o.LearningRateDecay));
        var sum = state["sum"];
        sum.addcmul_(gradient, gradient, 1);
        parameter.addcdiv_(gradient, sum.sqrt().add_(o.Epsilon), -rate);
    }
}
