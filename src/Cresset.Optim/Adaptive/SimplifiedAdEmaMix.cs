using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="SimplifiedAdEmaMix"/>.</summary>
public sealed record SimplifiedAdEmaMixOptions : MomentOptions
{
    /// <summary>Sets the published defaults.</summary>
    public SimplifiedAdEmaMixOptions()
    {
        LearningRate = 1e-4;
        Beta1 = 0.99;
        Beta2 = 0.95;
    }

    /// <summary>alpha, the weight of the present gradient, at least 0.</summary>
    public double GradientWeight { get; init; }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.AtLeast(GradientWeight, 0.0);
    }
}

/// <summary>Simplified AdEMAMix (Morwani et al. 2025): one undamped momentum plus the gradient itself, close to AdEMAMix with one buffer less. The momentum is a sum, not a mean: use rates about 1 - Beta1 times Adam's.</summary>
public sealed class SimplifiedAdEmaMix : MomentOptimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public SimplifiedAdEmaMix(Module module, SimplifiedAdEmaMixOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public SimplifiedAdEmaMix(IEnumerable<ParameterGroupSpec> groups, SimplifiedAdEmaMixOptions? options = null)
        : base(groups, options ?? new SimplifiedAdEmaMixOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<SimplifiedAdEmaMixOptions>();
        gradient = WeightDecay.Apply(group, parameter, gradient, o.DecoupledWeightDecay);
        var (m, v) = (state["exp_avg"], state["exp_avg_sq"]);
        m.lerp_(gradient, 1 - (group.Momentum ?? o.Beta1));
        v.mul_(o.Beta2).addcmul_(gradient, gradient, 1 - o.Beta2);
        var correction = Math.Sqrt(SecondCorrection(group, state));
        var root = v.sqrt().add_(correction * o.Epsilon).mul_(correction);
        parameter.addcdiv_(m.add(gradient, alpha: o.GradientWeight), root, -group.LearningRate);
    }
}
