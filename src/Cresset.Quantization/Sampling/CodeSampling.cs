using Cresset.Numerics;

namespace Cresset.Quantization;

/// <summary>How the next code is drawn from a prior's logits: temperature first, then top-k, then top-p.</summary>
public sealed record CodeSampling : IOptionsRecord
{
    /// <summary>Divides the logits; below 1 is more careful. 0 takes the likeliest code.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Keeps the k likeliest codes (all that tie at the k-th place); 0 keeps all.</summary>
    public int TopK { get; init; }

    /// <summary>
    /// Keeps the smallest set of likeliest codes whose probability reaches this, the one that crosses it included; 1 keeps all.
    /// </summary>
    public double TopP { get; init; } = 1;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(Temperature, 0)
        .AtLeast(TopK, 0)
        .Within(TopP, 0, 1, includeMin: false);
}
