using Cresset.Data;
using Cresset.Numerics;
using Cresset.Quantization;

namespace Cresset.Recipes;

/// <summary>A VQ-VAE on a set of pictures.</summary>
public sealed record TokenizerOptions : IOptionsRecord
{
    /// <summary>
    /// Pixels of black added on every side of the pictures, so that their size suits the strides (2 makes 28x28 to 32x32).
    /// </summary>
    public int Padding { get; init; }

    /// <summary>The autoencoder.</summary>
    public TokenizerArchitecture Architecture { get; init; } = new VqVaeArchitecture();

    /// <summary>Times the size is halved, up to 6, for sounds up to 10 (VQ-VAE; VQ-VAE-2 has strides of 8 and 4).</summary>
    public int Downsamplings { get; init; } = 2;

    /// <summary>Channels of encoder and decoder.</summary>
    public int Width { get; init; } = 64;

    /// <summary>
    /// Numbers a latent vector; 0 for the quantizer's own width. A quantizer whose other options fix its width (finite-scalar, lookup-free)
    /// then stands between two learned linear maps; any other one takes this width.
    /// </summary>
    public int LatentWidth { get; init; }

    /// <summary>The bottleneck (one for each map of codes).</summary>
    public QuantizerOptions Quantizer { get; init; } = new VectorQuantizerOptions();

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

    /// <summary>
    /// Weight of the perceptual term: how far features of pictures and reconstructions lie from one another. The features learn beside the
    /// tokenizer from its own pictures, by how far they were turned;
    /// no weights are downloaded. 0 compares pixels alone.
    /// </summary>
    public double PerceptualWeight { get; init; }

    /// <summary>Steps in which the features learn before they count.</summary>
    public int PerceptualStart { get; init; } = 200;

    /// <summary>Channels of the features' first layer, a multiple of 4.</summary>
    public int PerceptualWidth { get; init; } = 32;

    /// <summary>Learning rate of the features.</summary>
    public double PerceptualRate { get; init; } = 1e-3;

    private int Stride => Architecture.StrideOf(this);

    /// <summary>The quantizer for latent vectors of <see cref="LatentWidth"/>.</summary>
    internal QuantizerOptions Bottleneck => LatentWidth == 0 ? Quantizer : Quantizer.ForWidth(LatentWidth);

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Downsamplings, 1, Architecture is { SpatialDimensions: 1 } ? 10 : 6)
        .Within(Padding, 0, 1024)
        .Must(Architecture is not null, Architecture, "an autoencoder (cresset list --autoencoders)")
        .Nested(Architecture)
        .AtLeast(AdversarialWeight, 0)
        .AtLeast(AdversarialStart, 0)
        .Within(DiscriminatorWidth, 4, 1024)
        .Within(DiscriminatorLayers, 1, 5)
        .Positive(DiscriminatorRate)
        .AtLeast(PerceptualWeight, 0)
        .AtLeast(PerceptualStart, 0)
        .Within(PerceptualWidth, 4, 1024)
        .Must(PerceptualWidth % 4 == 0, PerceptualWidth, "a multiple of 4", field: nameof(PerceptualWidth))
        .Positive(PerceptualRate)
        .Within(Width, 2, 4096)
        .Within(LatentWidth, 0, 4096)
        .Must(Quantizer is not null, Quantizer, "a quantizer (cresset list --quantizers)")
        .Nested(Quantizer);

    /// <summary>Height and width of the data's pictures after padding.</summary>
    /// <exception cref="InvalidDataException">They are not square, or the strides do not divide them.</exception>
    internal int PictureSize(DataFacts facts)
    {
        var (height, width) = (facts.Shape[^2], facts.Shape[^1]);
        if (height != width)
            throw new DataMismatchException($"{facts.Name}: pictures of {width}x{height}; a tokenizer takes square ones (data.width=0).");
        var size = (int)height + (2 * Padding);
        if (size % Stride != 0)
        {
            throw new DataMismatchException(
                $"{facts.Name}: pictures of {size}x{size} with their padding; a size that {Stride} divides is needed. "
                + "Change data.size, padding or downsamplings; 28x28 pictures take padding: 2 for a stride of 8.");
        }
        if (AdversarialWeight > 0 && size < 4 << DiscriminatorLayers)
        {
            throw new DataMismatchException(
                $"discriminator_layers is {DiscriminatorLayers}: a patch does not fit into pictures of {size}x{size}. Use fewer layers.");
        }
        return size;
    }

    /// <summary>Makes the autoencoder; weights follow the generator.</summary>
    internal Tokenizer Build(int channels, TorchSharp.torch.Generator generator)
    {
        var bottleneck = Bottleneck;
        return Architecture.Build(this, channels, () => bottleneck.Build(generator), generator);
    }
}
