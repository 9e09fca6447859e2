using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="DAdaptLion"/>.</summary>
public sealed record DAdaptLionOptions : DistanceOptions
{
    /// <summary>Sets the published defaults.</summary>
    public DAdaptLionOptions() => LearningRate = 1;

    /// <summary>Decay of the first moment, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the momentum, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Shrink the weights directly (true) or decay through the gradient (false, an L2 term).</summary>
    public bool DecoupledWeightDecay { get; init; }

    internal override double? CycledMomentum => Beta1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.Within(Beta1, 0, 1, includeMax: false).Within(Beta2, 0, 1, includeMax: false);
    }
}

/// <summary>D-Adaptation for Lion (Defazio and Mishchenko 2023): sign steps whose size it finds itself; leave LearningRate at 1.</summary>
public sealed class DAdaptLion : DistanceOptimizer
{
    private double _before, _norm, _fresh;

    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public DAdaptLion(Module module, DAdaptLionOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public DAdaptLion(IEnumerable<ParameterGroupSpec> groups, DAdaptLionOptions? options = null)
        : base(groups, options ?? new DAdaptLionOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.Fill("exp_avg", parameter);
        state.Fill("s", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<DAdaptLionOptions>();
        var step = _before * group.LearningRate;
        gradient = o.DecoupledWeightDecay ? gradient : WeightDecay.Apply(group, parameter, gradient, decoupled: false);
        if (o.DecoupledWeightDecay) parameter.mul_(1 - (step * group.WeightDecay));
        parameter.add_(Direction(group, state, gradient), alpha: -step);
        state["exp_avg"].mul_(o.Beta2).add_(gradient, alpha: (1 - o.Beta2) * step);
    }

    private protected override void BeginSurvey() => (_before, _norm, _fresh) = (Distance, 0, 0);

    private protected override void Survey(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<DAdaptLionOptions>();
        if (!o.DecoupledWeightDecay) gradient = WeightDecay.Apply(group, parameter, gradient, decoupled: false);
        var (step, root) = (_before * group.LearningRate, Math.Sqrt(o.Beta2));
        var update = Direction(group, state, gradient);
        _fresh += step * Dot(update, state["s"]);
        var s = state["s"].mul_(root).add_(update, alpha: (1 - root) * step);
        _norm += s.abs().sum().ToDouble();
    }

    private protected override void EndSurvey()
    {
        var root = Math.Sqrt(((DAdaptLionOptions)Options).Beta2);
        Numerator = (root * Numerator) + ((1 - root) * _fresh);
        if (_norm > 0) Raise(Numerator / ((1 - root) * _norm));
    }

    private static Tensor Direction(ParameterGroup group, ParameterState state, Tensor gradient)
    {
        var beta1 = group.Momentum ?? group.OptionsAs<DAdaptLionOptions>().Beta1;
        return state["exp_avg"].mul(beta1).add_(gradient, alpha: 1 - beta1).sign_();
    }
}
