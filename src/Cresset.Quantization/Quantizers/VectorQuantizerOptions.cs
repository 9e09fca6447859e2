using Cresset.Numerics;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>Vector quantization with one learned codebook (VQ-VAE, van den Oord et al. 2017).</summary>
[Part("vector", "van den Oord et al. 2017, arXiv:1711.00937", Aliases = ["vq", "moving-average"])]
public sealed record VectorQuantizerOptions : QuantizerOptions
{
    /// <summary>The codebook.</summary>
    public CodebookOptions Codebook { get; init; } = new();

    /// <summary>Weight beta of |z - sg q|², which keeps the encoder near its codes.</summary>
    public double CommitmentWeight { get; init; } = 0.25;

    /// <summary>
    /// Weight gamma of |q - sg z|², which moves the codes to the encoder's vectors. Only for codebooks that learn by gradient.
    /// </summary>
    public double CodebookWeight { get; init; } = 1;

    /// <summary>How the reconstruction gradient reaches the encoder.</summary>
    public GradientEstimator Estimator { get; init; } = GradientEstimator.StraightThrough;

    /// <summary>
    /// Weight of the orthogonality term sum cos²/K² - 1/K over pairs of codes (Shin et al. 2021); needs a codebook that learns by gradient.
    /// </summary>
    public double OrthogonalWeight { get; init; }

    /// <summary>
    /// Weight of the diversity term: minus the entropy of the mean soft assignment, so that a batch spreads over the codes.
    /// </summary>
    public double DiversityWeight { get; init; }

    /// <summary>Inverse temperature of the soft assignment in the diversity term: softmax of minus distance times this.</summary>
    public double DiversityInverseTemperature { get; init; } = 100;

    /// <summary>Noise variance of <see cref="GradientEstimator.Directional"/>.</summary>
    public double DirectionalVariance { get; init; } = 0.005;

    /// <summary>Moving averages, restart of dead codes: the setting to begin with.</summary>
    public static VectorQuantizerOptions MovingAverage { get; } = new();

    /// <summary>
    /// Codes as parameters with equal codebook and commitment weights and restart: the best single codebook in our Fashion-MNIST
    /// comparison.
    /// </summary>
    public static VectorQuantizerOptions ByGradient { get; } = new()
    {
        Codebook = new() { Learning = CodebookLearning.Gradient },
        CommitmentWeight = 1
    };

    /// <inheritdoc/>
    public override Quantizer Build(Generator? generator = null) => new VectorQuantizer(this, generator);

    internal override QuantizerOptions? WithCodes(int codes) => this with { Codebook = Codebook with { Size = codes } };

    internal override QuantizerOptions? WithWidth(int width) => this with { Codebook = Codebook with { Width = width } };

    internal override bool HasOwnGradient => Estimator == GradientEstimator.Directional;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Nested(Codebook)
        .AtLeast(CommitmentWeight, 0)
        .AtLeast(CodebookWeight, 0)
        .Defined(Estimator)
        .Must(Estimator != GradientEstimator.Directional || Codebook.Learning == CodebookLearning.Gradient, Estimator,
            "StraightThrough or Rotation while Codebook.Learning is MovingAverage",
            "Directional teaches the codebook by gradient: set Codebook.Learning = Gradient.", nameof(Estimator))
        .AtLeast(OrthogonalWeight, 0)
        .Must(OrthogonalWeight == 0 || Codebook.Learning == CodebookLearning.Gradient, OrthogonalWeight,
            "0 while Codebook.Learning is MovingAverage", "The term moves codes by gradient: set Codebook.Learning = Gradient.",
            nameof(OrthogonalWeight))
        .AtLeast(DiversityWeight, 0)
        .Positive(DiversityInverseTemperature)
        .AtLeast(DirectionalVariance, 0);
}
