using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="Adafactor"/>; the defaults are PyTorch's (Shazeer and Stern's with a rate).</summary>
public sealed record AdafactorOptions : OptimizerOptions
{
    /// <summary>Sets PyTorch's defaults.</summary>
    public AdafactorOptions() => LearningRate = 1e-2;

    /// <summary>beta2 at step t is 1 - t^this; negative.</summary>
    public double Beta2Decay { get; init; } = -0.8;

    /// <summary>Floor of the variance (its square root); null for the machine epsilon of the dtype.</summary>
    public double? Epsilon1 { get; init; }

    /// <summary>Floor of the weights' root mean square that scales the step, at least 0.</summary>
    public double Epsilon2 { get; init; } = 1e-3;

    /// <summary>Largest root mean square of an update, at least 1.</summary>
    public double ClippingThreshold { get; init; } = 1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?
        .Must(Beta2Decay <= 0, Beta2Decay, "0 or negative (usual: -0.8)", field: nameof(Beta2Decay))
        .Must(Epsilon1 is not < 0, Epsilon1, "null or at least 0", field: nameof(Epsilon1))
        .AtLeast(Epsilon2, 0.0)
        .AtLeast(ClippingThreshold, 1.0);
}

/// <summary>Adafactor (Shazeer and Stern 2018): the second moment of a matrix is kept as a row and a column, rows + columns numbers instead of rows * columns.</summary>
public sealed class Adafactor : Optimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public Adafactor(Module module, AdafactorOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public Adafactor(IEnumerable<ParameterGroupSpec> groups, AdafactorOptions? options = null)
        : base(groups, options ?? new AdafactorOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(parameter);
        if (parameter.dim() <= 1)
        {
            state.Fill("variance", parameter);
            return;
        }
        var rows = parameter.shape;
        var columns = parameter.shape;
        rows[^1] = 1;
        columns[^2] = 1;
        var type = ParameterState.TypeFor(parameter);
        state.Put("row_var", zeros(rows, dtype: type, device: parameter.device));
        state.Put("col_var", zeros(columns, dtype: type, device: parameter.device));
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<AdafactorOptions>();
        var (rate, t) = (group.LearningRate, (double)state.Step);
        var epsilon1 = o.Epsilon1 ?? (parameter.dtype == ScalarType.Float64 ? 2.220446049250313e-16 : 1.1920928955078125e-07);
        var fresh = Math.Pow(t, o.Beta2Decay);
        var alpha = Math.Max(o.Epsilon2, parameter.norm().ToDouble() / Math.Sqrt(parameter.numel())) * Math.Min(rate, 1 / Math.Sqrt(t));
        if (group.WeightDecay != 0) parameter.mul_(1 - (rate * group.WeightDecay));
        Tensor variance;
        if (gradient.dim() > 1)
        {
            var (rows, columns) = (state["row_var"], state["col_var"]);
            rows.lerp_(gradient.square().mean([-1], keepdim: true), fresh);
            columns.lerp_(gradient.square().mean([-2], keepdim: true), fresh);
            variance = rows.matmul(columns).div_(rows.mean([-2], keepdim: true).clamp_(min: epsilon1));
        }
        else
        {
            variance = state["variance"].lerp_(gradient.square(), fresh).clone();
        }
        var update = variance.clamp_(min: epsilon1 * epsilon1).rsqrt_().mul_(gradient);
        var excess = Math.Max(1, update.norm().ToDouble() / (Math.Sqrt(update.numel()) * o.ClippingThreshold));
        parameter.add_(update, alpha: -alpha / excess);
    }
}
