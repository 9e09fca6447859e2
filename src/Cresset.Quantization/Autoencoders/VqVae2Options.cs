using Cresset.Nn;
using Cresset.Numerics;

namespace Cresset.Quantization;

/// <summary>VQ-VAE-2 (Razavi et al. 2019, arXiv:1906.00446): a coarse level for the whole, a fine level for the details.</summary>
public sealed record VqVae2Options : IOptionsRecord
{
    /// <summary>Channels of the images.</summary>
    public int Channels { get; init; } = 3;

    /// <summary>Channels of encoders and decoders.</summary>
    public int Width { get; init; } = 128;

    /// <summary>Residual units of each.</summary>
    public int ResidualUnits { get; init; } = 2;

    /// <summary>Channels inside a residual unit.</summary>
    public int ResidualWidth { get; init; } = 32;

    /// <summary>How decoders double the size.</summary>
    public UpsamplerOptions Upsampler { get; init; } = new TransposedUpsampler();

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(Channels, 1)
        .AtLeast(Width, 2)
        .AtLeast(ResidualUnits, 0)
        .AtLeast(ResidualWidth, 1)
        .Must(Upsampler is not null, Upsampler, "an upsampler (cresset list --upsamplers)", field: nameof(Upsampler))
        .Nested(Upsampler);
}
