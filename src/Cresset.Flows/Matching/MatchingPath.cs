using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>The path between paired samples that flow matching learns, by name: what a recipe holds under "path".</summary>
[PartKind("path")]
public abstract record MatchingPath : IOptionsRecord
{
    /// <summary>Deviation of the noise about the path's mean.</summary>
    public double Sigma { get; init; } = 0.1;

    /// <summary>Draws times, and points and velocities of the path between paired samples [N, ...].</summary>
    /// <param name="source">Source samples x_0 [N, ...].</param>
    /// <param name="data">Data x_1 [N, ...].</param>
    /// <param name="density">How times are drawn; null takes uniform times.</param>
    /// <param name="generator">Source of randomness.</param>
    public abstract MatchingBatch Draw(Tensor source, Tensor data, TimestepDensity? density = null, Generator? generator = null);

    /// <inheritdoc/>
    public virtual IEnumerable<OptionProblem> Validate() => new OptionChecks().AtLeast(Sigma, 0);
}

/// <summary>A path alpha(t) x_1 + sigma(t) x_0, with noise of one deviation about it.</summary>
public abstract record BlurredPath : MatchingPath
{
    private protected abstract ProbabilityPath Path { get; }

    /// <summary>Times end here: paths whose velocity is infinite at 1 stop before it.</summary>
    private protected virtual double End => 1;

    /// <inheritdoc/>
    public sealed override MatchingBatch Draw(Tensor source, Tensor data, TimestepDensity? density = null, Generator? generator = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        MatchingBatch batch;
        if (End == 1)
        {
            batch = FlowMatching.Draw(source, data, Path, density, generator);
        }
        else
        {
            using var time = (density ?? TimestepDensity.Uniform).Sample(data.size(0), generator, data.device);
            using var scaled = (time * End).to(data.dtype);
            batch = FlowMatching.At(source, data, scaled, Path);
        }
        if (Sigma == 0) return batch;
        using (batch) return FlowMatching.Blur(batch, Sigma, generator);
    }
}

/// <summary>Straight lines: alpha = t, sigma = 1 - t (conditional optimal transport, rectified flow, I-CFM).</summary>
[Part("straight", "Lipman et al. 2023, arXiv:2210.02747", Aliases = ["cond-ot", "independent"])]
public sealed record StraightPath : BlurredPath
{
    private protected override ProbabilityPath Path => ProbabilityPath.CondOt;
}

/// <summary>A quarter circle: alpha = sin(pi t / 2), sigma = cos(pi t / 2).</summary>
[Part("quarter-circle", "Albergo and Vanden-Eijnden 2023, arXiv:2209.15571", Aliases = ["cosine", "variance-preserving"])]
public sealed record QuarterCirclePath : BlurredPath
{
    private protected override ProbabilityPath Path => ProbabilityPath.Cosine;
}

/// <summary>alpha = t^n, sigma = 1 - t^n: straight lines, walked slowly at first for n above 1.</summary>
[Part("power")]
public sealed record PowerPath : BlurredPath
{
    /// <summary>n.</summary>
    public double Exponent { get; init; } = 2;

    private protected override ProbabilityPath Path => new PolynomialPath(Exponent);

    /// <inheritdoc/>
    // Below 1 the velocity is infinite at the source.
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().AtLeast(Sigma, 0).AtLeast(Exponent, 1);
}

/// <summary>
/// alpha = t, sigma = sqrt(1 - t²): the variance of unit data stays 1. Its velocity is infinite at the data, so times end at 0.999.
/// </summary>
[Part("linear-vp")]
public sealed record LinearVpPath : BlurredPath
{
    private protected override ProbabilityPath Path => ProbabilityPath.LinearVariancePreserving;

    private protected override double End => 0.999;
}

/// <summary>
/// The variance-preserving diffusion with a linear noise rate. Its velocity is infinite at the data, so times end at 0.999.
/// </summary>
[Part("diffusion", "Song et al. 2021, arXiv:2011.13456")]
public sealed record DiffusionPath : BlurredPath
{
    /// <summary>Noise rate at the data.</summary>
    public double BetaMin { get; init; } = 0.1;

    /// <summary>Noise rate at the noise.</summary>
    public double BetaMax { get; init; } = 20;

    private protected override ProbabilityPath Path => new VariancePreservingPath(BetaMin, BetaMax);

    private protected override double End => 0.999;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(Sigma, 0)
        .AtLeast(BetaMin, 0)
        .Must(BetaMax > BetaMin && double.IsFinite(BetaMax), BetaMax,
            string.Create(System.Globalization.CultureInfo.InvariantCulture, $"greater than BetaMin ({BetaMin})"), field: nameof(BetaMax));
}

/// <summary>A bridge of Tong et al. 2023, whose noise depends on time.</summary>
public abstract record NoisyBridge : MatchingPath
{
    private protected abstract BridgeKind Kind { get; }

    /// <inheritdoc/>
    public sealed override MatchingBatch Draw(Tensor source, Tensor data, TimestepDensity? density = null, Generator? generator = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        using var time = (density ?? TimestepDensity.Uniform).Sample(data.size(0), generator, data.device);
        using var typed = time.to(data.dtype);
        using var noise = randn(data.shape, dtype: data.dtype, device: CPU, generator: generator);
        using var there = noise.to(data.device);
        return new BridgePath(Kind, Sigma).At(source, data, typed, there);
    }
}

/// <summary>Mean t x_1, deviation 1 - (1 - sigma) t, from standard normal noise; it takes no notice of the source samples.</summary>
[Part("target", "Lipman et al. 2023, arXiv:2210.02747")]
public sealed record TargetPath : NoisyBridge
{
    private protected override BridgeKind Kind => BridgeKind.Target;
}

/// <summary>The Brownian bridge of the Schroedinger problem, deviation sigma sqrt(t (1 - t)) (SB-CFM with optimal transport).</summary>
[Part("schroedinger-bridge", "Tong et al. 2023, arXiv:2307.03672", Aliases = ["sb"])]
public sealed record SchroedingerBridgePath : NoisyBridge
{
    private protected override BridgeKind Kind => BridgeKind.SchroedingerBridge;
}

/// <summary>How source samples are paired with the data of a batch.</summary>
[PartKind("coupling")]
public abstract record SampleCoupling : IOptionsRecord
{
    /// <summary>The source in the order of the data.</summary>
    /// <param name="source">Source samples [N, ...].</param>
    /// <param name="data">Data [N, ...].</param>
    /// <param name="labels">Class labels int64 [N] of the data; null for none.</param>
    public abstract Tensor Pair(Tensor source, Tensor data, Tensor? labels = null);

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => [];
}

/// <summary>As they come.</summary>
[Part("independent")]
public sealed record IndependentCoupling : SampleCoupling
{
    /// <inheritdoc/>
    public override Tensor Pair(Tensor source, Tensor data, Tensor? labels = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        return source.alias();
    }
}

/// <summary>By exact optimal transport of the batch, inside each class where there are classes.</summary>
[Part("optimal-transport", "Tong et al. 2023, arXiv:2302.00482", Aliases = ["ot"])]
public sealed record OptimalTransportCoupling : SampleCoupling
{
    /// <inheritdoc/>
    public override Tensor Pair(Tensor source, Tensor data, Tensor? labels = null) => OptimalTransport.Couple(source, data, labels);
}
