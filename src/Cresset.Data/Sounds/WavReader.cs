using System.Buffers.Binary;

namespace Cresset.Data;

/// <summary>
/// A WAV file (RIFF or RF64; 8 to 32 bits of whole numbers, 32 or 64 of floating point) read piece by piece, so that memory does not grow
/// with its length.
/// </summary>
public sealed class WavReader : IDisposable
{
    private const int MostChannels = 256;
    private readonly FileStream _stream;
    private readonly string _path;
    private readonly long _start;

    private WavReader(FileStream stream, string path)
    {
        (_stream, _path) = (stream, path);
        (Facts, _start) = ReadHeader();
    }

    /// <summary>Rate, channels, length.</summary>
    public WavFacts Facts { get; }

    /// <summary>Opens a file.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    /// <exception cref="InvalidDataException">It is not a WAV file, damaged, cut short, or of a kind that is not read; path and offset are
    /// named.</exception>
    public static WavReader Open(string path)
    {
        if (!File.Exists(path)) throw new FileNotFoundException($"There is no file '{path}'.", path);
        var stream = File.OpenRead(path);
        try
        {
            return new WavReader(stream, path);
        }
        catch (EndOfStreamException e)
        {
            stream.Dispose();
            throw new InvalidDataException($"{path}: the file ends inside its header: it is cut short, or no WAV file. {Conversion(path)}",
                e);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Samples of each channel after one another, [channels * count], in -1..1 (floating point as it is stored).</summary>
    /// <param name="first">The first frame.</param>
    /// <param name="count">Frames.</param>
    /// <exception cref="ArgumentOutOfRangeException">They do not lie inside the file.</exception>
    /// <exception cref="InvalidDataException">A sample is not a number.</exception>
    public float[] Read(long first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first + count, Facts.Frames, nameof(count));
        int each = Facts.SampleBytes, channels = Facts.Channels;
        var bytes = new byte[checked(count * channels * each)];
        _stream.Position = _start + (first * channels * each);
        _stream.ReadExactly(bytes);
        var samples = new float[count * channels];
        for (var i = 0; i < count; i++)
        {
            for (var c = 0; c < channels; c++)
            {
                var value = Value(bytes.AsSpan(((i * channels) + c) * each, each));
                if (!float.IsFinite(value)) throw new InvalidDataException($"{_path}: sample {first + i} of channel {c} is {value}.");
                samples[(c * count) + i] = value;
            }
        }
        return samples;
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    private static string Conversion(string path) => $"Convert it first, for instance: ffmpeg -i {Path.GetFileName(path)} sound.wav";

    private float Value(ReadOnlySpan<byte> at) => Facts.Sample switch
    {
        WavSample.Pcm8 => (at[0] - 128) / 128f,
        WavSample.Pcm16 => BinaryPrimitives.ReadInt16LittleEndian(at) / 32768f,
        WavSample.Pcm24 => ((at[0] << 8 | at[1] << 16 | at[2] << 24) >> 8) / 8388608f,
        WavSample.Pcm32 => BinaryPrimitives.ReadInt32LittleEndian(at) / 2147483648f,
        WavSample.Float32 => BinaryPrimitives.ReadSingleLittleEndian(at),
        _ => (float)BinaryPrimitives.ReadDoubleLittleEndian(at),
    };

    private (WavFacts Facts, long Start) ReadHeader()
    {
        Span<byte> head = stackalloc byte[12];
        _stream.ReadExactly(head);
        var isWide = head[..4].SequenceEqual("RF64"u8);
        if ((!isWide && !head[..4].SequenceEqual("RIFF"u8)) || !head[8..].SequenceEqual("WAVE"u8))
            throw new InvalidDataException($"{_path}: not a WAV file (it does not begin with RIFF and WAVE). {Conversion(_path)}");
        WavFacts? format = null;
        var wideLength = -1L;
        Span<byte> chunk = stackalloc byte[8];
        while (_stream.Length - _stream.Position >= 8)
        {
            var at = _stream.Position;
            _stream.ReadExactly(chunk);
            var length = (long)BinaryPrimitives.ReadUInt32LittleEndian(chunk[4..]);
            if (chunk[..4].SequenceEqual("data"u8))
            {
                if (format is null) throw new InvalidDataException($"{_path}: the samples at offset {at} come before their format.");
                return (Measured(format, at, length, wideLength), at + 8);
            }
            if (length > _stream.Length - _stream.Position)
                throw new InvalidDataException(
                    $"{_path}: the part at offset {at} claims {length} bytes; {_stream.Length - _stream.Position} are left. The file is "
                        + $"cut short or damaged.");
            if (chunk[..4].SequenceEqual("fmt "u8)) format = Format(at, length);
            if (chunk[..4].SequenceEqual("ds64"u8) && length >= 16)
            {
                var sizes = new byte[16];
                _stream.ReadExactly(sizes);
                wideLength = BinaryPrimitives.ReadInt64LittleEndian(sizes.AsSpan(8));
            }
            // Parts begin at even places.
            _stream.Position = at + 8 + length + (length & 1);
        }
        throw new InvalidDataException($"{_path}: the file ends at {_stream.Length} without samples: it is cut short.");
    }

    private WavFacts Measured(WavFacts format, long at, long length, long wideLength)
    {
        var left = _stream.Length - at - 8;
        // Programs that write to a pipe cannot say how long it will be.
        var isUnknown = length == uint.MaxValue;
        if (isUnknown && wideLength >= 0) length = wideLength;
        else if (isUnknown) length = left;
        if (length > left)
            throw new InvalidDataException(
                $"{_path}: the samples at offset {at} claim {length} bytes; {left} are left. The file is cut short.");
        long frame = format.SampleBytes * format.Channels;
        if (length % frame != 0 && !isUnknown)
            throw new InvalidDataException(
                $"{_path}: {length} bytes of samples at offset {at} are not a whole number of frames of {frame} bytes.");
        if (length < frame) throw new InvalidDataException($"{_path}: there are no samples in it.");
        return format with { Frames = length / frame };
    }

    private WavFacts Format(long at, long length)
    {
        if (length is < 16 or > 1024)
            throw new InvalidDataException($"{_path}: the format at offset {at} has {length} bytes; expected 16 to 40.");
        var bytes = new byte[length];
        _stream.ReadExactly(bytes);
        int tag = BinaryPrimitives.ReadUInt16LittleEndian(bytes), channels = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(2));
        var rate = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(4));
        int block = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(12)),
            bits = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(14));
        // The extensible form has the real tag in front of its identifier.
        if (tag == 0xFFFE && length >= 26) tag = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(24));
        WavSample sample = (tag, bits) switch
        {
            (1, 8) => WavSample.Pcm8,
            (1, 16) => WavSample.Pcm16,
            (1, 24) => WavSample.Pcm24,
            (1, 32) => WavSample.Pcm32,
            (3, 32) => WavSample.Float32,
            (3, 64) => WavSample.Float64,
            _ => throw new InvalidDataException(
                $"{_path}: samples of format {tag} with {bits} bits are not read; 8, 16, 24 and 32 bits of whole numbers (1) and 32 and 64 "
                    + $"of floating point (3) are. Convert it, for instance: ffmpeg -i IN -c:a pcm_s16le OUT.wav"),
        };
        if (channels is < 1 or > MostChannels)
            throw new InvalidDataException($"{_path}: {channels} channels at offset {at + 10}; allowed: 1 to {MostChannels}.");
        if (rate is < 1 or > 10_000_000) throw new InvalidDataException($"{_path}: {rate} samples per second at offset {at + 12}.");
        var facts = new WavFacts((int)rate, channels, 0, sample);
        if (block != facts.SampleBytes * channels)
            throw new InvalidDataException(
                $"{_path}: frames of {block} bytes at offset {at + 20}; {channels} channels of {bits} bits take "
                    + $"{facts.SampleBytes * channels}.");
        return facts;
    }
}
