using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="DAdaptAdam"/>.</summary>
public sealed record DAdaptAdamOptions : DistanceOptions
{
    /// <summary>Sets the published defaults.</summary>
    public DAdaptAdamOptions() => LearningRate = 1;

    /// <summary>Decay of the first moment, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Keeps divisions finite, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Adam's bias correction.</summary>
    public bool BiasCorrection { get; init; }

    /// <summary>Shrink the weights directly (true) or decay through the gradient (false, an L2 term).</summary>
    public bool DecoupledWeightDecay { get; init; }

    internal override double? CycledMomentum => Beta1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.Within(Beta1, 0, 1, includeMax: false).Within(Beta2, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0);
    }
}

/// <summary>D-Adaptation for Adam (Defazio and Mishchenko 2023): Adam that finds its own rate; leave LearningRate at 1.</summary>
public sealed class DAdaptAdam : DistanceOptimizer
{
    private double _before, _norm, _fresh;

    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public DAdaptAdam(Module module, DAdaptAdamOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public DAdaptAdam(IEnumerable<ParameterGroupSpec> groups, DAdaptAdamOptions? options = null)
        : base(groups, options ?? new DAdaptAdamOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.Fill("exp_avg", parameter);
        state.Fill("exp_avg_sq", parameter);
        state.Fill("s", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<DAdaptAdamOptions>();
        if (_norm == 0) return;
        if (o.DecoupledWeightDecay) parameter.mul_(1 - (_before * Rate(group, state) * group.WeightDecay));
        parameter.addcdiv_(state["exp_avg"], state["exp_avg_sq"].sqrt().add_(o.Epsilon), -1);
    }

    private protected override void BeginSurvey() => (_before, _norm, _fresh) = (Distance, 0, 0);

    private protected override void Survey(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<DAdaptAdamOptions>();
        if (!o.DecoupledWeightDecay) gradient = WeightDecay.Apply(group, parameter, gradient, decoupled: false);
        var (s, v) = (state["s"], state["exp_avg_sq"]);
        var (beta1, root) = (group.Momentum ?? o.Beta1, Math.Sqrt(o.Beta2));
        var step = _before * Rate(group, state);
        _fresh += step * Dot(gradient, s / v.sqrt().add_(o.Epsilon));
        state["exp_avg"].mul_(beta1).add_(gradient, alpha: step * (1 - beta1));
        v.mul_(o.Beta2).addcmul_(gradient, gradient, 1 - o.Beta2);
        s.mul_(root).add_(gradient, alpha: step * (1 - root));
        _norm += s.abs().sum().ToDouble();
    }

    private protected override void EndSurvey()
    {
        if (_norm == 0) return;
        var root = Math.Sqrt(((DAdaptAdamOptions)Options).Beta2);
        Numerator = (root * Numerator) + ((1 - root) * _fresh);
        Raise(Numerator / ((1 - root) * _norm));
    }

    private static double Rate(ParameterGroup group, ParameterState state)
    {
        var o = group.OptionsAs<DAdaptAdamOptions>();
        if (!o.BiasCorrection) return group.LearningRate;
        return group.LearningRate * Math.Sqrt(WeightDecay.Correction(o.Beta2, state.Step)) / WeightDecay.Correction(group.Momentum ?? o.Beta1, state.Step);
    }
}
