using Cresset.Numerics;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// SimVQ (Zhu et al. 2024, arXiv:2411.02038): frozen random codes seen through one learned linear map, so that every step moves the whole
/// codebook.
/// </summary>
[Part("sim-vq", "Zhu et al. 2024, arXiv:2411.02038", Aliases = ["simvq"])]
public sealed record SimVectorQuantizerOptions : QuantizerOptions
{
    /// <summary>Codes.</summary>
    public int Size { get; init; } = 1024;

    /// <summary>Numbers per vector.</summary>
    public int Width { get; init; } = 64;

    /// <summary>Numbers of a frozen code before the map; 0 for <see cref="Width"/>.</summary>
    public int FrozenWidth { get; init; }

    /// <summary>Numbers between two linear maps with a ReLU, which then stand for the one; 0 for one map.</summary>
    public int HiddenWidth { get; init; }

    /// <summary>Weight of |q - sg z|².</summary>
    public double CodebookWeight { get; init; } = 1;

    /// <summary>Weight of |z - sg q|².</summary>
    public double CommitmentWeight { get; init; } = 0.25;

    /// <summary>Straight-through or rotation.</summary>
    public GradientEstimator Estimator { get; init; } = GradientEstimator.StraightThrough;

    /// <inheritdoc/>
    public override Quantizer Build(Generator? generator = null) => new SimVectorQuantizer(this, generator);

    internal override QuantizerOptions? WithCodes(int codes) => this with { Size = codes };

    internal override QuantizerOptions? WithWidth(int width) => this with { Width = width };

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(Size, 2)
        .AtLeast(Width, 1)
        .AtLeast(FrozenWidth, 0)
        .AtLeast(HiddenWidth, 0)
        .AtLeast(CodebookWeight, 0)
        .AtLeast(CommitmentWeight, 0)
        .OneOf(Estimator, [GradientEstimator.StraightThrough, GradientEstimator.Rotation]);
}
