using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="GrokFastAdamW"/>.</summary>
public sealed record GrokFastAdamWOptions : MomentOptions
{
    /// <summary>Sets the published defaults.</summary>
    public GrokFastAdamWOptions()
    {
        LearningRate = 1e-4;
        Beta2 = 0.99;
    }

    /// <summary>Decay of the average that counts as the slow part, in [0, 1).</summary>
    public double FilterDecay { get; init; } = 0.98;

    /// <summary>Factor of the slow part added to the gradient, at least 0.</summary>
    public double Amplification { get; init; } = 2;

    /// <summary>Amplify only after so many steps.</summary>
    public long AfterStep { get; init; }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.Within(FilterDecay, 0, 1, includeMax: false).AtLeast(Amplification, 0.0).AtLeast(AfterStep, 0L);
    }
}

/// <summary>AdamW on gradients whose slow part is amplified (Grokfast, Lee et al. 2024), which shortens the plateau before a network generalises. The rate is divided by 1 + Amplification to keep the step size.</summary>
public sealed class GrokFastAdamW : MomentOptimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public GrokFastAdamW(Module module, GrokFastAdamWOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public GrokFastAdamW(IEnumerable<ParameterGroupSpec> groups, GrokFastAdamWOptions? options = null)
        : base(groups, options ?? new GrokFastAdamWOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        base.Initialize(group, state, parameter);
        state.Fill("grok_exp_avg", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<GrokFastAdamWOptions>();
        var rate = group.LearningRate / (1 + o.Amplification);
        if (group.WeightDecay != 0)
        {
            if (o.DecoupledWeightDecay) parameter.mul_(1 - (rate * group.WeightDecay));
            else gradient = gradient.add(parameter, alpha: group.WeightDecay);
        }
        var slow = state["grok_exp_avg"];
        if (state.Step == 1) slow.copy_(gradient);
        if (state.Step > o.AfterStep)
        {
            slow.lerp_(gradient, 1 - o.FilterDecay);
            gradient = gradient.add(slow, alpha: o.Amplification);
        }
        var (m, v) = Track(group, state, gradient);
        var root = v.sqrt().div_(Math.Sqrt(SecondCorrection(group, state))).clamp_(min: o.Epsilon);
        parameter.addcdiv_(m, root, -rate / FirstCorrection(group, state));
    }
}
