using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Adan"/>.</summary>
public sealed record AdanOptions : MomentOptions
{
    /// <summary>Sets the published defaults.</summary>
    public AdanOptions()
    {
        Beta1 = 0.98;
        Beta2 = 0.92;
    }

    /// <summary>Decay of the second moment, in [0, 1); <see cref="MomentOptions.Beta2"/> is that of the differences.</summary>
    public double Beta3 { get; init; } = 0.99;

    /// <summary>Divide by 1 + rate * decay after the step instead of shrinking before it.</summary>
    public bool Proximal { get; init; } = true;

    /// <summary>Only use the parts of the first moment that agree in sign with the gradient (Liang et al. 2024).</summary>
    public bool Cautious { get; init; }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.Within(Beta3, 0, 1, includeMax: false);
    }
}

/// <summary>Adan (Xie et al. 2022): Nesterov momentum through the difference of successive gradients, three moving averages. Decay is proximal (a division after the step) or, with <see cref="AdanOptions.Proximal"/> off, a shrinking before it.</summary>
public sealed class Adan : MomentOptimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Adan(Module module, AdanOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Adan(IEnumerable<ParameterGroupSpec> groups, AdanOptions? options = null)
        : base(groups, options ?? new AdanOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        base.Initialize(group, state, parameter);
        state.Fill("exp_avg_diff", parameter);
        state.Fill("previous_grad", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<AdanOptions>();
        var rate = group.LearningRate;
        var (m, v, d) = (state["exp_avg"], state["exp_avg_sq"], state["exp_avg_diff"]);
        var before = state["previous_grad"];
        var difference = state.Step == 1 ? zeros_like(gradient) : gradient - before;
        m.lerp_(gradient, 1 - (group.Momentum ?? o.Beta1));
        d.lerp_(difference, 1 - o.Beta2);
        var ahead = gradient.add(difference, alpha: o.Beta2);
        v.mul_(o.Beta3).addcmul_(ahead, ahead, 1 - o.Beta3);
        before.copy_(gradient);
        var root = v.sqrt().div_(Math.Sqrt(WeightDecay.Correction(o.Beta3, state.Step))).add_(o.Epsilon);
        if (o.Cautious)
        {
            m = m.clone();
            Caution.Apply(m, gradient);
        }
        var decay = rate * group.WeightDecay;
        if (decay != 0 && !o.Proximal) parameter.mul_(1 - decay);
        parameter.addcdiv_(m, root, -rate / FirstCorrection(group, state));
        parameter.addcdiv_(d, root, -rate * o.Beta2 / SecondCorrection(group, state));
        if (decay != 0 && o.Proximal) parameter.div_(1 + decay);
    }
}
