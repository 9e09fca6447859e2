using System.Numerics;

namespace Cresset.Quantization;

/// <summary>Codes as a dense string of bits: ⌈log2 K⌉ each, the first code in the lowest bits of the first byte.</summary>
public static class BitPacking
{
    /// <summary>Bits that a code of a codebook of <paramref name="size"/> codes takes: ⌈log2 size⌉, at least 1.</summary>
    public static int BitsFor(long size)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);
        return Math.Max(1, 64 - BitOperations.LeadingZeroCount((ulong)(size - 1)));
    }

    /// <summary>Bytes that hold <paramref name="count"/> codes whose widths repeat in the pattern <paramref name="bits"/>.</summary>
    public static long ByteCount(long count, ReadOnlySpan<int> bits)
    {
        var round = 0L;
        foreach (var width in bits) round += width;
        var total = count / bits.Length * round;
        for (var i = 0; i < count % bits.Length; i++) total += bits[i];
        return (total + 7) / 8;
    }

    /// <summary>Packs codes of one width.</summary>
    /// <exception cref="ArgumentException">A code does not fit; the message gives its position and value.</exception>
    public static byte[] Pack(ReadOnlySpan<long> codes, int bits) => Pack(codes, [bits]);

    /// <summary>Packs codes whose widths repeat in a pattern: a residual code has one width per stage.</summary>
    public static byte[] Pack(ReadOnlySpan<long> codes, ReadOnlySpan<int> bits)
    {
        CheckWidths(bits);
        var bytes = new byte[ByteCount(codes.Length, bits)];
        var position = 0L;
        for (var i = 0; i < codes.Length; i++)
        {
            var width = bits[i % bits.Length];
            var code = codes[i];
            if (code < 0 || (width < 63 && code >> width != 0))
                throw new ArgumentException(
                    $"Code {code} at position {i} does not fit in {width} bits; allowed: 0 to {(1UL << width) - 1}.", nameof(codes));
            for (var left = width; left > 0;)
            {
                var offset = (int)(position & 7);
                var take = Math.Min(8 - offset, left);
                bytes[position >> 3] |= (byte)(((code >> (width - left)) & ((1 << take) - 1)) << offset);
                position += take;
                left -= take;
            }
        }
        return bytes;
    }

    /// <summary>The codes of <see cref="Pack(ReadOnlySpan{long}, int)"/>.</summary>
    public static long[] Unpack(ReadOnlySpan<byte> bytes, int bits, long count) => Unpack(bytes, [bits], count);

    /// <summary>The codes of <see cref="Pack(ReadOnlySpan{long}, ReadOnlySpan{int})"/>.</summary>
    /// <exception cref="ArgumentException">There are fewer bytes than the codes take.</exception>
    public static long[] Unpack(ReadOnlySpan<byte> bytes, ReadOnlySpan<int> bits, long count)
    {
        CheckWidths(bits);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        // Each code takes a bit at least: a count beyond that would overflow what it is compared with.
        if (count > 8L * bytes.Length)
            throw new ArgumentException($"{bytes.Length} bytes cannot hold {count} codes.", nameof(bytes));
        if (bytes.Length < ByteCount(count, bits))
            throw new ArgumentException($"{bytes.Length} bytes; {count} codes take {ByteCount(count, bits)}.", nameof(bytes));
        var codes = new long[count];
        var position = 0L;
        for (var i = 0; i < codes.Length; i++)
        {
            var width = bits[i % bits.Length];
            for (var done = 0; done < width;)
            {
                var offset = (int)(position & 7);
                var take = Math.Min(8 - offset, width - done);
                codes[i] |= ((long)(bytes[(int)(position >> 3)] >> offset) & ((1 << take) - 1)) << done;
                position += take;
                done += take;
            }
        }
        return codes;
    }

    private static void CheckWidths(ReadOnlySpan<int> bits)
    {
        if (bits.Length == 0) throw new ArgumentException("There must be at least one width.", nameof(bits));
        foreach (var width in bits)
        {
            if (width is < 1 or > 63) throw new ArgumentOutOfRangeException(nameof(bits), width, "A width must be 1 to 63 bits.");
        }
    }
}
