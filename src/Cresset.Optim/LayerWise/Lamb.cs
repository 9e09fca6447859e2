using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Lamb"/>; the defaults are timm's.</summary>
public sealed record LambOptions : OptimizerOptions
{
    /// <summary>Sets the usual defaults.</summary>
    public LambOptions()
    {
        LearningRate = 1e-3;
        WeightDecay = 0.01;
    }

    /// <summary>Decay of the first moment, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the root of the second moment, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-6;

    /// <summary>Correct both moments for their start at zero.</summary>
    public bool BiasCorrection { get; init; } = true;

    /// <summary>Weigh the gradient by 1 - beta1 in the first moment; otherwise by 1.</summary>
    public bool GradientAveraging { get; init; } = true;

    /// <summary>All gradients together are clipped to this norm first; infinity for not at all.</summary>
    public double MaxGradientNorm { get; init; } = 1;

    /// <summary>The trust ratio is at most 1 (LAMBC, Fong et al. 2020).</summary>
    public bool ClipTrust { get; init; }

    /// <summary>Adapt groups without weight decay too.</summary>
    public bool AlwaysAdapt { get; init; }

    /// <summary>Decay the weights directly instead of within the adapted update.</summary>
    public bool DecoupledWeightDecay { get; init; }

    internal override double? CycledMomentum => Beta1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?
        .Within(Beta1, 0, 1, includeMax: false).Within(Beta2, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0)
        .Must(MaxGradientNorm > 0, MaxGradientNorm, "greater than 0", field: nameof(MaxGradientNorm));
}

/// <summary>LAMB (You et al. 2020): Adam's update of each tensor is scaled to the tensor's own norm, so very large batches train.</summary>
public sealed class Lamb : Optimizer
{
    private double _gradientDivisor = 1;

    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Lamb(Module module, LambOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Lamb(IEnumerable<ParameterGroupSpec> groups, LambOptions? options = null)
        : base(groups, options ?? new LambOptions())
    {
    }

    private protected override void BeginStep(IReadOnlyList<ActiveParameter> active, double gradientScale)
    {
        var max = ((LambOptions)Options).MaxGradientNorm;
        var norm = double.IsInfinity(max) ? 0 : GradientNorm.Of([.. active.Select(a => a.Gradient)], 2, Threads) * Math.Abs(gradientScale);
        _gradientDivisor = Math.Max(1, norm / max);
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.Fill("exp_avg", parameter);
        state.Fill("exp_avg_sq", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<LambOptions>();
        var beta1 = group.Momentum ?? o.Beta1;
        if (_gradientDivisor != 1) gradient = gradient.div(_gradientDivisor);
        var (m, v) = (state["exp_avg"], state["exp_avg_sq"]);
        m.mul_(beta1).add_(gradient, alpha: o.GradientAveraging ? 1 - beta1 : 1);
        v.mul_(o.Beta2).addcmul_(gradient, gradient, 1 - o.Beta2);
        var correction1 = o.BiasCorrection ? 1 - Math.Pow(beta1, state.Step) : 1;
        var correction2 = o.BiasCorrection ? 1 - Math.Pow(o.Beta2, state.Step) : 1;
        var update = m.div(correction1).div_(v.sqrt().div_(Math.Sqrt(correction2)).add_(o.Epsilon));
        if (group.WeightDecay != 0)
        {
            if (o.DecoupledWeightDecay) parameter.mul_(1 - (group.LearningRate * group.WeightDecay));
            else update.add_(parameter, alpha: group.WeightDecay);
        }
        if (group.WeightDecay != 0 || o.AlwaysAdapt)
        {
            var (weights, size) = (parameter.norm().ToDouble(), update.norm().ToDouble());
            var trust = weights > 0 && size > 0 ? weights / size : 1;
            update.mul_(o.ClipTrust ? Math.Min(trust, 1) : trust);
        }
        parameter.add_(update, alpha: -group.LearningRate);
    }
}
