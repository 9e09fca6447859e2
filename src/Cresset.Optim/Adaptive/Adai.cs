using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Adai"/>.</summary>
public sealed record AdaiOptions : MomentOptions
{
    /// <summary>Sets the published defaults.</summary>
    public AdaiOptions()
    {
        Beta1 = 0.1;
        Beta2 = 0.99;
        Epsilon = 1e-3;
        DecoupledWeightDecay = false;
    }

    /// <summary>Between heavy-ball momentum (0) and moving averages (1), in [0, 1].</summary>
    public double Dampening { get; init; } = 1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.Within(Dampening, 0, 1);
    }
}

/// <summary>Adai (Xie et al. 2022): momentum ("inertia") that adapts to each weight instead of a rate that does: weights with large gradients get less of it. The comparison runs over all parameters of the optimizer.</summary>
public sealed class Adai : MomentOptimizer
{
    private double _sum, _mean;
    private long _count;

    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Adai(Module module, AdaiOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Adai(IEnumerable<ParameterGroupSpec> groups, AdaiOptions? options = null)
        : base(groups, options ?? new AdaiOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        base.Initialize(group, state, parameter);
        state.Fill("beta1_prod", parameter, 1);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<AdaiOptions>();
        var v = state["exp_avg_sq"];
        if (!o.DecoupledWeightDecay) gradient = WeightDecay.Apply(group, parameter, gradient, decoupled: false);
        else WeightDecay.Apply(group, parameter, gradient, decoupled: true);
        var (m, product) = (state["exp_avg"], state["beta1_prod"]);
        var inertia = v.div(SecondCorrection(group, state) * _mean).pow_(1 / (3 - (2 * o.Dampening))).mul_(-o.Beta1).add_(1).clamp_(0, 1 - o.Epsilon);
        product.mul_(inertia);
        m.mul_(inertia).addcmul_((1 - inertia).pow_(o.Dampening), gradient, 1);
        var unbiased = m.div(1 - product).mul_(Math.Pow(o.Beta1, 1 - o.Dampening));
        parameter.add_(unbiased, alpha: -group.LearningRate);
    }

    private protected override bool Surveys => true;

    private protected override void BeginSurvey() => (_sum, _count) = (0, 0);

    private protected override void Survey(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<AdaiOptions>();
        if (!o.DecoupledWeightDecay) gradient = WeightDecay.Apply(group, parameter, gradient, decoupled: false);
        var v = state["exp_avg_sq"].mul_(o.Beta2).addcmul_(gradient, gradient, 1 - o.Beta2);
        _sum += v.sum().ToDouble() / SecondCorrection(group, state);
        _count += parameter.numel();
    }

    private protected override void EndSurvey() => _mean = _sum > 0 ? _sum / _count : 1;
}
