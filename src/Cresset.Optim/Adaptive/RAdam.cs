using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="RAdam"/>; the defaults are PyTorch's.</summary>
public sealed record RAdamOptions : OptimizerOptions
{
    /// <summary>Sets the published defaults.</summary>
    public RAdamOptions() => LearningRate = 1e-3;

    /// <summary>Decay of the first moment, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the root of the second moment, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Decay the weights directly instead of through the gradient.</summary>
    public bool DecoupledWeightDecay { get; init; }

    internal override double? CycledMomentum => Beta1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
        => checks?.Within(Beta1, 0, 1, includeMax: false).Within(Beta2, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0);
}

/// <summary>Rectified Adam (Liu et al. 2020): plain momentum until the variance of the adaptive rate can be estimated (rho_t above 5), then rectified Adam.</summary>
public sealed class RAdam : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public RAdam(Module module, RAdamOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public RAdam(IEnumerable<ParameterGroupSpec> groups, RAdamOptions? options = null)
        : base(groups, options ?? new RAdamOptions())
    {
    }

    /// <summary>The rectification at step <paramref name="step"/>; null while the variance is not tractable.</summary>
    internal static double? Rectification(double beta2, long step, double threshold)
    {
        var power = Math.Pow(beta2, step);
        var limit = (2 / (1 - beta2)) - 1;
        var rho = limit - (2 * step * power / (1 - power));
        return rho > threshold
            ? Math.Sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho))
            : null;
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
        var o = group.OptionsAs<RAdamOptions>();
        var beta1 = group.Momentum ?? o.Beta1;
        var (rate, t) = (group.LearningRate, state.Step);
        if (group.WeightDecay != 0)
        {
            if (o.DecoupledWeightDecay) parameter.mul_(1 - (rate * group.WeightDecay));
            else gradient = gradient.add(parameter, alpha: group.WeightDecay);
        }
        var (m, v) = (state["exp_avg"], state["exp_avg_sq"]);
        m.lerp_(gradient, 1 - beta1);
        v.mul_(o.Beta2).addcmul_(gradient, gradient, 1 - o.Beta2);
        var size = rate / (1 - Math.Pow(beta1, t));
        if (Rectification(o.Beta2, t, 5) is { } rectification)
            parameter.addcdiv_(m, v.sqrt().add_(o.Epsilon), -size * rectification * Math.Sqrt(1 - Math.Pow(o.Beta2, t)));
        else
            parameter.add_(m, alpha: -size);
    }
}
