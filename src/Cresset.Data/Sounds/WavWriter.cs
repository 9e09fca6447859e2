using System.Buffers.Binary;
using Cresset.Numerics;

namespace Cresset.Data;

/// <summary>Writes WAV files piece by piece; a file appears whole or not at all.</summary>
public static class WavWriter
{
    /// <summary>Writes a file.</summary>
    /// <param name="path">Where.</param>
    /// <param name="facts">Rate, channels, length, kind of samples.</param>
    /// <param name="pieces">Samples of each channel after one another, [channels * n], piece by piece. Whole numbers are clipped to
    /// -1..1.</param>
    /// <exception cref="ArgumentException">The pieces have other samples than <paramref name="facts"/> says, or more than the format holds
    /// (4 GiB).</exception>
    public static void Write(string path, WavFacts facts, IEnumerable<float[]> pieces) =>
        AtomicFile.Write(path, stream => Write(stream, facts, pieces));

    /// <summary>Writes to a stream, which need not be able to seek.</summary>
    public static void Write(Stream stream, WavFacts facts, IEnumerable<float[]> pieces)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(facts);
        ArgumentNullException.ThrowIfNull(pieces);
        if (facts.Channels < 1 || facts.Rate < 1 || facts.Frames < 0)
            throw new ArgumentException(
                $"{facts.Channels} channels, {facts.Rate} samples per second, {facts.Frames} frames: there is no such sound.",
                nameof(facts));
        long frame = facts.SampleBytes * facts.Channels, length = facts.Frames * frame;
        if (length > uint.MaxValue - 64)
            throw new ArgumentException($"{length} bytes of samples are more than a WAV file holds (4 GiB); cut the sound in pieces.",
                nameof(facts));
        stream.Write(Head(facts, length));
        var written = 0L;
        foreach (var piece in pieces)
        {
            var count = piece.Length / facts.Channels;
            if (count * facts.Channels != piece.Length)
                throw new ArgumentException($"A piece of {piece.Length} samples; {facts.Channels} channels have a multiple of that.",
                    nameof(pieces));
            var bytes = new byte[count * frame];
            for (var i = 0; i < count; i++)
            {
                for (var c = 0; c < facts.Channels; c++)
                    Put(bytes.AsSpan((int)((i * frame) + (c * facts.SampleBytes))), piece[(c * count) + i], facts.Sample);
            }
            stream.Write(bytes);
            written += count;
        }
        if (written != facts.Frames)
            throw new ArgumentException($"The pieces have {written} frames; {facts.Frames} were announced.", nameof(pieces));
        if ((length & 1) != 0) stream.WriteByte(0);
    }

    private static byte[] Head(WavFacts facts, long length)
    {
        var head = new byte[44];
        "RIFF"u8.CopyTo(head);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(4), (uint)(36 + length + (length & 1)));
        "WAVEfmt "u8.CopyTo(head.AsSpan(8));
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(16), 16);
        BinaryPrimitives.WriteUInt16LittleEndian(head.AsSpan(20), (ushort)(facts.IsFloat ? 3 : 1));
        BinaryPrimitives.WriteUInt16LittleEndian(head.AsSpan(22), (ushort)facts.Channels);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(24), (uint)facts.Rate);
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(28), (uint)((long)facts.Rate * facts.Channels * facts.SampleBytes));
        BinaryPrimitives.WriteUInt16LittleEndian(head.AsSpan(32), (ushort)(facts.Channels * facts.SampleBytes));
        BinaryPrimitives.WriteUInt16LittleEndian(head.AsSpan(34), (ushort)(8 * facts.SampleBytes));
        "data"u8.CopyTo(head.AsSpan(36));
        BinaryPrimitives.WriteUInt32LittleEndian(head.AsSpan(40), (uint)length);
        return head;
    }

    private static void Put(Span<byte> to, float value, WavSample sample)
    {
        // Half to even, as the reader's division has no error: what was read is written again bit for bit.
        long Whole(double scale) => (long)Math.Clamp(Math.Round(value * scale), -scale, scale - 1);
        switch (sample)
        {
            case WavSample.Pcm8:
                to[0] = (byte)(Whole(128) + 128);
                break;
            case WavSample.Pcm16:
                BinaryPrimitives.WriteInt16LittleEndian(to, (short)Whole(32768));
                break;
            case WavSample.Pcm24:
                var whole = (int)Whole(8388608);
                (to[0], to[1], to[2]) = ((byte)whole, (byte)(whole >> 8), (byte)(whole >> 16));
                break;
            case WavSample.Pcm32:
                BinaryPrimitives.WriteInt32LittleEndian(to, (int)Whole(2147483648));
                break;
            case WavSample.Float32:
                BinaryPrimitives.WriteSingleLittleEndian(to, value);
                break;
            default:
                BinaryPrimitives.WriteDoubleLittleEndian(to, value);
                break;
        }
    }
}
