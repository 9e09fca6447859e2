using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>alpha = t, sigma = 1 - t: straight lines.</summary>
public sealed class CondOtPath : ProbabilityPath
{
    /// <inheritdoc/>
    public override Tensor Alpha(Tensor t) => t.alias();

    /// <inheritdoc/>
    public override Tensor Sigma(Tensor t) => 1 - t;

    /// <inheritdoc/>
    public override Tensor AlphaRate(Tensor t) => ones_like(t);

    /// <inheritdoc/>
    public override Tensor SigmaRate(Tensor t) => -ones_like(t);

    /// <inheritdoc/>
    public override Tensor TimeOfRatio(Tensor ratio) => PathMath.Scoped(() => ratio / (1 + ratio));
}

/// <summary>alpha = sin(pi t / 2), sigma = cos(pi t / 2): a quarter circle.</summary>
public sealed class CosinePath : ProbabilityPath
{
    /// <inheritdoc/>
    public override Tensor Alpha(Tensor t) => PathMath.Scoped(() => (t * (Math.PI / 2)).sin());

    /// <inheritdoc/>
    public override Tensor Sigma(Tensor t) => PathMath.Scoped(() => (t * (Math.PI / 2)).cos());

    /// <inheritdoc/>
    public override Tensor AlphaRate(Tensor t) => PathMath.Scoped(() => (t * (Math.PI / 2)).cos() * (Math.PI / 2));

    /// <inheritdoc/>
    public override Tensor SigmaRate(Tensor t) => PathMath.Scoped(() => (t * (Math.PI / 2)).sin() * (-Math.PI / 2));

    /// <inheritdoc/>
    public override Tensor TimeOfRatio(Tensor ratio) => PathMath.Scoped(() => ratio.atan() * (2 / Math.PI));
}

/// <summary>alpha = t, sigma = sqrt(1 - t^2).</summary>
public sealed class LinearVariancePreservingPath : ProbabilityPath
{
    /// <inheritdoc/>
    public override Tensor Alpha(Tensor t) => t.alias();

    /// <inheritdoc/>
    public override Tensor Sigma(Tensor t) => PathMath.Scoped(() => (1 - t * t).sqrt());

    /// <inheritdoc/>
    public override Tensor AlphaRate(Tensor t) => ones_like(t);

    /// <inheritdoc/>
    public override Tensor SigmaRate(Tensor t) => PathMath.Scoped(() => -t / (1 - t * t).sqrt());

    /// <inheritdoc/>
    public override Tensor TimeOfRatio(Tensor ratio) => PathMath.Scoped(() => (ratio * ratio / (1 + ratio * ratio)).sqrt());
}

/// <summary>alpha = t^n, sigma = 1 - t^n.</summary>
public sealed class PolynomialPath : ProbabilityPath
{
    /// <summary>Makes the path of the given power.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The exponent is not positive.</exception>
    public PolynomialPath(double exponent)
    {
        if (!(exponent > 0) || !double.IsFinite(exponent))
            throw new ArgumentOutOfRangeException(nameof(exponent), exponent, "The exponent must be greater than 0.");
        Exponent = exponent;
    }

    /// <summary>n.</summary>
    public double Exponent { get; }

    /// <inheritdoc/>
    public override Tensor Alpha(Tensor t) => t.pow(Exponent);

    /// <inheritdoc/>
    public override Tensor Sigma(Tensor t) => PathMath.Scoped(() => 1 - t.pow(Exponent));

    /// <inheritdoc/>
    public override Tensor AlphaRate(Tensor t) => PathMath.Scoped(() => t.pow(Exponent - 1) * Exponent);

    /// <inheritdoc/>
    public override Tensor SigmaRate(Tensor t) => PathMath.Scoped(() => t.pow(Exponent - 1) * -Exponent);

    /// <inheritdoc/>
    public override Tensor TimeOfRatio(Tensor ratio) => PathMath.Scoped(() => (ratio / (1 + ratio)).pow(1 / Exponent));
}

/// <summary>
/// The variance-preserving diffusion with linear beta (Song et al. 2021): alpha = exp(-B(1 - t) / 2), sigma = sqrt(1 - alpha^2).
/// </summary>
public sealed class VariancePreservingPath : ProbabilityPath
{
    private readonly double _low;
    private readonly double _high;

    /// <summary>
    /// Makes the path; the noise rate runs from <paramref name="betaMin"/> at the data to <paramref name="betaMax"/> at the noise.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The rates are not 0 &lt;= betaMin &lt; betaMax.</exception>
    public VariancePreservingPath(double betaMin = 0.1, double betaMax = 20)
    {
        if (!(betaMin >= 0)) throw new ArgumentOutOfRangeException(nameof(betaMin), betaMin, "The rate must be at least 0.");
        if (!(betaMax > betaMin) || !double.IsFinite(betaMax))
            throw new ArgumentOutOfRangeException(nameof(betaMax), betaMax, $"The rate must be greater than betaMin ({betaMin}).");
        (_low, _high) = (betaMin, betaMax);
    }

    /// <inheritdoc/>
    public override Tensor Alpha(Tensor t) => PathMath.Scoped(() => (Total(t) * -0.5).exp());

    /// <inheritdoc/>
    public override Tensor Sigma(Tensor t) => PathMath.Scoped(() => (-(-Total(t)).expm1()).sqrt());

    /// <inheritdoc/>
    public override Tensor AlphaRate(Tensor t) => PathMath.Scoped(() => Rate(t) * (Total(t) * -0.5).exp() * -0.5);

    /// <inheritdoc/>
    public override Tensor SigmaRate(Tensor t) => PathMath.Scoped(() => Rate(t) * 0.5 * (-Total(t)).exp() / (-(-Total(t)).expm1()).sqrt());

    /// <inheritdoc/>
    public override Tensor TimeOfRatio(Tensor ratio) => PathMath.Scoped(() =>
    {
        // alpha / sigma = r means exp(-B) = r^2 / (1 + r^2); then a quadratic equation in 1 - t.
        var total = (1 / (ratio * ratio)).log1p();
        return 1 - (-_low + (_low * _low + 2 * (_high - _low) * total).sqrt()) / (_high - _low);
    });

    // The integral of beta over the noising time 1 - t, and its derivative in t.
    private Tensor Total(Tensor t) => (1 - t).square() * (0.5 * (_high - _low)) + (1 - t) * _low;

    private Tensor Rate(Tensor t) => -(1 - t) * (_high - _low) - _low;
}

internal static class PathMath
{
    public static Tensor Scoped(Func<Tensor> compute)
    {
        using var scope = NewDisposeScope();
        return compute().MoveToOuterDisposeScope();
    }
}
