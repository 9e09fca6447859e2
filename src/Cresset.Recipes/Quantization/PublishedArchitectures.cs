using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Quantization;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// The autoencoder of VQGAN: residual blocks with group norm, attention at small sizes, nearest neighbours upwards. Its width is the
/// section's; its stride follows from the multipliers.
/// </summary>
[Part("vqgan", "Esser et al. 2020, arXiv:2012.09841", Aliases = ["taming"])]
internal sealed record VqganArchitecture : TokenizerArchitecture
{
    private static readonly VqganOptions Library = new();

    /// <summary>Channels at each size over the section's width, the full size first.</summary>
    public IReadOnlyList<int> Multipliers { get; init; } = Library.Multipliers;

    /// <summary>Residual blocks at each size of the encoder; the decoder has one more.</summary>
    public int ResidualBlocks { get; init; } = Library.ResidualBlocks;

    /// <summary>Sizes with attention behind every block, counted from 0 for the full one.</summary>
    public IReadOnlyList<int> AttentionLevels { get; init; } = Library.AttentionLevels;

    /// <summary>Groups of the norms.</summary>
    public int Groups { get; init; } = Library.Groups;

    /// <summary>Channels of the encoder's output; the section's latent width, or the quantizer's, is that of the codes.</summary>
    public int Inner { get; init; } = Library.LatentWidth;

    /// <summary>How the decoder doubles the size.</summary>
    public UpsamplerOptions Upsampler { get; init; } = Library.Upsampler;

    /// <inheritdoc/>
    public override bool HasOneMap => true;

    /// <inheritdoc/>
    public override int StrideOf(TokenizerOptions options) => 1 << Math.Clamp((Multipliers?.Count ?? 1) - 1, 0, 8);

    /// <inheritdoc/>
    public override Tokenizer Build(TokenizerOptions options, int channels, Func<Quantizer> quantizer, Generator generator)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(quantizer);
        return new VqganTokenizer(With(channels, options.Width), quantizer(), generator);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate()
        => With(Library.Channels, Math.Max(1, Groups)).Validate()
            .Select(p => p.Field == nameof(VqganOptions.LatentWidth) ? p with { Field = nameof(Inner) } : p);

    private VqganOptions With(int channels, int width) => Library with
    {
        Channels = channels,
        Width = width,
        Multipliers = Multipliers,
        ResidualBlocks = ResidualBlocks,
        AttentionLevels = AttentionLevels,
        Groups = Groups,
        LatentWidth = Inner,
        Upsampler = Upsampler,
    };
}

/// <summary>The autoencoder of EnCodec for sounds, with an LSTM. Its width is the section's.</summary>
[Part("encodec", "Défossez et al. 2022, arXiv:2210.13438")]
internal sealed record EncodecArchitecture : TokenizerArchitecture
{
    private static readonly EncodecOptions Library = new();

    /// <summary>By how much the decoder's steps are longer, the first first.</summary>
    public IReadOnlyList<int> Ratios { get; init; } = Library.Ratios;

    /// <summary>Residual units before each step.</summary>
    public int ResidualUnits { get; init; } = Library.ResidualUnits;

    /// <summary>Layers of the LSTM; 0 for none.</summary>
    public int LstmLayers { get; init; } = Library.LstmLayers;

    /// <summary>Looks at no later sample.</summary>
    public bool Causal { get; init; } = Library.Causal;

    /// <summary>Kernel of the first and last layers.</summary>
    public int Kernel { get; init; } = Library.Kernel;

    /// <summary>Kernel of the residual units.</summary>
    public int ResidualKernel { get; init; } = Library.ResidualKernel;

    /// <inheritdoc/>
    public override int SpatialDimensions => 1;

    /// <inheritdoc/>
    public override int StrideOf(TokenizerOptions options) => (Ratios ?? []).Aggregate(1, (a, b) => a * Math.Clamp(b, 1, 16));

    /// <inheritdoc/>
    public override Tokenizer Build(TokenizerOptions options, int channels, Func<Quantizer> quantizer, Generator generator)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(quantizer);
        return new EncodecTokenizer(With(channels, options.Width), quantizer(), generator);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => With(Library.Channels, Library.Width).Validate();

    private EncodecOptions With(int channels, int width) => Library with
    {
        Channels = channels,
        Width = width,
        Ratios = Ratios,
        ResidualUnits = ResidualUnits,
        LstmLayers = LstmLayers,
        Causal = Causal,
        Kernel = Kernel,
        ResidualKernel = ResidualKernel,
    };
}

/// <summary>The autoencoder of the Descript Audio Codec for sounds. Its encoder's width is the section's.</summary>
[Part("dac", "Kumar et al. 2023, arXiv:2306.06546")]
internal sealed record DacArchitecture : TokenizerArchitecture
{
    private static readonly DacOptions Library = new();

    /// <summary>By how much each step of the encoder is shorter.</summary>
    public IReadOnlyList<int> Ratios { get; init; } = Library.Ratios;

    /// <summary>Channels of the decoder's first layer; halved at each step.</summary>
    public int DecoderWidth { get; init; } = Library.DecoderWidth;

    /// <inheritdoc/>
    public override int SpatialDimensions => 1;

    /// <inheritdoc/>
    public override int StrideOf(TokenizerOptions options) => (Ratios ?? []).Aggregate(1, (a, b) => a * Math.Clamp(b, 1, 16));

    /// <inheritdoc/>
    public override Tokenizer Build(TokenizerOptions options, int channels, Func<Quantizer> quantizer, Generator generator)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(quantizer);
        return new DacTokenizer(With(channels, options.Width), quantizer(), generator);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => With(Library.Channels, Library.Width).Validate();

    private DacOptions With(int channels, int width) =>
        Library with { Channels = channels, Width = width, Ratios = Ratios, DecoderWidth = DecoderWidth };
}
