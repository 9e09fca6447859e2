using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Swats"/>.</summary>
public sealed record SwatsOptions : MomentOptions
{
    /// <summary>Sets the published defaults.</summary>
    public SwatsOptions()
    {
        Epsilon = 1e-6;
        DecoupledWeightDecay = false;
    }

    /// <summary>Look ahead along the momentum after the switch.</summary>
    public bool Nesterov { get; init; }
}

/// <summary>SWATS (Keskar and Socher 2017): Adam that switches to SGD with momentum when its step, seen as a multiple of the gradient, settles; the settled multiple becomes the rate.</summary>
public sealed class Swats : MomentOptimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Swats(Module module, SwatsOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Swats(IEnumerable<ParameterGroupSpec> groups, SwatsOptions? options = null)
        : base(groups, options ?? new SwatsOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        base.Initialize(group, state, parameter);
        state.Fill("momentum_buffer", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<SwatsOptions>();
        gradient = WeightDecay.Apply(group, parameter, gradient, o.DecoupledWeightDecay);
        var beta1 = group.Momentum ?? o.Beta1;
        if (state.Scalar("sgd_rate") is var sgd && sgd > 0)
        {
            var buffer = state["momentum_buffer"].mul_(beta1).add_(gradient);
            parameter.add_(o.Nesterov ? gradient.add(buffer, alpha: beta1) : buffer, alpha: -(1 - beta1) * sgd * RateFactor(group));
            return;
        }
        var (m, v) = Track(group, state, gradient);
        var size = group.LearningRate * Math.Sqrt(SecondCorrection(group, state)) / FirstCorrection(group, state);
        var step = m.div(v.sqrt().add_(o.Epsilon)).mul_(-size);
        parameter.add_(step);
        var along = step.mul(gradient).sum().ToDouble();
        if (along == 0) return;
        var ratio = step.square().sum().ToDouble() / -along;
        var mean = (o.Beta2 * state.Scalar("ratio")) + ((1 - o.Beta2) * ratio);
        state.SetScalar("ratio", mean);
        var corrected = mean / SecondCorrection(group, state);
        if (state.Step > 1 && corrected > 0 && Math.Abs(corrected - ratio) <= o.Epsilon * Math.Abs(ratio)) state.SetScalar("sgd_rate", corrected);
    }

    /// <summary>A schedule goes on after the switch: the found rate follows it.</summary>
    private static double RateFactor(ParameterGroup group) => group.InitialLearningRate > 0 ? group.LearningRate / group.InitialLearningRate : 1;
}
