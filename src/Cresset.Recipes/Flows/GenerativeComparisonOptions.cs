using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>What the comparison of generative models in the plane trains, and how it judges.</summary>
internal sealed record GenerativeComparisonOptions : IOptionsRecord
{
    /// <summary>The data.</summary>
    public PlaneDensity Density { get; init; } = new MoonsDensity();

    /// <summary>Optimizer steps of the normalizing flow.</summary>
    public int Steps { get; init; } = 2000;

    /// <summary>Optimizer steps of flow matching and of diffusion, each a fraction as dear.</summary>
    public int RegressionSteps { get; init; } = 6000;

    /// <summary>Optimizer steps of the continuous flow trained by likelihood, each many times as dear.</summary>
    public int LikelihoodSteps { get; init; } = 600;

    /// <summary>Examples per step.</summary>
    public int BatchSize { get; init; } = 256;

    /// <summary>Width of the velocity and noise networks (three hidden layers) and of the couplings' networks (two).</summary>
    public int Width { get; init; } = 64;

    /// <summary>Couplings of the normalizing flow.</summary>
    public int Couplings { get; init; } = 6;

    /// <summary>Steps of the diffusion's schedule.</summary>
    public int DiffusionSteps { get; init; } = 200;

    /// <summary>Samples judged by exact transport, and points whose likelihood is measured.</summary>
    public int Samples { get; init; } = 1000;

    /// <summary>Learning rate of Adam; falls to 0 along a cosine.</summary>
    public double LearningRate { get; init; } = 2e-3;

    /// <summary>Learning rate of the continuous flow trained by likelihood.</summary>
    public double LikelihoodRate { get; init; } = 5e-3;

    /// <summary>Seed.</summary>
    public int Seed { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Density is not null, Density, "a density of the plane (cresset list --plane-densities)")
        .Nested(Density)
        .Within(Steps, 1, 1_000_000)
        .Within(RegressionSteps, 1, 1_000_000)
        .Within(LikelihoodSteps, 1, 1_000_000)
        .Within(BatchSize, 1, 1_000_000)
        .Within(Width, 1, 100_000)
        .Within(Couplings, 1, 1000)
        .Within(DiffusionSteps, 10, 100_000)
        .Within(Samples, 10, 20_000)
        .Positive(LearningRate)
        .Positive(LikelihoodRate)
        .AtLeast(Seed, 0);
}
