using Cresset.Data;
using Cresset.Numerics;
using Cresset.Quantization;

namespace Cresset.Recipes;

/// <summary>Which bottleneck a tokenizer gets.</summary>
public enum TokenizerQuantizer
{
    /// <summary>One codebook that follows moving averages.</summary>
    MovingAverage,

    /// <summary>One codebook that learns by gradient.</summary>
    Gradient,

    /// <summary>Finite scalar quantization between two linear maps.</summary>
    FiniteScalar,

    /// <summary>Lookup-free quantization between two linear maps.</summary>
    LookupFree,

    /// <summary>Residual stages of moving-average codebooks.</summary>
    Residual,
}

/// <summary>The autoencoder around the bottleneck.</summary>
public enum TokenizerArchitecture
{
    /// <summary>One map of codes.</summary>
    VqVae,

    /// <summary>Two maps, a coarse one and a fine one (VQ-VAE-2).</summary>
    VqVae2,
}

/// <summary>A VQ-VAE on a set of pictures.</summary>
public sealed record TokenizerOptions : IOptionsRecord
{
    /// <summary>Pixels of black added on every side of the pictures, so that their size suits the strides (2 makes 28x28 to 32x32).</summary>
    public int Padding { get; init; }

    /// <summary>The autoencoder.</summary>
    public TokenizerArchitecture Architecture { get; init; } = TokenizerArchitecture.VqVae;

    /// <summary>Times the size is halved (VQ-VAE; VQ-VAE-2 has strides of 8 and 4).</summary>
    public int Downsamplings { get; init; } = 2;

    /// <summary>Channels of encoder and decoder.</summary>
    public int Width { get; init; } = 64;

    /// <summary>Numbers a latent vector.</summary>
    public int LatentWidth { get; init; } = 64;

    /// <summary>The bottleneck.</summary>
    public TokenizerQuantizer Quantizer { get; init; } = TokenizerQuantizer.MovingAverage;

    /// <summary>Codes of a codebook (of each stage).</summary>
    public int Codes { get; init; } = 256;

    /// <summary>Stages of residual quantization.</summary>
    public int Stages { get; init; } = 2;

    /// <summary>Levels of finite scalar quantization.</summary>
    public IReadOnlyList<int> Levels { get; init; } = [8, 6, 5];

    /// <summary>Bits of lookup-free quantization.</summary>
    public int Bits { get; init; } = 8;

    /// <summary>Decay of the moving averages.</summary>
    public double Decay { get; init; } = 0.99;

    /// <summary>Share of an even spread below which a code is restarted; 0 never.</summary>
    public double RestartShare { get; init; } = 0.2;

    /// <summary>Weight of the commitment term.</summary>
    public double CommitmentWeight { get; init; } = 0.25;

    /// <summary>How the gradient crosses the bottleneck.</summary>
    public GradientEstimator Estimator { get; init; } = GradientEstimator.StraightThrough;

    /// <summary>Weight of the adversarial term of a VQGAN, on top of the adaptive one; 0 trains without a discriminator.</summary>
    public double AdversarialWeight { get; init; }

    /// <summary>Steps before the discriminator joins.</summary>
    public int AdversarialStart { get; init; }

    /// <summary>Channels of the discriminator's first layer.</summary>
    public int DiscriminatorWidth { get; init; } = 32;

    /// <summary>Layers of stride 2 of the discriminator.</summary>
    public int DiscriminatorLayers { get; init; } = 2;

    /// <summary>Learning rate of the discriminator.</summary>
    public double DiscriminatorRate { get; init; } = 5e-4;

    private int Stride => Architecture == TokenizerArchitecture.VqVae2 ? 8 : 1 << Math.Clamp(Downsamplings, 1, 6);

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Downsamplings, 1, 6)
        .Within(Padding, 0, 1024)
        .Defined(Architecture)
        .AtLeast(AdversarialWeight, 0)
        .AtLeast(AdversarialStart, 0)
        .Within(DiscriminatorWidth, 4, 1024)
        .Within(DiscriminatorLayers, 1, 5)
        .Positive(DiscriminatorRate)
        .Within(Width, 2, 4096)
        .Within(LatentWidth, 1, 4096)
        .Defined(Quantizer)
        .Within(Codes, 2, 1 << 20)
        .Within(Stages, 1, 64)
        .Within(Bits, 1, 20)
        .Within(Decay, 0, 1, includeMax: false)
        .Within(RestartShare, 0, 1, includeMax: false)
        .AtLeast(CommitmentWeight, 0)
        .OneOf(Estimator, [GradientEstimator.StraightThrough, GradientEstimator.Rotation])
        .Nested(Quantizer == TokenizerQuantizer.FiniteScalar ? new FiniteScalarQuantizerOptions { Levels = Levels } : null, nameof(Levels));

    /// <summary>Height and width of the data's pictures after padding.</summary>
    /// <exception cref="InvalidDataException">They are not square, or the strides do not divide them.</exception>
    internal int PictureSize(DataFacts facts)
    {
        var (height, width) = (facts.Shape[^2], facts.Shape[^1]);
        if (height != width) throw new InvalidDataException($"{facts.Name}: pictures of {width}x{height}; a tokenizer takes square ones (data.width=0).");
        var size = (int)height + (2 * Padding);
        if (size % Stride != 0)
        {
            throw new InvalidDataException($"{facts.Name}: pictures of {size}x{size} with their padding; a size that {Stride} divides is needed. "
                + "Change data.size, padding or downsamplings; 28x28 pictures take padding: 2 for a stride of 8.");
        }
        if (AdversarialWeight > 0 && size < 4 << DiscriminatorLayers)
        {
            throw new InvalidDataException($"discriminator_layers is {DiscriminatorLayers}: a patch does not fit into pictures of {size}x{size}. Use fewer layers.");
        }
        return size;
    }

    /// <summary>Makes the autoencoder; weights follow the generator.</summary>
    internal Tokenizer Build(int channels, TorchSharp.torch.Generator generator)
    {
        if (Architecture == TokenizerArchitecture.VqVae) return new VqVae(new() { Channels = channels, Width = Width, Downsamplings = Downsamplings }, BuildQuantizer(generator), generator);
        var top = BuildQuantizer(generator);
        return new VqVae2(new() { Channels = channels, Width = Width }, top, BuildQuantizer(generator), generator);
    }

    private Quantizer BuildQuantizer(TorchSharp.torch.Generator generator)
    {
        var codebook = new CodebookOptions { Size = Codes, Width = LatentWidth, Decay = Decay, RestartShare = RestartShare };
        var vector = new VectorQuantizerOptions { Codebook = codebook, CommitmentWeight = CommitmentWeight, Estimator = Estimator };
        return Quantizer switch
        {
            TokenizerQuantizer.MovingAverage => new VectorQuantizer(vector, generator),
            TokenizerQuantizer.Gradient => new VectorQuantizer(vector with { Codebook = codebook with { Learning = CodebookLearning.Gradient } }, generator),
            TokenizerQuantizer.FiniteScalar => new ProjectedQuantizer(new FiniteScalarQuantizer(new() { Levels = Levels }, generator), LatentWidth, generator),
            TokenizerQuantizer.LookupFree => new ProjectedQuantizer(new LookupFreeQuantizer(new() { Bits = Bits, CommitmentWeight = CommitmentWeight }), LatentWidth, generator),
            TokenizerQuantizer.Residual => new ResidualQuantizer(new() { Stages = Stages, Stage = vector with { Codebook = codebook with { KMeansIterations = 10 } } }, generator),
            _ => throw new InvalidOperationException($"Unknown quantizer {Quantizer}."),
        };
    }
}
