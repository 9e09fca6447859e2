using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Yogi"/>.</summary>
public sealed record YogiOptions : MomentOptions
{
    /// <summary>Sets the published defaults.</summary>
    public YogiOptions()
    {
        LearningRate = 1e-2;
        Epsilon = 1e-3;
    }

    /// <summary>Start of both moments, at least 0.</summary>
    public double InitialAccumulator { get; init; } = 1e-6;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.AtLeast(InitialAccumulator, 0.0);
    }
}

/// <summary>Yogi (Zaheer et al. 2018): Adam whose second moment moves by the size of the squared gradient in the direction of the difference, so it cannot collapse quickly.</summary>
public sealed class Yogi : MomentOptimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Yogi(Module module, YogiOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Yogi(IEnumerable<ParameterGroupSpec> groups, YogiOptions? options = null)
        : base(groups, options ?? new YogiOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(state);
        var start = group.OptionsAs<YogiOptions>().InitialAccumulator;
        state.Fill("exp_avg", parameter, start);
        state.Fill("exp_avg_sq", parameter, start);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<YogiOptions>();
        gradient = WeightDecay.Apply(group, parameter, gradient, o.DecoupledWeightDecay);
        var (m, v) = (state["exp_avg"], state["exp_avg_sq"]);
        m.lerp_(gradient, 1 - (group.Momentum ?? o.Beta1));
        var square = gradient.square();
        v.addcmul_((v - square).sign_(), square, -(1 - o.Beta2));
        var root = v.sqrt().div_(Math.Sqrt(SecondCorrection(group, state))).add_(o.Epsilon);
        parameter.addcdiv_(m, root, -group.LearningRate / FirstCorrection(group, state));
    }
}
