using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Rprop"/>; the defaults are PyTorch's. There is no weight decay.</summary>
public sealed record RpropOptions : OptimizerOptions
{
    /// <summary>Sets PyTorch's defaults.</summary>
    public RpropOptions() => LearningRate = 1e-2;

    /// <summary>Factor after a change of sign, in (0, 1).</summary>
    public double EtaMinus { get; init; } = 0.5;

    /// <summary>Factor after the same sign, greater than 1.</summary>
    public double EtaPlus { get; init; } = 1.2;

    /// <summary>Smallest step, at least 0.</summary>
    public double MinStep { get; init; } = 1e-6;

    /// <summary>Largest step.</summary>
    public double MaxStep { get; init; } = 50;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?
        .Within(EtaMinus, 0, 1, includeMin: false, includeMax: false)
        .Must(EtaPlus > 1, EtaPlus, "greater than 1", field: nameof(EtaPlus))
        .AtLeast(MinStep, 0.0)
        .Must(MaxStep >= MinStep, MaxStep, $"at least MinStep ({MinStep})", field: nameof(MaxStep))
        .Must(WeightDecay == 0, WeightDecay, "0: only signs of gradients count", field: nameof(WeightDecay));
}

/// <summary>Resilient back-propagation (Riedmiller and Braun 1993): a step size a weight, from the signs of whole-batch gradients.</summary>
public sealed class Rprop : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Rprop(Module module, RpropOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Rprop(IEnumerable<ParameterGroupSpec> groups, RpropOptions? options = null)
        : base(groups, options ?? new RpropOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(state);
        state.Fill("prev", parameter);
        state.Fill("step_size", parameter, group.LearningRate);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<RpropOptions>();
        var (previous, size) = (state["prev"], state["step_size"]);
        var agreement = gradient.mul(previous);
        var (same, opposite) = (agreement.gt(0), agreement.lt(0));
        var factor = ones_like(size).masked_fill_(same, o.EtaPlus).masked_fill_(opposite, o.EtaMinus);
        size.mul_(factor).clamp_(o.MinStep, o.MaxStep);
        var used = gradient.masked_fill(opposite, 0);
        parameter.addcmul_(used.sign(), size, -1);
        previous.copy_(used);
    }
}
