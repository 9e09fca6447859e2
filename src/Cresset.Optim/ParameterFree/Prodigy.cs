using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Prodigy"/>.</summary>
public sealed record ProdigyOptions : DistanceOptions
{
    /// <summary>Sets the published defaults.</summary>
    public ProdigyOptions() => LearningRate = 1;

    /// <summary>Decay of the first moment, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Decay of the distance estimate, in [0, 1); null for the root of Beta2.</summary>
    public double? Beta3 { get; init; }

    /// <summary>Keeps divisions finite, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Factor of the estimate; 0.5 to 2 plays the part of a learning rate.</summary>
    public double DistanceFactor { get; init; } = 1;

    /// <summary>Leave the learning rate out of the denominator, so that a warm-up cannot inflate the estimate.</summary>
    public bool SafeguardWarmUp { get; init; }

    /// <summary>Adam's bias correction.</summary>
    public bool BiasCorrection { get; init; }

    /// <summary>Shrink the weights directly (true) or decay through the gradient (false, an L2 term).</summary>
    public bool DecoupledWeightDecay { get; init; } = true;

    internal override double? CycledMomentum => Beta1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.Within(Beta1, 0, 1, includeMax: false).Within(Beta2, 0, 1, includeMax: false).Must(Beta3 is null or (>= 0 and < 1), Beta3, "null or in [0, 1)", field: nameof(Beta3)).AtLeast(Epsilon, 0.0).Positive(DistanceFactor);
    }
}

/// <summary>Prodigy (Mishchenko and Defazio 2023): AdamW that finds its own rate, faster than D-Adaptation; leave LearningRate at 1.</summary>
public sealed class Prodigy : DistanceOptimizer
{
    private double _before, _denominator, _largest;
    private bool _stuck;

    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Prodigy(Module module, ProdigyOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Prodigy(IEnumerable<ParameterGroupSpec> groups, ProdigyOptions? options = null)
        : base(groups, options ?? new ProdigyOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(parameter);
        state.Fill("exp_avg", parameter);
        state.Fill("exp_avg_sq", parameter);
        state.Fill("s", parameter);
        state.Put("p0", parameter.detach().to(ParameterState.TypeFor(parameter), copy: true));
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<ProdigyOptions>();
        if (_stuck) return;
        if (o.DecoupledWeightDecay) parameter.mul_(1 - (_before * Rate(group, state) * group.WeightDecay));
        var root = state["exp_avg_sq"].sqrt().add_(Distance * o.Epsilon);
        parameter.addcdiv_(state["exp_avg"], root, -_before * Rate(group, state));
    }

    private protected override void BeginSurvey()
    {
        var o = (ProdigyOptions)Options;
        _before = Distance;
        _denominator = 0;
        Numerator *= o.Beta3 ?? Math.Sqrt(o.Beta2);
    }

    private protected override void Survey(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<ProdigyOptions>();
        if (!o.DecoupledWeightDecay) gradient = WeightDecay.Apply(group, parameter, gradient, decoupled: false);
        var beta1 = group.Momentum ?? o.Beta1;
        var step = _before * Rate(group, state);
        var relative = _before / o.InitialDistance;
        Numerator += relative * step * Dot(gradient, state["p0"] - parameter);
        state["exp_avg"].mul_(beta1).add_(gradient, alpha: _before * (1 - beta1));
        state["exp_avg_sq"].mul_(o.Beta2).addcmul_(gradient, gradient, _before * _before * (1 - o.Beta2));
        var s = state["s"].mul_(o.Beta3 ?? Math.Sqrt(o.Beta2)).add_(gradient, alpha: relative * (o.SafeguardWarmUp ? _before : step));
        _denominator += s.abs().sum().ToDouble();
    }

    private protected override void EndSurvey()
    {
        _stuck = _denominator == 0;
        if (_stuck) return;
        var o = (ProdigyOptions)Options;
        var bound = o.DistanceFactor * Numerator / _denominator;
        if (Distance == o.InitialDistance) Distance = Math.Max(Distance, bound);
        _largest = Math.Max(_largest, bound);
        Raise(_largest);
    }

    private protected override IEnumerable<(string Name, double Value)> OwnScalars() => [.. base.OwnScalars(), ("largest", _largest)];

    private protected override void LoadOwnScalars(IReadOnlyDictionary<string, double> scalars)
    {
        base.LoadOwnScalars(scalars);
        _largest = scalars.GetValueOrDefault("largest");
    }

    private static double Rate(ParameterGroup group, ParameterState state)
    {
        var o = group.OptionsAs<ProdigyOptions>();
        if (!o.BiasCorrection) return group.LearningRate;
        return group.LearningRate * Math.Sqrt(WeightDecay.Correction(o.Beta2, state.Step)) / WeightDecay.Correction(group.Momentum ?? o.Beta1, state.Step);
    }
}
