using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="ScheduleFreeRAdam"/>.</summary>
public sealed record ScheduleFreeRAdamOptions : ScheduleFreeOptions
{
    /// <summary>Sets the published defaults.</summary>
    public ScheduleFreeRAdamOptions() => LearningRate = 2.5e-3;

    /// <summary>The interpolation, in (0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the root of the second moment, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Stand still while the variance is not tractable instead of taking plain gradient steps.</summary>
    public bool SilentStart { get; init; } = true;

    internal override double Interpolation => Beta1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.Within(Beta2, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0);
    }
}

/// <summary>Schedule-free rectified Adam: needs no warm-up; see <see cref="ScheduleFreeBase"/>.</summary>
public sealed class ScheduleFreeRAdam : ScheduleFreeBase
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public ScheduleFreeRAdam(Module module, ScheduleFreeRAdamOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public ScheduleFreeRAdam(IEnumerable<ParameterGroupSpec> groups, ScheduleFreeRAdamOptions? options = null)
        : base(groups, options ?? new ScheduleFreeRAdamOptions())
    {
    }

    private protected override double RateFactor(ScheduleFreeOptions options, long step)
    {
        var o = (ScheduleFreeRAdamOptions)options;
        return RAdam.Rectification(o.Beta2, step, 4) ?? (o.SilentStart ? 0 : 1);
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(parameter);
        state.Put("z", parameter.detach().to(ParameterState.TypeFor(parameter), parameter.device, copy: true));
        state.Fill("exp_avg_sq", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<ScheduleFreeRAdamOptions>();
        var v = state["exp_avg_sq"];
        v.mul_(o.Beta2).addcmul_(gradient, gradient, 1 - o.Beta2);
        var direction = RAdam.Rectification(o.Beta2, StepCount + 1, 4) is null
            ? gradient.clone()
            : gradient.div(v.div(1 - Math.Pow(o.Beta2, StepCount + 1)).sqrt_().add_(o.Epsilon));
        if (group.WeightDecay != 0) direction.add_(parameter, alpha: group.WeightDecay);
        Advance(group, state, parameter, direction);
    }
}
