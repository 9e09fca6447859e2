using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="NovoGrad"/>.</summary>
public sealed record NovoGradOptions : OptimizerOptions
{
    /// <summary>Sets the published defaults.</summary>
    public NovoGradOptions() => LearningRate = 1e-3;

    /// <summary>Decay of the momentum, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.95;

    /// <summary>Decay of the squared norm, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.98;

    /// <summary>Added to the norm, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Weigh the gradient by 1 - Beta1 in the momentum; otherwise by 1.</summary>
    public bool GradientAveraging { get; init; }

    /// <summary>Divide by the largest norm so far.</summary>
    public bool AmsGrad { get; init; }

    internal override double? CycledMomentum => Beta1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        checks?.Within(Beta1, 0, 1, includeMax: false).Within(Beta2, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0);
    }
}

/// <summary>NovoGrad (Ginsburg et al. 2019): the second moment is one number for each tensor, so gradients are normalised layer by layer; one state tensor. Decay is added to the normalised gradient.</summary>
public sealed class NovoGrad : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public NovoGrad(Module module, NovoGradOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public NovoGrad(IEnumerable<ParameterGroupSpec> groups, NovoGradOptions? options = null)
        : base(groups, options ?? new NovoGradOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.Fill("exp_avg", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<NovoGradOptions>();
        var beta1 = group.Momentum ?? o.Beta1;
        var square = gradient.square().sum().ToDouble();
        var mean = state.Scalar("exp_avg_sq") is var old && old == 0 ? square : (o.Beta2 * old) + ((1 - o.Beta2) * square);
        state.SetScalar("exp_avg_sq", mean);
        if (o.AmsGrad)
        {
            mean = Math.Max(mean, state.Scalar("max_exp_avg_sq"));
            state.SetScalar("max_exp_avg_sq", mean);
        }
        var scaled = gradient.div(Math.Sqrt(mean) + o.Epsilon);
        if (group.WeightDecay != 0) scaled.add_(parameter, alpha: group.WeightDecay);
        var m = state["exp_avg"].mul_(beta1).add_(scaled, alpha: o.GradientAveraging ? 1 - beta1 : 1);
        parameter.add_(m, alpha: -group.LearningRate);
    }
}
