using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="DAdaptSgd"/>.</summary>
public sealed record DAdaptSgdOptions : DistanceOptions
{
    /// <summary>Sets the published defaults.</summary>
    public DAdaptSgdOptions() => LearningRate = 1;

    /// <summary>Weight of the old point, in [0, 1).</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Shrink the weights directly (true) or decay through the gradient (false, an L2 term).</summary>
    public bool DecoupledWeightDecay { get; init; }

    internal override double? CycledMomentum => Momentum;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.Within(Momentum, 0, 1, includeMax: false);
    }
}

/// <summary>D-Adaptation for SGD (Defazio and Mishchenko 2023): SGD with momentum that finds its own rate; leave LearningRate at 1.</summary>
public sealed class DAdaptSgd : DistanceOptimizer
{
    private double _firstNorm, _square, _step;

    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public DAdaptSgd(Module module, DAdaptSgdOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public DAdaptSgd(IEnumerable<ParameterGroupSpec> groups, DAdaptSgdOptions? options = null)
        : base(groups, options ?? new DAdaptSgdOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(parameter);
        state.Fill("s", parameter);
        state.Put("x0", parameter.detach().to(ParameterState.TypeFor(parameter), copy: true));
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<DAdaptSgdOptions>();
        if (_firstNorm == 0) return;
        if (o.DecoupledWeightDecay) parameter.mul_(1 - (_step * group.LearningRate * group.WeightDecay));
        parameter.lerp_(state["x0"] - state["s"], 1 - (group.Momentum ?? o.Momentum));
    }

    private protected override void BeginStep(IReadOnlyList<ActiveParameter> active, double gradientScale)
    {
        if (_firstNorm == 0) _firstNorm = GradientNorm.Of([.. active.Select(a => a.Gradient)], 2, Threads) * Math.Abs(gradientScale);
    }

    private protected override void BeginSurvey()
    {
        _square = 0;
        _step = _firstNorm == 0 ? 0 : Distance / _firstNorm;
    }

    private protected override void Survey(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        if (!group.OptionsAs<DAdaptSgdOptions>().DecoupledWeightDecay) gradient = WeightDecay.Apply(group, parameter, gradient, decoupled: false);
        var s = state["s"];
        var step = _step * group.LearningRate;
        Numerator += step * Dot(gradient, s);
        s.add_(gradient, alpha: step);
        _square += s.square().sum().ToDouble();
    }

    private protected override void EndSurvey()
    {
        if (_square > 0) Raise(2 * Numerator / Math.Sqrt(_square));
    }

    private protected override IEnumerable<(string Name, double Value)> OwnScalars() => [.. base.OwnScalars(), ("first_norm", _firstNorm)];

    private protected override void LoadOwnScalars(IReadOnlyDictionary<string, double> scalars)
    {
        base.LoadOwnScalars(scalars);
        _firstNorm = scalars.GetValueOrDefault("first_norm");
    }
}
