using Cresset.Numerics;

namespace Cresset.Quantization;

/// <summary>
/// The convolutional autoencoder of the Descript Audio Codec (Kumar et al. 2023, arXiv:2306.06546): residual units with snake activations
/// at growing dilations.
/// </summary>
public sealed record DacOptions : IOptionsRecord
{
    /// <summary>Channels of the sound.</summary>
    public int Channels { get; init; } = 1;

    /// <summary>Channels of the encoder's first layer; doubled at each step.</summary>
    public int Width { get; init; } = 64;

    /// <summary>By how much each step of the encoder is shorter; the decoder's go the other way round.</summary>
    public IReadOnlyList<int> Ratios { get; init; } = [2, 4, 8, 8];

    /// <summary>Channels of the decoder's first layer; halved at each step.</summary>
    public int DecoderWidth { get; init; } = 1536;

    /// <summary>Samples to one position.</summary>
    internal int Stride => Ratios.Aggregate(1, (a, b) => a * Math.Max(1, b));

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Channels, 1, 64)
        .Within(Width, 1, 1024)
        .Must(Ratios is { Count: >= 1 and <= 8 } && Ratios.All(r => r is >= 2 and <= 16), Ratios is null ? null : string.Join(", ", Ratios),
            "1 to 8 numbers from 2 to 16", field: nameof(Ratios))
        .Must(Ratios is null || Ratios.Aggregate(1L, (a, b) => Math.Min(1L << 40, a * Math.Max(1, b))) <= 1 << 20,
            Ratios is null ? null : string.Join(", ", Ratios), "numbers whose product is at most 2^20", field: nameof(Ratios))
        .Must(Ratios is null || (DecoderWidth >= 1 << Ratios.Count && DecoderWidth % (1 << Ratios.Count) == 0), DecoderWidth,
            "a number that can be halved at each step", field: nameof(DecoderWidth));
}
