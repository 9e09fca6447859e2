using Cresset.Numerics;

namespace Cresset.Quantization;

/// <summary>A transformer over sequences of codes.</summary>
public sealed record CodeTransformerOptions : TransformerPriorOptions
{
    /// <summary>Longest sequence: height times width of the map (times stages for residual codes).</summary>
    public int MaxLength { get; init; } = 49;

    /// <summary>
    /// Share of training maps whose class or caption is hidden from <see cref="MaskedCodeTransformer"/>, which makes guidance possible; 0.1
    /// is usual.
    /// </summary>
    public double ClassDropout { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => CommonOfTransformers()
        .AtLeast(MaxLength, 1)
        .Within(ClassDropout, 0, 1, includeMax: false);
}
