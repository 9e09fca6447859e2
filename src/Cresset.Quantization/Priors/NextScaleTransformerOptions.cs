using Cresset.Numerics;

namespace Cresset.Quantization;

/// <summary>A transformer over the codes of several scales (VAR, Tian et al. 2024, arXiv:2404.02905).</summary>
public sealed record NextScaleTransformerOptions : TransformerPriorOptions
{
    /// <summary>Sides of the square maps of codes, growing: those of the quantizer.</summary>
    public IReadOnlyList<int> Scales { get; init; } = [1, 2, 3, 4];

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => CommonOfTransformers()
        .Must(ScaleGrid.AreValid(Scales), Scales is null ? "" : $"[{string.Join(", ", Scales)}]",
            "1 to 64 sides that grow, from 1 to 1024, such as [1, 2, 3, 4]", field: nameof(Scales));
}
