using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>How a raw number becomes a positive scale.</summary>
public enum AffineScale
{
    /// <summary>exp(s).</summary>
    Exponential,

    /// <summary>exp(s / (1 + |s / ln 1e-3|)): between 1e-3 and 1e3, smooth (zuko).</summary>
    SoftClip,

    /// <summary>sigmoid(s + 2): at most 1, near 1 at the start (Glow).</summary>
    Sigmoid,

    /// <summary>sigmoid(s + 2) + 1e-3 (nflows).</summary>
    SigmoidOffset,

    /// <summary>1 / sigmoid(s + 2): at least 1 (normflows).</summary>
    InverseSigmoid,

    /// <summary>softplus(s) + 1e-3 (nflows' MAF).</summary>
    Softplus,

    /// <summary>softplus(s) + 1e-3, at most 3 (nflows' general coupling).</summary>
    ClampedSoftplus,

    /// <summary>exp(2 * 0.636 * atan(s)): between exp(-2) and exp(2) (FrEIA).</summary>
    ArcTangent,

    /// <summary>exp(2 tanh(s)): between exp(-2) and exp(2) (RealNVP, and FrEIA's all-in-one block).</summary>
    HyperbolicTangent,
}

internal static class AffineScales
{
    private static readonly double LogFloor = Math.Log(1e-3);

    /// <summary>The raw number whose scale is 1; 0 where the scale only nears 1.</summary>
    public static double Identity(AffineScale kind) =>
        kind is AffineScale.Softplus or AffineScale.ClampedSoftplus ? Math.Log(Math.Exp(1 - 1e-3) - 1) : 0;

    /// <summary>The logarithm of the scale.</summary>
    public static Tensor Log(AffineScale kind, Tensor raw)
    {
        if (kind == AffineScale.Exponential) return raw.alias();
        using var scope = NewDisposeScope();
        return (kind switch
        {
            AffineScale.SoftClip => raw / (1 + (raw / LogFloor).abs()),
            AffineScale.Sigmoid => nn.functional.logsigmoid(raw + 2),
            AffineScale.SigmoidOffset => ((raw + 2).sigmoid() + 1e-3).log(),
            AffineScale.InverseSigmoid => -nn.functional.logsigmoid(raw + 2),
            AffineScale.Softplus => (nn.functional.softplus(raw, 1, 20) + 1e-3).log(),
            AffineScale.ClampedSoftplus => (nn.functional.softplus(raw, 1, 20) + 1e-3).clamp(0, 3).log(),
            AffineScale.ArcTangent => raw.atan() * (2 * 0.636),
            AffineScale.HyperbolicTangent => raw.tanh() * 2,
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Unknown scale."),
        }).MoveToOuterDisposeScope();
    }
}
