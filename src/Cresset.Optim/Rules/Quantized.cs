using Cresset.Kernels;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>
/// A rule whose moments are kept in 8 or 4 bits, in blocks with a scale each (Dettmers et al. 2022; Li et al. 2023). Small tensors keep
/// float32 moments.
/// Weights on other devices than the CPU are updated by way of host memory.
/// </summary>
public abstract record QuantizedRule : OptimizerRule
{
    /// <summary>Tensors with fewer elements keep float32 moments, at least 0.</summary>
    public long MinimumSize { get; init; } = 4096;

    /// <summary>Keep float32 moments for this group whatever its size (advised for embeddings).</summary>
    public bool FullPrecision { get; init; }

    private protected abstract QuantizedKind Kind { get; }

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.AtLeast(MinimumSize, 0L);

    /// <inheritdoc/>
    protected internal override void Start(in Slot s)
    {
        foreach (var (name, signed) in Kind.Moments)
        {
            if (FullPrecision || s.Parameter.numel() < MinimumSize || s.Parameter.dtype == ScalarType.Float64)
            {
                s.Zeros(name);
                continue;
            }
            var n = s.Parameter.numel();
            var zero = Kind.Code(signed).Zero;
            // Eight-bit codes have the shape of the weights; of four bits two lie in a byte.
            s.State.Put(name + "_codes", Kind.Bits == 8
                ? full(s.Parameter.shape, zero, dtype: ScalarType.Byte)
                : full([(n + 1) / 2], zero | (zero << 4), dtype: ScalarType.Byte), exact: true);
            s.State.Put(name + "_scales", zeros((n + Kind.BlockSize - 1) / Kind.BlockSize), exact: true);
        }
    }

    /// <inheritdoc/>
    protected internal sealed override void Update(in Slot s)
    {
        if (!IsQuantized(s.State))
        {
            UpdateFull(s);
            return;
        }
        var (host, slope) = (s.Parameter.to(ScalarType.Float32).cpu().contiguous(), s.Gradient.to(ScalarType.Float32).cpu().contiguous());
        UpdateCodes(s, host, slope);
        if (TensorIdentity.Of(host) != TensorIdentity.Of(s.Parameter)) s.Parameter.copy_(host);
    }

    /// <summary>The update with float32 moments.</summary>
    private protected abstract void UpdateFull(in Slot s);

    /// <summary>The update with quantized moments; both tensors are dense float32 on the CPU.</summary>
    private protected abstract void UpdateCodes(in Slot s, Tensor weights, Tensor gradient);

    private protected bool IsQuantized(ParameterState state) => state.Tensors.ContainsKey(Kind.Moments[0].Name + "_codes");
}

/// <summary>AdamW whose moments take 2 bytes per weight instead of 8 (Dettmers et al. 2022): 8 bits each, in blocks of 256.</summary>
[Part("adamw8bit", "Dettmers et al. 2022")]
public sealed record AdamW8BitRule : QuantizedAdamRule
{
    private protected override QuantizedKind Kind => QuantizedKind.Adam8;
}

/// <summary>
/// AdamW whose moments take 1 byte per weight instead of 8 (Li et al. 2023): 4 bits each, in blocks of 128, the second one linear without a
/// zero.
/// </summary>
[Part("adamw4bit", "Li et al. 2023")]
public sealed record AdamW4BitRule : QuantizedAdamRule
{
    private protected override QuantizedKind Kind => QuantizedKind.Adam4;
}

/// <summary>Lion whose momentum takes 1 byte per weight instead of 4: 8 bits, in blocks of 256.</summary>
[Part("lion8bit", "Chen et al. 2023; Dettmers et al. 2022")]
public sealed record Lion8BitRule : QuantizedLionRule
{
    private protected override QuantizedKind Kind => QuantizedKind.Lion8;
}

/// <summary>Lion whose momentum takes half a byte per weight instead of 4: 4 bits, in blocks of 128.</summary>
[Part("lion4bit", "Chen et al. 2023; Li et al. 2023")]
public sealed record Lion4BitRule : QuantizedLionRule
{
    private protected override QuantizedKind Kind => QuantizedKind.Lion4;
}

/// <summary>AdamW with quantized moments. Decay is decoupled.</summary>
public abstract record QuantizedAdamRule : QuantizedRule
{
    /// <summary>Sets AdamW's defaults.</summary>
    protected QuantizedAdamRule() => (LearningRate, WeightDecay) = (1e-3, 0.01);

