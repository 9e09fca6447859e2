using Cresset.Numerics;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Residual quantization over scales (VAR, Tian et al. 2024): a map is coded as a small map of codes, what that leaves as a larger one, and
/// so on to its own size. One codebook serves all scales.
/// </summary>
[Part("next-scale", "Tian et al. 2024, arXiv:2404.02905", Aliases = ["var"])]
public sealed record NextScaleQuantizerOptions : QuantizerOptions
{
    /// <summary>Sides of the square maps of codes, growing; the last is the side of the maps that are coded.</summary>
    public IReadOnlyList<int> Scales { get; init; } = [1, 2, 3, 4];

    /// <summary>The codebook of all scales.</summary>
    public CodebookOptions Codebook { get; init; } = new();

    /// <summary>Weight beta of |z - sg q|² after each scale, over the number of scales.</summary>
    public double CommitmentWeight { get; init; } = 0.25;

    /// <summary>
    /// Weight gamma of |q - sg z|² after each scale, over the number of scales: it teaches the convolutions, and codes that learn by
    /// gradient.
    /// </summary>
    public double CodebookWeight { get; init; } = 1;

    /// <summary>
    /// 3x3 convolutions that smooth what was brought up from a scale, each for its share of the scales in order (at most one a scale); 0
    /// for none. They begin as the identity.
    /// </summary>
    public int Convolutions { get; init; } = 4;

    /// <summary>Share r of the convolution in (1 - r) x + r conv(x).</summary>
    public double ConvolutionShare { get; init; } = 0.5;

    /// <summary>How the reconstruction gradient reaches the encoder: straight-through or rotation, over the sum of the scales.</summary>
    public GradientEstimator Estimator { get; init; } = GradientEstimator.StraightThrough;

    /// <inheritdoc/>
    public override Quantizer Build(Generator? generator = null) => new NextScaleQuantizer(this, generator);

    internal override QuantizerOptions? WithCodes(int codes) => this with { Codebook = Codebook with { Size = codes } };

    internal override QuantizerOptions? WithWidth(int width) => this with { Codebook = Codebook with { Width = width } };

    internal override bool TakesWholeMaps => true;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(ScaleGrid.AreValid(Scales), Scales is null ? "" : $"[{string.Join(", ", Scales)}]",
            "1 to 64 sides that grow, from 1 to 1024, such as [1, 2, 3, 4]", field: nameof(Scales))
        .Nested(Codebook)
        .Must(Codebook is not { Similarity: CodeSimilarity.Cosine }, CodeSimilarity.Cosine, "Euclidean or Angle",
            "What the scales before leave has a length of its own: codes of length one cannot follow it.", "Codebook.Similarity")
        .AtLeast(CommitmentWeight, 0)
        .AtLeast(CodebookWeight, 0)
        .AtLeast(Convolutions, 0)
        .Within(ConvolutionShare, 0, 1)
        .OneOf(Estimator, [GradientEstimator.StraightThrough, GradientEstimator.Rotation]);
}
