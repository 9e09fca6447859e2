using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="AdafactorBigVision"/>.</summary>
public sealed record AdafactorBigVisionOptions : OptimizerOptions
{
    /// <summary>Sets the published defaults.</summary>
    public AdafactorBigVisionOptions() => LearningRate = 1e-3;

    /// <summary>Shorter dimensions are not factored.</summary>
    public int MinimumFactoredSize { get; init; } = 32;

    /// <summary>beta2 at step t is 1 - t^-this, greater than 0.</summary>
    public double DecayRate { get; init; } = 0.8;

    /// <summary>Largest beta2, in [0, 1).</summary>
    public double Beta2Cap { get; init; } = 0.999;

    /// <summary>Decay of the momentum of the update, in [0, 1); 0 keeps none.</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Added to squared gradients, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-30;

    /// <summary>Largest root mean square of an update; null for no limit.</summary>
    public double? ClippingThreshold { get; init; }

    /// <summary>Only move weights whose update agrees in sign with the gradient (Liang et al. 2024).</summary>
    public bool Cautious { get; init; }

    /// <summary>Decay by WeightDecay itself instead of rate * WeightDecay.</summary>
    public bool UnscaledDecay { get; init; }

    internal override double? CycledMomentum => Momentum;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        checks?.AtLeast(MinimumFactoredSize, 1).Positive(DecayRate).Within(Beta2Cap, 0, 1, includeMax: false).Within(Momentum, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0).Must(ClippingThreshold is null or > 0, ClippingThreshold, "null or greater than 0", field: nameof(ClippingThreshold));
    }
}

/// <summary>Adafactor of the Big Vision recipes (Zhai et al. 2022): a capped beta2, an optional momentum of the scaled update, no scaling by the size of the weights; only the two largest dimensions of a tensor are factored, and only if both are long. Decoupled decay.</summary>
public sealed class AdafactorBigVision : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public AdafactorBigVision(Module module, AdafactorBigVisionOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public AdafactorBigVision(IEnumerable<ParameterGroupSpec> groups, AdafactorBigVisionOptions? options = null)
        : base(groups, options ?? new AdafactorBigVisionOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(parameter);
        var o = group.OptionsAs<AdafactorBigVisionOptions>();
        if (o.Momentum > 0) state.Fill("exp_avg", parameter);
        if (Factored(parameter, o) is not { } dimensions)
        {
            state.Fill("exp_avg_sq", parameter);
            return;
        }
        var (rows, columns) = (parameter.shape, parameter.shape);
        rows[dimensions.Longest] = 1;
        columns[dimensions.Second] = 1;
        var type = ParameterState.TypeFor(parameter);
        state.Put("exp_avg_sq_r", zeros(rows, dtype: type, device: parameter.device));
        state.Put("exp_avg_sq_c", zeros(columns, dtype: type, device: parameter.device));
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<AdafactorBigVisionOptions>();
        var fresh = 1 - Math.Min(o.Beta2Cap, 1 - Math.Pow(state.Step, -o.DecayRate));
        var square = gradient.square().add_(o.Epsilon);
        Tensor update;
        if (Factored(parameter, o) is { } dimensions)
        {
            var rows = state["exp_avg_sq_r"].lerp_(square.mean([dimensions.Longest], keepdim: true), fresh);
            var columns = state["exp_avg_sq_c"].lerp_(square.mean([dimensions.Second], keepdim: true), fresh);
            update = (rows / rows.mean([dimensions.Second], keepdim: true)).rsqrt_() * columns.rsqrt() * gradient;
        }
        else
        {
            update = state["exp_avg_sq"].lerp_(square, fresh).rsqrt().mul_(gradient);
        }
        if (o.ClippingThreshold is { } limit) update.div_(Math.Max(1, update.norm().ToDouble() / Math.Sqrt(update.numel()) / limit));
        if (o.Momentum > 0)
        {
            update = state["exp_avg"].lerp_(update, 1 - (group.Momentum ?? o.Momentum)).clone();
            if (o.Cautious) Caution.Apply(update, gradient);
        }
        WeightDecay.Apply(group, parameter, gradient, decoupled: true, o.UnscaledDecay && group.LearningRate > 0 ? 1 / group.LearningRate : 1);
        parameter.add_(update, alpha: -group.LearningRate);
    }

    /// <summary>The two longest dimensions, if both are long enough.</summary>
    private static (int Second, int Longest)? Factored(Tensor parameter, AdafactorBigVisionOptions o)
    {
        if (parameter.dim() < 2) return null;
        var order = parameter.shape.Select((length, dimension) => (length, dimension)).Order().ToArray();
        return order[^2].length < o.MinimumFactoredSize ? null : (order[^2].dimension, order[^1].dimension);
    }
}
