namespace Cresset.Data;

/// <summary>Sounds in memory at another rate, by the rule of <see cref="SoundSource"/>.</summary>
/// <param name="from">Samples per second that there are.</param>
/// <param name="to">Samples per second that are wanted.</param>
public sealed class SoundRate(int from, int to)
{
    private readonly SoundResampling _rule = new(Positive(from, nameof(from)), Positive(to, nameof(to)));

    /// <summary>Samples of a sound of that length at the other rate.</summary>
    public long LengthOf(long frames) => _rule.LengthOf(frames);

    /// <summary>One channel at the other rate.</summary>
    /// <param name="samples">All samples of the channel.</param>
    /// <param name="count">Samples wanted.</param>
    public float[] Apply(ReadOnlySpan<float> samples, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (count == 0) return [];
        var start = _rule.FirstNeeded(0);
        var padded = new float[checked((int)(_rule.FirstNeeded(count - 1) - start) + (2 * _rule.Reach))];
        samples[..Math.Min(samples.Length, (int)Math.Max(0, padded.Length + start))].CopyTo(padded.AsSpan((int)-start));
        var result = new float[count];
        _rule.Apply(padded, start, 0, result);
        return result;
    }

    private static int Positive(int rate, string name) =>
        rate > 0 ? rate : throw new ArgumentOutOfRangeException(name, rate, "A rate is 1 or more.");
}
