using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>z = scale x + shift with fixed numbers, any shape.</summary>
public sealed class AffinePreprocessing : FlowTransform
{
    private readonly double _scale;
    private readonly double _shift;

    /// <summary>Makes the map.</summary>
    public AffinePreprocessing(double scale, double shift)
        : base(nameof(AffinePreprocessing))
    {
        if (scale == 0 || !double.IsFinite(scale))
            throw new ArgumentOutOfRangeException(nameof(scale), scale, "The scale must be finite and not 0.");
        if (!double.IsFinite(shift)) throw new ArgumentOutOfRangeException(nameof(shift), shift, "The shift must be finite.");
        (_scale, _shift) = (scale, shift);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override bool TakesContext => false;

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Forward(Tensor x, Tensor? context = null)
    {
        RefuseContext(context);
        using var scope = NewDisposeScope();
        return Move(x * _scale + _shift, full(x.size(0), Log(x), dtype: x.dtype, device: x.device));
    }

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Inverse(Tensor z, Tensor? context = null)
    {
        RefuseContext(context);
        using var scope = NewDisposeScope();
        return Move((z - _shift) / _scale, full(z.size(0), -Log(z), dtype: z.dtype, device: z.device));
    }

    private double Log(Tensor value) => Math.Log(Math.Abs(_scale)) * (value.numel() / Math.Max(1, value.size(0)));
}

/// <summary>z = logit(alpha + (1 - 2 alpha) x) for values in [0, 1] (RealNVP, section 4.1), any shape.</summary>
public sealed class LogitPreprocessing : FlowTransform
{
    private readonly double _alpha;

    /// <summary>Makes the map; RealNVP takes alpha = 0.05.</summary>
    public LogitPreprocessing(double alpha = 0.05)
        : base(nameof(LogitPreprocessing))
    {
        if (!(alpha >= 0 && alpha < 0.5)) throw new ArgumentOutOfRangeException(nameof(alpha), alpha, "Must lie in [0, 0.5).");
        _alpha = alpha;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override bool TakesContext => false;

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">A value lies outside [0, 1], or with alpha = 0 at its ends.</exception>
    public override (Tensor Output, Tensor LogAbsDet) Forward(Tensor x, Tensor? context = null)
    {
        RefuseContext(context);
        using var scope = NewDisposeScope();
        if (x.numel() > 0)
        {
            using var noGrad = no_grad();
            double low = x.min().ToDouble(), high = x.max().ToDouble();
            if (_alpha == 0 && (low == 0 || high == 1))
                throw new ArgumentOutOfRangeException(nameof(x),
                    "With alpha = 0 values of exactly 0 and 1 have no logit. Take an alpha above 0 (0.05), or dequantize the data.");
            if (!(low >= 0 && high <= 1))
                throw new ArgumentOutOfRangeException(nameof(x),
                    $"Values from {low:g6} to {high:g6}; LogitPreprocessing takes values in [0, 1]. Divide by the number of levels first.");
        }
        var p = _alpha + (1 - 2 * _alpha) * x;
        var z = p.log() - (1 - p).log();
        // d logit / dp = 1 / (p (1 - p)) = e^softplus(z) e^softplus(-z).
        var log = nn.functional.softplus(z, 1, 30) + nn.functional.softplus(-z, 1, 30) + Math.Log(1 - 2 * _alpha);
        return Move(z, SumPerSample(log));
    }

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Inverse(Tensor z, Tensor? context = null)
    {
        RefuseContext(context);
        using var scope = NewDisposeScope();
        var x = (z.sigmoid() - _alpha) / (1 - 2 * _alpha);
        var log = nn.functional.softplus(z, 1, 30) + nn.functional.softplus(-z, 1, 30) + Math.Log(1 - 2 * _alpha);
        return Move(x, -SumPerSample(log));
    }
}
