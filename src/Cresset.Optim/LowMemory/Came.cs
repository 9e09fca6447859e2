using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Came"/>.</summary>
public sealed record CameOptions : MomentOptions
{
    /// <summary>Sets the published defaults.</summary>
    public CameOptions() => LearningRate = 2e-4;

    /// <summary>Decay of the confidence, in [0, 1).</summary>
    public double Beta3 { get; init; } = 0.9999;

    /// <summary>Largest root mean square of an update, greater than 0.</summary>
    public double ClippingThreshold { get; init; } = 1;

    /// <summary>Added to the squared instability, at least 0.</summary>
    public double ConfidenceEpsilon { get; init; } = 1e-16;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.Within(Beta3, 0, 1, includeMax: false).Positive(ClippingThreshold).AtLeast(ConfidenceEpsilon, 0.0);
    }
}

/// <summary>CAME (Luo et al. 2023): Adafactor with momentum, whose step is scaled by a factored measure of how much the updates can be trusted. Vectors keep a full second moment.</summary>
public sealed class Came : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Came(Module module, CameOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Came(IEnumerable<ParameterGroupSpec> groups, CameOptions? options = null)
        : base(groups, options ?? new CameOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(parameter);
        state.Fill("exp_avg", parameter);
        if (parameter.dim() < 2)
        {
            state.Fill("exp_avg_sq", parameter);
            return;
        }
        foreach (var slot in new[] { "exp_avg_sq", "exp_avg_res" }) FactoredMoment.Initialize(state, slot, parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<CameOptions>();
        var square = gradient.square().add_(1e-30);
        var factored = parameter.dim() >= 2;
        if (factored) FactoredMoment.Track(state, "exp_avg_sq", square, o.Beta2);
        else state["exp_avg_sq"].lerp_(square, 1 - o.Beta2);
        var update = (factored ? FactoredMoment.InverseRoot(state, "exp_avg_sq") : state["exp_avg_sq"].rsqrt()).mul_(gradient);
        update.div_(Math.Max(1, update.norm().ToDouble() / Math.Sqrt(update.numel()) / o.ClippingThreshold));
        var m = state["exp_avg"].lerp_(update, 1 - (group.Momentum ?? o.Beta1));
        if (factored)
        {
            FactoredMoment.Track(state, "exp_avg_res", (update - m).square().add_(o.ConfidenceEpsilon), o.Beta3);
            m = FactoredMoment.InverseRoot(state, "exp_avg_res").mul_(m);
        }
        WeightDecay.Apply(group, parameter, gradient, decoupled: true);
        parameter.add_(m, alpha: -group.LearningRate);
    }
}
