using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="StableAdamW"/>.</summary>
public sealed record StableAdamWOptions : MomentOptions
{
    /// <summary>Sets the published defaults.</summary>
    public StableAdamWOptions() => Beta2 = 0.99;
}

/// <summary>StableAdamW (Wortsman et al. 2023): AdamW with the rate of each tensor divided by the root mean square of its scaled gradient where that exceeds 1, as Adafactor clips; loss spikes disappear.</summary>
public sealed class StableAdamW : MomentOptimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public StableAdamW(Module module, StableAdamWOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public StableAdamW(IEnumerable<ParameterGroupSpec> groups, StableAdamWOptions? options = null)
        : base(groups, options ?? new StableAdamWOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<StableAdamWOptions>();
        var (m, v) = (state["exp_avg"], state["exp_avg_sq"]);
        var beta1 = Debiased(group.Momentum ?? o.Beta1, state.Step);
        var beta2 = Debiased(o.Beta2, state.Step);
        m.lerp_(gradient, 1 - beta1);
        v.mul_(beta2).addcmul_(gradient, gradient, 1 - beta2);
        var spread = Math.Sqrt(gradient.square().div_(v.clamp(min: o.Epsilon * o.Epsilon)).mean().ToDouble());
        var ratio = 1 / Math.Max(1, spread);
        WeightDecay.Apply(group, parameter, gradient, decoupled: true, ratio);
        parameter.addcdiv_(m, v.sqrt().add_(o.Epsilon), -group.LearningRate * ratio);
    }

    /// <summary>The beta that makes an average from zero unbiased at every step.</summary>
    private static double Debiased(double beta, long step)
    {
        var power = Math.Pow(beta, step);
        return (power - beta) / (power - 1);
    }
}
