using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="ScheduleFreeSgd"/>.</summary>
public sealed record ScheduleFreeSgdOptions : ScheduleFreeOptions
{
    /// <summary>Sets the published default.</summary>
    public ScheduleFreeSgdOptions() => LearningRate = 1;

    /// <summary>The interpolation, in (0, 1).</summary>
    public double Momentum { get; init; } = 0.9;

    internal override double Interpolation => Momentum;
}

/// <summary>Schedule-free SGD; see <see cref="ScheduleFreeBase"/>. Decay is coupled, at y.</summary>
public sealed class ScheduleFreeSgd : ScheduleFreeBase
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public ScheduleFreeSgd(Module module, ScheduleFreeSgdOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public ScheduleFreeSgd(IEnumerable<ParameterGroupSpec> groups, ScheduleFreeSgdOptions? options = null)
        : base(groups, options ?? new ScheduleFreeSgdOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(parameter);
        state.Put("z", parameter.detach().to(ParameterState.TypeFor(parameter), parameter.device, copy: true));
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        if (group.WeightDecay != 0) gradient = gradient.add(parameter, alpha: group.WeightDecay);
        Advance(group, state, parameter, gradient);
    }
}
