using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="AdafactorT5"/>.</summary>
public sealed record AdafactorT5Options : OptimizerOptions
{
    /// <summary>Sets the published defaults.</summary>
    public AdafactorT5Options() => LearningRate = 1e-3;

    /// <summary>Take the rate from the step: min(0.01, 1 / sqrt(t)); LearningRate is then ignored.</summary>
    public bool RelativeStep { get; init; }

    /// <summary>With relative steps: min(1e-6 t, 1 / sqrt(t)).</summary>
    public bool WarmUp { get; init; }

    /// <summary>With relative steps: multiply the rate by the root mean square of the weights.</summary>
    public bool ScaleParameter { get; init; } = true;

    /// <summary>beta2 at step t is 1 - t^this; negative.</summary>
    public double DecayRate { get; init; } = -0.8;

    /// <summary>Decay of a momentum of the updates, in [0, 1); null keeps none.</summary>
    public double? Beta1 { get; init; }

    /// <summary>Added to squared gradients, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-30;

    /// <summary>Smallest size of the weights that scales the rate, at least 0.</summary>
    public double ScaleFloor { get; init; } = 1e-3;

    /// <summary>Largest root mean square of an update, greater than 0.</summary>
    public double ClippingThreshold { get; init; } = 1;

    /// <summary>Matrices are factored when both dimensions are longer.</summary>
    public int MinimumFactoredSize { get; init; } = 16;

    internal override double? CycledMomentum => Beta1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        checks?.Must(DecayRate < 0, DecayRate, "negative (usual: -0.8)", field: nameof(DecayRate)).Must(Beta1 is null or (>= 0 and < 1), Beta1, "null or in [0, 1)", field: nameof(Beta1)).AtLeast(Epsilon, 0.0).AtLeast(ScaleFloor, 0.0).Positive(ClippingThreshold).AtLeast(MinimumFactoredSize, 0);
    }
}

/// <summary>Adafactor with the options of the T5 recipes (Shazeer and Stern 2018 as fairseq and Hugging Face have it): relative steps, scaling by the size of the weights, warm-up, optional momentum. <see cref="Adafactor"/> is PyTorch's form.</summary>
public sealed class AdafactorT5 : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public AdafactorT5(Module module, AdafactorT5Options? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public AdafactorT5(IEnumerable<ParameterGroupSpec> groups, AdafactorT5Options? options = null)
        : base(groups, options ?? new AdafactorT5Options())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(state);
        var o = group.OptionsAs<AdafactorT5Options>();
        if (o.Beta1 is not null) state.Fill("exp_avg", parameter);
        if (IsFactored(parameter, o)) FactoredMoment.Initialize(state, "exp_avg_sq", parameter);
        else state.Fill("exp_avg_sq", parameter);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<AdafactorT5Options>();
        var t = (double)state.Step;
        var rate = group.LearningRate;
        if (o.RelativeStep)
        {
            rate = Math.Min(o.WarmUp ? 1e-6 * t : 0.01, 1 / Math.Sqrt(t));
            if (o.ScaleParameter) rate *= Math.Max(o.ScaleFloor, Size(parameter));
        }
        var beta2 = 1 - Math.Pow(t, o.DecayRate);
        var square = gradient.square().add_(o.Epsilon);
        Tensor update;
        if (IsFactored(parameter, o))
        {
            FactoredMoment.Track(state, "exp_avg_sq", square, beta2);
            update = FactoredMoment.InverseRoot(state, "exp_avg_sq").mul_(gradient);
        }
        else
        {
            update = state["exp_avg_sq"].lerp_(square, 1 - beta2).rsqrt().mul_(gradient);
        }
        update.mul_(rate / Math.Max(1, Size(update) / o.ClippingThreshold));
        if (o.Beta1 is { } beta1) update = state["exp_avg"].lerp_(update, 1 - (group.Momentum ?? beta1));
        if (group.WeightDecay != 0) parameter.mul_(1 - (group.WeightDecay * rate));
        parameter.sub_(update);
    }

    private static double Size(Tensor x) => x.norm().ToDouble() / Math.Sqrt(x.numel());

    private static bool IsFactored(Tensor parameter, AdafactorT5Options o)
        => parameter.dim() >= 2 && parameter.size(-1) > o.MinimumFactoredSize && parameter.size(-2) > o.MinimumFactoredSize;
}
