using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>What the pictures of a vector quantizer at work show.</summary>
internal sealed record VqAnatomyOptions : IOptionsRecord
{
    /// <summary>Codes in the plane.</summary>
    public int Codes { get; init; } = 7;

    /// <summary>Vectors in the plane.</summary>
    public int Vectors { get; init; } = 24;

    /// <summary>Seed of both.</summary>
    public ulong Seed { get; init; } = 4;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Codes, 2, 1000).Within(Vectors, 1, 10_000);
}
