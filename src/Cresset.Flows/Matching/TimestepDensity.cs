using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// How training times are drawn from (0, 1) (Esser et al. 2024, section 3.1). All of these are symmetric about 1/2 with their usual
/// settings, so they serve both directions of time; <see cref="LogitNormalDensity"/> with a mean does not.
/// </summary>
public abstract class TimestepDensity
{
    /// <summary>Uniform times.</summary>
    public static TimestepDensity Uniform { get; } = new UniformDensity();

    /// <summary>rf/lognorm(0, 1), what Stable Diffusion 3 was trained with.</summary>
    public static TimestepDensity LogitNormal { get; } = new LogitNormalDensity(0, 1);

    /// <summary>The density that gives straight paths the signal-to-noise ratios of the cosine schedule.</summary>
    public static TimestepDensity CosMap { get; } = new CosMapDensity();

    /// <summary>Draws times [count] of type float32.</summary>
    public Tensor Sample(long count, Generator? generator = null, Device? device = null)
    {
        if (count < 0) throw new ArgumentOutOfRangeException(nameof(count), count, "The number of times must be at least 0.");
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var t = FromUniform(rand(count, generator: generator, dtype: ScalarType.Float64));
        return t.to(ScalarType.Float32).to(device ?? CPU).MoveToOuterDisposeScope();
    }

    /// <summary>The density at times t in (0, 1).</summary>
    public abstract Tensor Density(Tensor t);

    /// <summary>The quantile function: values in [0, 1) to times, in their element type.</summary>
    public abstract Tensor FromUniform(Tensor uniform);
}

/// <summary>Density 1.</summary>
internal sealed class UniformDensity : TimestepDensity
{
    /// <inheritdoc/>
    public override Tensor Density(Tensor t) => ones_like(t);

    /// <inheritdoc/>
    public override Tensor FromUniform(Tensor uniform) => uniform.alias();
}

/// <summary>logit(t) is normal with the given mean and deviation (equation 19).</summary>
public sealed class LogitNormalDensity : TimestepDensity
{
    private readonly double _mean;
    private readonly double _deviation;

    /// <summary>Makes the density.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The deviation is not positive.</exception>
    public LogitNormalDensity(double mean, double deviation)
    {
        if (!(deviation > 0) || !double.IsFinite(deviation))
            throw new ArgumentOutOfRangeException(nameof(deviation), deviation, "The deviation must be greater than 0.");
        (_mean, _deviation) = (mean, deviation);
    }

    /// <inheritdoc/>
    public override Tensor Density(Tensor t)
    {
        using var scope = NewDisposeScope();
        var z = (t.logit() - _mean) / _deviation;
        return ((z * z * -0.5).exp() / (_deviation * Math.Sqrt(2 * Math.PI)) / (t * (1 - t))).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor FromUniform(Tensor uniform)
    {
        using var scope = NewDisposeScope();
        // Phi^-1(u) = sqrt(2) erfinv(2u - 1); 0 itself would give t = 0.
        var u = uniform.clamp(1e-12, 1 - 1e-12);
        return ((2 * u - 1).erfinv() * (Math.Sqrt(2) * _deviation) + _mean).sigmoid().MoveToOuterDisposeScope();
    }
}

/// <summary>t = 1 - u - s (cos^2(pi u / 2) - 1 + u): s &gt; 0 favours the middle, s &lt; 0 the ends (equation 20).</summary>
public sealed class ModeDensity : TimestepDensity
{
    private readonly double _scale;

    /// <summary>Makes the density; the map is monotone for scales from -1 to 2 / (pi - 2).</summary>
    /// <exception cref="ArgumentOutOfRangeException">The scale is outside that range.</exception>
    public ModeDensity(double scale)
    {
        if (!(scale >= -1 && scale <= 2 / (Math.PI - 2)))
            throw new ArgumentOutOfRangeException(nameof(scale), scale,
                $"The scale must lie in [-1, {2 / (Math.PI - 2):g4}], where the map is monotone.");
        _scale = scale;
    }

    /// <inheritdoc/>
    public override Tensor Density(Tensor t)
    {
        using var scope = NewDisposeScope();
        // The map falls from 1 to 0: bisect for its argument, then the density is one over the slope.
        var low = zeros_like(t);
        var high = ones_like(t);
        for (var i = 0; i < 60; i++)
        {
            var middle = (low + high) * 0.5;
            var above = FromUniform(middle) > t;
            (low, high) = (where(above, middle, low), where(above, high, middle));
        }
        var u = (low + high) * 0.5;
        return (1 / (1 + _scale * (1 - (u * Math.PI).sin() * (Math.PI / 2)))).abs().MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor FromUniform(Tensor uniform)
    {
        using var scope = NewDisposeScope();
        var u = uniform;
        return (1 - u - _scale * ((u * (Math.PI / 2)).cos().square() - 1 + u)).MoveToOuterDisposeScope();
    }
}

/// <summary>t = 1 - 1 / (tan(pi u / 2) + 1), density 2 / (pi - 2 pi t + 2 pi t^2) (equation 21).</summary>
internal sealed class CosMapDensity : TimestepDensity
{
    /// <inheritdoc/>
    public override Tensor Density(Tensor t)
    {
        using var scope = NewDisposeScope();
        return (2 / (Math.PI - 2 * Math.PI * t + 2 * Math.PI * t * t)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor FromUniform(Tensor uniform)
    {
        using var scope = NewDisposeScope();
        return (1 - 1 / ((uniform * (Math.PI / 2)).tan() + 1)).MoveToOuterDisposeScope();
    }
}
