using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="LaProp"/>.</summary>
public sealed record LaPropOptions : MomentOptions
{
    /// <summary>Sets the published defaults.</summary>
    public LaPropOptions() => Epsilon = 1e-15;

    /// <summary>Only move weights whose update agrees in sign with the gradient (Liang et al. 2024).</summary>
    public bool Cautious { get; init; }
}

/// <summary>LaProp (Ziyin et al. 2020): scales the gradient first and takes the momentum of the result, so the two betas no longer constrain each other. Decay is decoupled, after the step.</summary>
public sealed class LaProp : MomentOptimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public LaProp(Module module, LaPropOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public LaProp(IEnumerable<ParameterGroupSpec> groups, LaPropOptions? options = null)
        : base(groups, options ?? new LaPropOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<LaPropOptions>();
        var (m, v) = (state["exp_avg"], state["exp_avg_sq"]);
        var (beta1, rate) = (group.Momentum ?? o.Beta1, group.LearningRate);
        if (!o.DecoupledWeightDecay) gradient = WeightDecay.Apply(group, parameter, gradient, decoupled: false);
        v.mul_(o.Beta2).addcmul_(gradient, gradient, 1 - o.Beta2);
        // The rate is inside the momentum: its own average corrects the start at zero also under a schedule.
        var mean = (state.Scalar("exp_avg_lr") * beta1) + ((1 - beta1) * rate);
        state.SetScalar("exp_avg_lr", mean);
        var root = v.div(SecondCorrection(group, state)).sqrt_().add_(o.Epsilon);
        m.mul_(beta1).addcdiv_(gradient, root, (1 - beta1) * rate);
        var update = m;
        if (o.Cautious)
        {
            update = m.clone();
            Caution.Apply(update, gradient);
        }
        parameter.add_(update, alpha: rate != 0 ? -rate / mean : -1);
        if (o.DecoupledWeightDecay) WeightDecay.Apply(group, parameter, gradient, decoupled: true);
    }
}
