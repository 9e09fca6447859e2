using Cresset.Numerics;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>Residual quantization (SoundStream, Zeghidour et al. 2021): each stage quantizes what the stages before left over.</summary>
[Part("residual", "Zeghidour et al. 2021, arXiv:2107.03312", Aliases = ["rvq"])]
public sealed record ResidualQuantizerOptions : QuantizerOptions
{
    /// <summary>Stages.</summary>
    public int Stages { get; init; } = 2;

    /// <summary>
    /// The quantizer of each stage, with one index per vector. Stages on a fixed grid (finite scalar, lookup free) work on finer and finer
    /// ones.
    /// </summary>
    public QuantizerOptions Stage { get; init; } = new VectorQuantizerOptions();

    /// <summary>Codes of each stage, where they differ; empty for those of <see cref="Stage"/>.</summary>
    public IReadOnlyList<int> Sizes { get; init; } = [];

    /// <summary>
    /// Numbers per code of each stage, which then stands between two learned maps from and to <see cref="Width"/> (DAC); empty for stages
    /// as they are.
    /// </summary>
    public IReadOnlyList<int> Widths { get; init; } = [];

    /// <summary>Numbers per vector where <see cref="Widths"/> are given; else those of the stage.</summary>
    public int Width { get; init; } = 64;

    /// <summary>All stages read and teach one codebook.</summary>
    public bool SharedCodebook { get; init; }

    /// <summary>How the reconstruction gradient reaches the encoder: straight-through or rotation, over the sum of the stages.</summary>
    public GradientEstimator Estimator { get; init; } = GradientEstimator.StraightThrough;

    /// <summary>
    /// Probability that a sample keeps only its first n stages in training, n uniform: one model for many bit rates (DAC uses 0.5 a
    /// sample).
    /// </summary>
    public double DropoutProbability { get; init; }

    /// <summary>Kept stages are rounded up to a multiple of this (EnCodec uses 4).</summary>
    public int DropoutMultiple { get; init; } = 1;

    /// <summary>
    /// Candidates kept a stage; 1 is the greedy choice. A wider beam never gives a greater error than greedy. Needs stages with a table of
    /// codes chosen by distance.
    /// </summary>
    public int BeamWidth { get; init; } = 1;

    /// <inheritdoc/>
    public override Quantizer Build(Generator? generator = null) => new ResidualQuantizer(this, generator);

    internal override QuantizerOptions? WithWidth(int width) =>
        Widths.Count > 0 ? this with { Width = width } : Stage.WithWidth(width) is { } stage ? this with { Stage = stage, Width = width }
            : null;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(Stages, 1)
        .Nested(Stage)
        .Must(Stage is not { TakesWholeMaps: true }, "a quantizer over scales", "a quantizer of single vectors",
            "A quantizer over scales codes whole maps: use it by itself.", nameof(Stage))
        .Must(Sizes.Count == 0 || Sizes.Count == Stages, Sizes.Count, $"one size a stage ({Stages}), or none", field: nameof(Sizes))
        .Must(Sizes.Count == 0 || !SharedCodebook || Sizes.Distinct().Count() == 1, string.Join(", ", Sizes),
            "equal sizes while SharedCodebook is true", field: nameof(Sizes))
        .Must(Sizes.Count == 0 || Stage.WithCodes(2) is not null, string.Join(", ", Sizes),
            "none: the stage's number of codes follows from its other options", field: nameof(Sizes))
        .Must(Sizes.All(s => s >= 2), string.Join(", ", Sizes), "at least 2 each", field: nameof(Sizes))
        .Must(Widths.Count == 0 || Widths.Count == Stages, Widths.Count, $"one width per stage ({Stages}), or none", field: nameof(Widths))
        .Must(Widths.All(w => w >= 1), string.Join(", ", Widths), "at least 1 each", field: nameof(Widths))
        .Must(Widths.Count == 0 || Stage.WithWidth(1) is not null, string.Join(", ", Widths),
            "none: the stage's width follows from its other options", field: nameof(Widths))
        .Must(Widths.Count == 0 || !SharedCodebook || Widths.Distinct().Count() == 1, string.Join(", ", Widths),
            "equal widths while SharedCodebook is true", field: nameof(Widths))
        .Must(Widths.Count == 0 || (BeamWidth == 1 && Estimator == GradientEstimator.StraightThrough), string.Join(", ", Widths),
            "none with a beam or the rotation: stages between maps bring a gradient of their own", field: nameof(Widths))
        .AtLeast(Width, 1)
        .OneOf(Estimator, [GradientEstimator.StraightThrough, GradientEstimator.Rotation])
        .Must(Stage is not VectorQuantizerOptions { Estimator: GradientEstimator.Rotation }, GradientEstimator.Rotation,
            "StraightThrough or Directional",
            "The gradient crosses the stages as one: set the residual quantizer's own Estimator = Rotation.", "Stage.Estimator")
        .Must(!Stage.HasOwnGradient || Estimator == GradientEstimator.StraightThrough, Estimator,
            "StraightThrough: these stages bring a gradient of their own", field: nameof(Estimator))
        .Within(DropoutProbability, 0, 1)
        .AtLeast(DropoutMultiple, 1)
        .AtLeast(BeamWidth, 1)
        .Must(BeamWidth == 1
            || Stage is VectorQuantizerOptions { Codebook.Similarity: CodeSimilarity.Euclidean } or SimVectorQuantizerOptions, BeamWidth,
            "1, or stages of kind vector with Euclidean similarity or sim-vq", "The beam minimises a distance to the codes of a table.",
            nameof(BeamWidth));

    /// <summary>The options of one stage.</summary>
    internal QuantizerOptions StageOptions(int stage)
    {
        var options = Sizes.Count == 0 ? Stage : Stage.WithCodes(Sizes[stage])!;
        return Widths.Count == 0 ? options : new ProjectedQuantizerOptions { Width = Width, Inner = options.WithWidth(Widths[stage])! };
    }
}
