using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="NAdam"/>; the defaults are PyTorch's.</summary>
public sealed record NAdamOptions : OptimizerOptions
{
    /// <summary>Sets the published defaults.</summary>
    public NAdamOptions() => LearningRate = 2e-3;

    /// <summary>Decay of the first moment, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the root of the second moment, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>psi of the momentum schedule mu_t = beta1 (1 - 0.96^(t psi) / 2), at least 0.</summary>
    public double MomentumDecay { get; init; } = 4e-3;

    /// <summary>Decay the weights directly instead of through the gradient.</summary>
    public bool DecoupledWeightDecay { get; init; }

    internal override double? CycledMomentum => Beta1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
        => checks?.Within(Beta1, 0, 1, includeMax: false).Within(Beta2, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0).AtLeast(MomentumDecay, 0.0);
}

/// <summary>Adam with Nesterov momentum and a momentum schedule (Dozat 2016).</summary>
public sealed class NAdam : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public NAdam(Module module, NAdamOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public NAdam(IEnumerable<ParameterGroupSpec> groups, NAdamOptions? options = null)
        : base(groups, options ?? new NAdamOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.Fill("exp_avg", parameter);
        state.Fill("exp_avg_sq", parameter);
        state.SetScalar("mu_product", 1);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<NAdamOptions>();
        var beta1 = group.Momentum ?? o.Beta1;
        var (rate, t) = (group.LearningRate, state.Step);
        var mu = beta1 * (1 - (0.5 * Math.Pow(0.96, t * o.MomentumDecay)));
        var next = beta1 * (1 - (0.5 * Math.Pow(0.96, (t + 1) * o.MomentumDecay)));
        var product = state.Scalar("mu_product", 1) * mu;
        state.SetScalar("mu_product", product);
        if (group.WeightDecay != 0)
        {
            if (o.DecoupledWeightDecay) parameter.mul_(1 - (rate * group.WeightDecay));
            else gradient = gradient.add(parameter, alpha: group.WeightDecay);
        }
        var (m, v) = (state["exp_avg"], state["exp_avg_sq"]);
        m.lerp_(gradient, 1 - beta1);
        v.mul_(o.Beta2).addcmul_(gradient, gradient, 1 - o.Beta2);
        var denominator = v.div(1 - Math.Pow(o.Beta2, t)).sqrt_().add_(o.Epsilon);
        parameter.addcdiv_(gradient, denominator, -rate * (1 - mu) / (1 - product));
        parameter.addcdiv_(m, denominator, -rate * next / (1 - (product * next)));
    }
}
