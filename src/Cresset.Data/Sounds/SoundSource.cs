namespace Cresset.Data;

/// <summary>A WAV file as another rate and number of channels would have it, read piece by piece.</summary>
public sealed class SoundSource : IDisposable
{
    private readonly WavReader _reader;
    private readonly SoundResampling? _resampling;
    private readonly string _path;

    private SoundSource(WavReader reader, string path, int rate, int channels)
    {
        (_reader, _path) = (reader, path);
        Channels = channels;
        _resampling = rate == reader.Facts.Rate ? null : new SoundResampling(reader.Facts.Rate, rate);
        Frames = _resampling?.LengthOf(reader.Facts.Frames) ?? reader.Facts.Frames;
    }

    /// <summary>What the file says.</summary>
    public WavFacts File => _reader.Facts;

    /// <summary>Channels that are given.</summary>
    public int Channels { get; }

    /// <summary>Samples of each channel at the rate asked for.</summary>
    public long Frames { get; }

    /// <summary>Opens a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="rate">Samples per second; 0 for the file's.</param>
    /// <param name="channels">1 mixes the channels to their mean, 2 doubles a single one; 0 for the file's.</param>
    /// <exception cref="InvalidDataException">The file is damaged, or has a number of channels that cannot be brought to this
    /// one.</exception>
    public static SoundSource Open(string path, int rate = 0, int channels = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rate);
        ArgumentOutOfRangeException.ThrowIfNegative(channels);
        var reader = WavReader.Open(path);
        var own = reader.Facts.Channels;
        if (channels > 1 && own != 1 && own != channels)
        {
            reader.Dispose();
            throw new InvalidDataException(
                $"{path} has {own} channels; {channels} are wanted, which only a file of 1 or {channels} gives.");
        }
        return new SoundSource(reader, path, rate == 0 ? reader.Facts.Rate : rate, channels == 0 ? own : channels);
    }

    /// <summary>Samples of each channel after one another, [channels * count]; zeros behind the end.</summary>
    public float[] Read(long first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        var own = _reader.Facts.Channels;
        var from = _resampling?.FirstNeeded(first) ?? first;
        // One more at the end: the last place may lie between two samples.
        var needed = _resampling is null ? count
            : checked((int)(_resampling.FirstNeeded(first + count - 1) - from) + (2 * _resampling.Reach));
        var (start, end) = (Math.Max(0, from), Math.Min(_reader.Facts.Frames, from + needed));
        var there = (int)Math.Max(0, end - start);
        var read = there == 0 ? [] : _reader.Read(start, there);
        var result = new float[Channels * count];
        var channel = new float[needed];
        for (var c = 0; c < Channels; c++)
        {
            Array.Clear(channel);
            var target = channel.AsSpan((int)(start - from), there);
            if (Channels == own || own == 1) read.AsSpan((own == 1 ? 0 : c) * there, there).CopyTo(target);
            else Mix(read, own, there, target);
            if (_resampling is null) channel.CopyTo(result, c * count);
            else _resampling.Apply(channel, from, first, result.AsSpan(c * count, count));
        }
        return result;
    }

    /// <inheritdoc/>
    public void Dispose() => _reader.Dispose();

    /// <inheritdoc/>
    public override string ToString() => _path;

    private static void Mix(float[] read, int channels, int count, Span<float> target)
    {
        for (var i = 0; i < count; i++)
        {
            var sum = 0.0;
            for (var c = 0; c < channels; c++) sum += read[(c * count) + i];
            target[i] = (float)(sum / channels);
        }
    }
}
