using Cresset.Nn;
using Cresset.Numerics;

namespace Cresset.Quantization;

/// <summary>Encoder and decoder around a quantizer, for images or for signals of one dimension.</summary>
public sealed record VqVaeOptions : IOptionsRecord
{
    /// <summary>Channels of the data.</summary>
    public int Channels { get; init; } = 1;

    /// <summary>2 for images [N, C, H, W], 1 for audio and time series [N, C, L].</summary>
    public int Dimensions { get; init; } = 2;

    /// <summary>Channels of the trunk; the first of two downsamplings has half.</summary>
    public int Width { get; init; } = 64;

    /// <summary>Times the size is halved.</summary>
    public int Downsamplings { get; init; } = 2;

    /// <summary>Residual units (ReLU, 3-wide, ReLU, 1-wide) in encoder and in decoder.</summary>
    public int ResidualUnits { get; init; } = 2;

    /// <summary>Channels inside a residual unit.</summary>
    public int ResidualWidth { get; init; } = 32;

    /// <summary>How the decoder doubles the size.</summary>
    public UpsamplerOptions Upsampler { get; init; } = new TransposedUpsampler();

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(Channels, 1)
        .Within(Dimensions, 1, 2)
        .AtLeast(Width, 2)
        .Within(Downsamplings, 1, 10)
        .AtLeast(ResidualUnits, 0)
        .AtLeast(ResidualWidth, 1)
        .Must(Upsampler is not null, Upsampler, "an upsampler (cresset list --upsamplers)", field: nameof(Upsampler))
        .Nested(Upsampler)
        .Must(Dimensions != 1 || Upsampler is TransposedUpsampler or NearestUpsampler,
            Upsampler is null ? null : PartCatalog.NameOf(Upsampler.GetType()), "transposed or nearest for one dimension",
            field: nameof(Upsampler));
}
