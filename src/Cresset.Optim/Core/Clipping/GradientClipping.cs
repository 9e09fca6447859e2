using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>What to do when the gradient norm is NaN or infinite.</summary>
public enum NonFiniteGradient
{
    /// <summary>Go on as PyTorch does; NaN spreads into the weights.</summary>
    Continue,

    /// <summary>Leave weights and state alone and report it.</summary>
    Skip,

    /// <summary>Throw an <see cref="ArithmeticException"/>.</summary>
    Throw,
}

/// <summary>
/// Clipping of gradients within a step. By norm, all gradients are scaled by min(1, max/(norm + 1e-6)) (Pascanu et al. 2013, PyTorch's
/// constant);
/// by value, each element is clamped.
/// </summary>
public sealed class GradientClipping
{
    private GradientClipping(double maxNorm, double normType, double valueLimit, NonFiniteGradient nonFinite)
        => (MaxNorm, NormType, ValueLimit, NonFinite) = (maxNorm, normType, valueLimit, nonFinite);

    /// <summary>The largest norm; infinity measures without clipping.</summary>
    public double MaxNorm { get; }

    /// <summary>p of the norm: 2, 1, infinity or any positive number.</summary>
    public double NormType { get; }

    /// <summary>The largest absolute value of an element; infinity for no clamp.</summary>
    public double ValueLimit { get; }

    /// <summary>What to do with NaN or infinity.</summary>
    public NonFiniteGradient NonFinite { get; }

    /// <summary>Clips the norm over all parameters together.</summary>
    public static GradientClipping Norm(double maxNorm, double normType = 2, NonFiniteGradient nonFinite = NonFiniteGradient.Continue)
    {
        if (!(maxNorm > 0))
            throw new ArgumentOutOfRangeException(nameof(maxNorm), maxNorm, "The largest norm must be greater than 0 (usual: 1).");
        if (!(normType > 0))
            throw new ArgumentOutOfRangeException(nameof(normType), normType,
                "The norm's p must be greater than 0 (usual: 2, or infinity).");
        return new GradientClipping(maxNorm, normType, double.PositiveInfinity, nonFinite);
    }

    /// <summary>Measures the norm and clips nothing.</summary>
    public static GradientClipping MeasureOnly(NonFiniteGradient nonFinite = NonFiniteGradient.Continue) =>
        new(double.PositiveInfinity, 2, double.PositiveInfinity, nonFinite);

    /// <summary>Clamps every element to [-limit, limit]; the norm before it is still reported.</summary>
    public static GradientClipping Value(double limit)
    {
        if (!(limit > 0)) throw new ArgumentOutOfRangeException(nameof(limit), limit, "The limit must be greater than 0.");
        return new GradientClipping(double.PositiveInfinity, 2, limit, NonFiniteGradient.Continue);
    }

    /// <summary>
    /// Clips the gradients of <paramref name="parameters"/> in place, outside a step, as PyTorch's <c>clip_grad_norm_</c>, and returns the
    /// norm before.
    /// </summary>
    /// <exception cref="ArithmeticException">The norm is not finite and <paramref name="nonFinite"/> says to throw.</exception>
    public static double ClipNorm(IEnumerable<TorchSharp.Modules.Parameter> parameters, double maxNorm, double normType = 2,
        NonFiniteGradient nonFinite = NonFiniteGradient.Continue)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        var clipping = Norm(maxNorm, normType, nonFinite);
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var gradients = Gradients.Writable(parameters);
        var norm = GradientNorm.Of(gradients, normType, Environment.ProcessorCount);
        if (clipping.Coefficient(norm) is { } coefficient && coefficient < 1)
        {
            foreach (var gradient in gradients) gradient.mul_(coefficient);
        }
        return norm;
    }

    /// <summary>Clamps the gradients of <paramref name="parameters"/> in place, as PyTorch's <c>clip_grad_value_</c>.</summary>
    /// <exception cref="NotSupportedException">A gradient is sparse.</exception>
    public static void ClipValue(IEnumerable<TorchSharp.Modules.Parameter> parameters, double limit)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        _ = Value(limit);
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var gradients = Gradients.Writable(parameters);
        if (gradients.Exists(g => g.is_sparse))
            throw new NotSupportedException(
                "A sparse gradient cannot be clamped by value: clip by norm, or make the embedding dense (sparse: false).");
        foreach (var gradient in gradients) gradient.clamp_(-limit, limit);
    }

    /// <summary>The factor for all gradients; null to skip the step.</summary>
    internal double? Measure(IReadOnlyList<ActiveParameter> active, double gradientScale, int threads, out double norm)
    {
        norm = GradientNorm.Of(active.Select(a => a.Gradient).ToList(), NormType, threads) * Math.Abs(gradientScale);
        return Coefficient(norm);
    }

    private double? Coefficient(double norm)
    {
        if (!double.IsFinite(norm))
        {
            if (NonFinite == NonFiniteGradient.Skip) return null;
            if (NonFinite == NonFiniteGradient.Throw)
                throw new ArithmeticException(
                    $"The gradient norm is {norm}: look for a division by zero or an overflow in the loss, or lower the learning rate.");
        }
        return double.IsPositiveInfinity(MaxNorm) ? 1 : Math.Min(1, MaxNorm / (norm + 1e-6)) is var c && double.IsNaN(norm) ? double.NaN
            : c;
    }
}
