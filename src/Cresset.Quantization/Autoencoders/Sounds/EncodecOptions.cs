using Cresset.Numerics;

namespace Cresset.Quantization;

/// <summary>The convolutional autoencoder of EnCodec (Défossez et al. 2022, arXiv:2210.13438), after SoundStream's.</summary>
public sealed record EncodecOptions : IOptionsRecord
{
    /// <summary>Channels of the sound.</summary>
    public int Channels { get; init; } = 1;

    /// <summary>Channels of the first layer; doubled at each step down.</summary>
    public int Width { get; init; } = 32;

    /// <summary>By how much the decoder's steps are longer, the first first; the encoder's go the other way round.</summary>
    public IReadOnlyList<int> Ratios { get; init; } = [8, 5, 4, 2];

    /// <summary>Residual units before each step.</summary>
    public int ResidualUnits { get; init; } = 1;

    /// <summary>Layers of the LSTM between convolutions and codes, with a shortcut; 0 for none.</summary>
    public int LstmLayers { get; init; } = 2;

    /// <summary>Looks at no later sample.</summary>
    public bool Causal { get; init; } = true;

    /// <summary>Kernel of the first and last layers.</summary>
    public int Kernel { get; init; } = 7;

    /// <summary>Kernel of the residual units.</summary>
    public int ResidualKernel { get; init; } = 3;

    /// <summary>Samples to one position.</summary>
    internal int Stride => Ratios.Aggregate(1, (a, b) => a * Math.Max(1, b));

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Channels, 1, 64)
        .Within(Width, 2, 1024)
        .Must(Width % 2 == 0, Width, "an even number: residual units have half inside", field: nameof(Width))
        .Must(Ratios is { Count: >= 1 and <= 8 } && Ratios.All(r => r is >= 2 and <= 16), Ratios is null ? null : string.Join(", ", Ratios),
            "1 to 8 numbers from 2 to 16", field: nameof(Ratios))
        .Must(Ratios is null || Ratios.Aggregate(1L, (a, b) => Math.Min(1L << 40, a * Math.Max(1, b))) <= 1 << 20,
            Ratios is null ? null : string.Join(", ", Ratios), "numbers whose product is at most 2^20", field: nameof(Ratios))
        .Within(ResidualUnits, 0, 8)
        .Within(LstmLayers, 0, 8)
        .Within(Kernel, 1, 31)
        .Within(ResidualKernel, 1, 31);
}
