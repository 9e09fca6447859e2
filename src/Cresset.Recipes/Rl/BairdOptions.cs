using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>Baird's counterexample with four methods: figures 11.2, 11.5 and 11.6 of Sutton and Barto.</summary>
internal sealed record BairdOptions : IOptionsRecord
{
    /// <summary>Steps (or sweeps) of each method.</summary>
    public int Steps { get; init; } = 1000;

    /// <summary>Step size of semi-gradient TD and dynamic programming.</summary>
    public double Alpha { get; init; } = 0.01;

    /// <summary>Step size of TDC and GTD2.</summary>
    public double GradientAlpha { get; init; } = 0.005;

    /// <summary>Step size of their auxiliary weights.</summary>
    public double Beta { get; init; } = 0.05;

    /// <summary>Step size of emphatic TD.</summary>
    public double EmphaticAlpha { get; init; } = 0.03;

    /// <summary>Seed of the sampled methods.</summary>
    public int Seed { get; init; } = 4;

    /// <summary>The book's figures to compare with.</summary>
    public IReadOnlyList<BookFigure> Book { get; init; } = [];

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(Steps, 1)
        .Within(Alpha, 0, 1, includeMin: false)
        .Within(GradientAlpha, 0, 1, includeMin: false)
        .Within(Beta, 0, 1, includeMin: false)
        .Within(EmphaticAlpha, 0, 1, includeMin: false)
        .AtLeast(Seed, 0);
}