    /// <summary>Decay of the first moment, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the root of the second moment, at least 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <inheritdoc/>
    protected internal override double? CycledMomentum => Beta1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.Within(Beta1, 0, 1, includeMax: false).Within(Beta2, 0, 1, includeMax: false).AtLeast(Epsilon, 0.0);
    }

    internal override FusedBatch? CreateBatch() => new FusedBatch<AdamScalars, AdamLanes<float>, AdamLanes<double>>();

    internal override bool TryFuse(FusedBatch batch, in ActiveParameter item)
    {
        if (IsQuantized(item.State)) return false;
        ((FusedBatch<AdamScalars, AdamLanes<float>, AdamLanes<double>>)batch).Add(item, Scalars(item.Group, item.State),
            item.State["exp_avg"], item.State["exp_avg_sq"]);
        return true;
    }

    private protected override void UpdateFull(in Slot s)
    {
        var n = Scalars(s.Group, s.State);
        if (n.Shrink != 1) s.Parameter.mul_(n.Shrink);
        var m = s["exp_avg"].lerp_(s.Gradient, 1 - n.Beta1);
        var v = s["exp_avg_sq"].mul_(n.Beta2).addcmul_(s.Gradient, s.Gradient, 1 - n.Beta2);
        s.Parameter.addcdiv_(m, v.sqrt().mul_(n.RootCorrection).add_(n.Epsilon), -n.StepSize);
    }

    private protected override void UpdateCodes(in Slot s, Tensor weights, Tensor gradient)
        => QuantizedKernel.Adam(Kind, Scalars(s.Group, s.State), weights, gradient, s.State, s.Optimizer.Threads);

    private AdamScalars Scalars(ParameterGroup group, ParameterState state)
    {
        var beta1 = group.Momentum ?? Beta1;
        return new AdamScalars(
            group.LearningRate / (1 - Math.Pow(beta1, state.Step)), 1 / Math.Sqrt(1 - Math.Pow(Beta2, state.Step)),
            beta1, Beta2, Epsilon, 1 - (group.LearningRate * group.WeightDecay), 0, false);
    }
}

/// <summary>Lion with a quantized momentum. Decay is decoupled.</summary>
public abstract record QuantizedLionRule : QuantizedRule
{
    /// <summary>Sets Lion's defaults.</summary>
    protected QuantizedLionRule() => LearningRate = 1e-4;

    /// <summary>Weight of the momentum in the update, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the momentum, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.99;

    /// <inheritdoc/>
    protected internal override double? CycledMomentum => Beta1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.Within(Beta1, 0, 1, includeMax: false).Within(Beta2, 0, 1, includeMax: false);
    }

    internal override FusedBatch? CreateBatch() => new FusedBatch<LionScalars, LionLanes<float>, LionLanes<double>>();

    internal override bool TryFuse(FusedBatch batch, in ActiveParameter item)
    {
        if (IsQuantized(item.State)) return false;
        ((FusedBatch<LionScalars, LionLanes<float>, LionLanes<double>>)batch).Add(item, Scalars(item.Group), item.State["exp_avg"]);
        return true;
    }

    private protected override void UpdateFull(in Slot s)
    {
        var m = s["exp_avg"];
        s.Shrink();
        s.Parameter.add_(m.mul(s.Momentum).add_(s.Gradient, alpha: 1 - s.Momentum).sign_(), alpha: -s.Rate);
        m.lerp_(s.Gradient, 1 - Beta2);
    }

    private protected override void UpdateCodes(in Slot s, Tensor weights, Tensor gradient)
        => QuantizedKernel.Lion(Kind, Scalars(s.Group), weights, gradient, s.State, s.Optimizer.Threads);

    private LionScalars Scalars(ParameterGroup group)
        => new(group.LearningRate, group.Momentum ?? Beta1, Beta2, 1 - (group.LearningRate * group.WeightDecay));
}

/// <summary>Which moments are quantized, and how.</summary>
internal sealed record QuantizedKind(int Bits, int BlockSize, IReadOnlyList<(string Name, bool IsSigned)> Moments)
{
    public static QuantizedKind Adam8 { get; } = new(8, 256, [("exp_avg", true), ("exp_avg_sq", false)]);

    public static QuantizedKind Adam4 { get; } = new(4, 128, [("exp_avg", true), ("exp_avg_sq", false)]);

    public static QuantizedKind Lion8 { get; } = new(8, 256, [("exp_avg", true)]);

    public static QuantizedKind Lion4 { get; } = new(4, 128, [("exp_avg", true)]);

    public QuantizedCodebook Code(bool signed) => (Bits, signed) switch
    {
        (8, true) => QuantizedCodebook.Signed,
        (8, false) => QuantizedCodebook.Unsigned,
        (_, true) => QuantizedCodebook.SignedFour,
        _ => QuantizedCodebook.UnsignedFour,
    };
}
