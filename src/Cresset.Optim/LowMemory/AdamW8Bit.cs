using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="AdamW8Bit"/>.</summary>
public sealed record AdamW8BitOptions : OptimizerOptions
{
    /// <summary>Sets AdamW's defaults.</summary>
    public AdamW8BitOptions()
    {
        LearningRate = 1e-3;
        WeightDecay = 0.01;
    }

    /// <summary>Decay of the first moment, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the root of the second moment, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Tensors with fewer elements keep float32 moments, at least 0.</summary>
    public long MinimumSize { get; init; } = 4096;

    /// <summary>Keep float32 moments for this group whatever its size (advised for embeddings).</summary>
    public bool FullPrecision { get; init; }

    internal override double? CycledMomentum => Beta1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?
        .Within(Beta1, 0, 1, includeMax: false).Within(Beta2, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0).AtLeast(MinimumSize, 0L);
}

/// <summary>
/// AdamW whose moments are kept in 8 bits, in blocks of 256 with a scale each (Dettmers et al. 2022): 2 bytes of state a weight instead of 8.
/// Weights on other devices than the CPU are updated by way of host memory.
/// </summary>
public sealed class AdamW8Bit : Optimizer
{
    /// <summary>Elements that share one scale.</summary>
    public const int BlockSize = 256;

    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public AdamW8Bit(Module module, AdamW8BitOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public AdamW8Bit(IEnumerable<ParameterGroupSpec> groups, AdamW8BitOptions? options = null)
        : base(groups, options ?? new AdamW8BitOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Initialize(ParameterGroup group, ParameterState state, Tensor parameter)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(parameter);
        var o = group.OptionsAs<AdamW8BitOptions>();
        if (o.FullPrecision || parameter.numel() < o.MinimumSize || parameter.dtype == ScalarType.Float64)
        {
            state.Fill("exp_avg", parameter);
            state.Fill("exp_avg_sq", parameter);
            return;
        }
        var blocks = (parameter.numel() + BlockSize - 1) / BlockSize;
        state.Put("exp_avg_codes", full(parameter.shape, QuantizedCodebook.Signed.Zero, dtype: ScalarType.Byte), exact: true);
        state.Put("exp_avg_sq_codes", full(parameter.shape, QuantizedCodebook.Unsigned.Zero, dtype: ScalarType.Byte), exact: true);
        state.Put("exp_avg_scales", zeros(blocks), exact: true);
        state.Put("exp_avg_sq_scales", zeros(blocks), exact: true);
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var s = Scalars(group, state);
        if (!state.Tensors.ContainsKey("exp_avg_codes"))
        {
            var (m, v) = (state["exp_avg"], state["exp_avg_sq"]);
            if (s.Shrink != 1) parameter.mul_(s.Shrink);
            m.lerp_(gradient, 1 - s.Beta1);
            v.mul_(s.Beta2).addcmul_(gradient, gradient, 1 - s.Beta2);
            parameter.addcdiv_(m, v.sqrt().mul_(s.RootCorrection).add_(s.Epsilon), -s.StepSize);
            return;
        }
        var (host, slope) = (parameter.to(ScalarType.Float32).cpu().contiguous(), gradient.to(ScalarType.Float32).cpu().contiguous());
        QuantizedAdam.Step(s, host, slope, state, Threads);
        if (Gradients.Address(host) != Gradients.Address(parameter)) parameter.copy_(host);
    }

    private protected override FusedBatch? CreateBatch() => new FusedBatch<AdamScalars, AdamLanes<float>, AdamLanes<double>>();

    private protected override bool TryFuse(FusedBatch batch, in ActiveParameter item)
    {
        if (item.State.Tensors.ContainsKey("exp_avg_codes")) return false;
        ((FusedBatch<AdamScalars, AdamLanes<float>, AdamLanes<double>>)batch).Add(item, Scalars(item.Group, item.State), item.State["exp_avg"], item.State["exp_avg_sq"]);
        return true;
    }

    private static AdamScalars Scalars(ParameterGroup group, ParameterState state)
    {
        var o = group.OptionsAs<AdamW8BitOptions>();
        var beta1 = group.Momentum ?? o.Beta1;
        return new AdamScalars(
            group.LearningRate / (1 - Math.Pow(beta1, state.Step)),
            1 / Math.Sqrt(1 - Math.Pow(o.Beta2, state.Step)),
            beta1, o.Beta2, o.Epsilon, 1 - (group.LearningRate * group.WeightDecay), 0, false);
    }
}
