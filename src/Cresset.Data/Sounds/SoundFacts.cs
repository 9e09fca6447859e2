namespace Cresset.Data;

/// <summary>How a sound becomes an input.</summary>
public sealed record SoundFacts
{
    /// <summary>Samples per second.</summary>
    public required int Rate { get; init; }

    /// <summary>Channels; others are mixed to their mean, or a single one doubled.</summary>
    public required int Channels { get; init; }

    /// <summary>Samples of each channel.</summary>
    public required int Length { get; init; }
}
