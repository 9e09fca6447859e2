namespace Cresset.Data;

/// <summary>How a WAV file stores a sample.</summary>
public enum WavSample
{
    /// <summary>Whole numbers of 8 bits without a sign.</summary>
    Pcm8,

    /// <summary>Whole numbers of 16 bits.</summary>
    Pcm16,

    /// <summary>Whole numbers of 24 bits.</summary>
    Pcm24,

    /// <summary>Whole numbers of 32 bits.</summary>
    Pcm32,

    /// <summary>Floating point of 32 bits.</summary>
    Float32,

    /// <summary>Floating point of 64 bits.</summary>
    Float64,
}

/// <summary>What a WAV file says of its sound.</summary>
/// <param name="Rate">Samples per second of each channel.</param>
/// <param name="Channels">Channels.</param>
/// <param name="Frames">Samples of each channel.</param>
/// <param name="Sample">How they are stored.</param>
public sealed record WavFacts(int Rate, int Channels, long Frames, WavSample Sample)
{
    /// <summary>Length in seconds.</summary>
    public double Seconds => (double)Frames / Rate;

    internal int SampleBytes =>
        Sample switch { WavSample.Pcm8 => 1, WavSample.Pcm16 => 2, WavSample.Pcm24 => 3, WavSample.Float64 => 8, _ => 4 };

    internal bool IsFloat => Sample is WavSample.Float32 or WavSample.Float64;
}
