using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="DAdaptAdagrad"/>.</summary>
public sealed record DAdaptAdagradOptions : DistanceOptions
{
    /// <summary>Sets the published defaults.</summary>
    public DAdaptAdagradOptions() => LearningRate = 1;

    /// <summary>Weight of the old point, in [0, 1).</summary>
    public double Momentum { get; init; }

    /// <summary>Added to the roots, at least 0.</summary>
    public double Epsilon { get; init; }

    /// <summary>Shrink the weights directly (true) or decay through the gradient (false, an L2 term).</summary>
    public bool DecoupledWeightDecay { get; init; }

    internal override double? CycledMomentum => Momentum;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.Within(Momentum, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0);
    }
}

/// <summary>D-Adaptation for Adagrad (Defazio and Mishchenko 2023): dual averaging with Adagrad's scaling that finds its own rate; leave LearningRate at 1.</summary>
public sealed class DAdaptAdagrad : DistanceOptimizer
{
    private double _before, _norm, _weightedGradients, _weightedSum;

    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public DAdaptAdagrad(Module module, DAdaptAdagradOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public DAdaptAdagrad(IEnumerable<ParameterGroupSpec> groups, DAdaptAdagradOptions? options = null)
        : base(groups, options ?? new DAdaptAdagradOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(parameter);
        state.Fill("alpha_k", parameter, 1e-6);
        state.Fill("sk", parameter);
        state.Put("x0", parameter.detach().to(ParameterState.TypeFor(parameter), copy: true));
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<DAdaptAdagradOptions>();
        if (_norm == 0) return;
        var point = state["x0"].addcdiv(state["sk"], state["alpha_k"].sqrt().add_(o.Epsilon), -1);
        if (o.DecoupledWeightDecay) parameter.mul_(1 - (_before * group.LearningRate * group.WeightDecay));
        parameter.lerp_(point, 1 - (group.Momentum ?? o.Momentum));
    }

    private protected override void BeginSurvey() => (_before, _norm, _weightedSum) = (Distance, 0, 0);

    private protected override void Survey(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<DAdaptAdagradOptions>();
        if (!o.DecoupledWeightDecay) gradient = WeightDecay.Apply(group, parameter, gradient, decoupled: false);
        var step = _before * group.LearningRate;
        var square = gradient.square();
        var root = state["alpha_k"].add_(square).sqrt().add_(o.Epsilon);
        _weightedGradients += step * step * (square / root).sum().ToDouble();
        var sum = state["sk"].add_(gradient, alpha: step);
        _weightedSum += (sum.square() / root).sum().ToDouble();
        _norm += sum.abs().sum().ToDouble();
    }

    private protected override void EndSurvey()
    {
        if (_norm > 0) Raise((_weightedSum - _weightedGradients) / _norm);
    }

    private protected override IEnumerable<(string Name, double Value)> OwnScalars() => [.. base.OwnScalars(), ("weighted_gradients", _weightedGradients)];

    private protected override void LoadOwnScalars(IReadOnlyDictionary<string, double> scalars)
    {
        base.LoadOwnScalars(scalars);
        _weightedGradients = scalars.GetValueOrDefault("weighted_gradients");
    }
}
