using System.Runtime.CompilerServices;

namespace Cresset.Detection;

/// <summary>The compressed text of a mask, somewhere in an array that masks share; it was checked when it was read.</summary>
internal readonly struct MaskText(byte[] bytes, int start, int length)
{
    private ReadOnlySpan<byte> Span => bytes.AsSpan(start, length);

    /// <summary>All runs.</summary>
    public uint[] Decode(int runs)
    {
        var counts = new uint[runs];
        var text = Span;
        for (int p = 0, n = 0; n < counts.Length; n++)
        {
            var x = Next(text, ref p);
            if (n > 2) x += counts[n - 2];
            counts[n] = (uint)x;
        }
        return counts;
    }

    /// <summary>Start and end of every set run.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void CopyTo(MaskIntervals intervals, int runs)
    {
        var ends = intervals.Begin(runs);
        var text = Span;
        long position = 0, last = 0, before = 0;
        var k = 0;
        for (int p = 0, n = 0; n < runs; n++)
        {
            var x = Next(text, ref p);
            if (n > 2) x += before;
            if (n % 2 == 1 && x > 0)
            {
                ends[k] = (int)position;
                ends[k + 1] = (int)(position + x);
                k += 2;
            }
            position += x;
            (before, last) = (last, x);
        }
        intervals.End(k);
    }

    /// <summary>A run of several characters, or one that is not allowed.</summary>
    public static bool TryReadLong(ReadOnlySpan<byte> text, ref int p, out long x, out string problem)
    {
        problem = "";
        x = 0;
        var shift = 0;
        bool more;
        do
        {
            if (p == text.Length)
            {
                problem = "the text of the mask ends inside a run";
                return false;
            }
            var c = text[p] - 48;
            if (c is < 0 or > 63 || shift > 35)
            {
                problem = $"character {p} of the mask's text is not allowed";
                return false;
            }
            x |= (long)(c & 0x1F) << shift;
            more = (c & 0x20) != 0;
            p++;
            shift += 5;
            if (!more && (c & 0x10) != 0) x |= -1L << shift;
        }
        while (more);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static long Next(ReadOnlySpan<byte> text, ref int p)
    {
        var c = text[p] - 48;
        if ((uint)c < 32)
        {
            p++;
            return (c ^ 16) - 16;
        }
        return TryReadLong(text, ref p, out var x, out var problem) ? x : throw new InvalidOperationException(problem);
    }
}

/// <summary>Keeps the texts of many masks in few arrays. Not for several threads.</summary>
internal sealed class MaskTexts
{
    private const int Room = 1 << 18;
    private byte[] _bytes = [];
    private int _used;

    public MaskText Keep(ReadOnlySpan<byte> text)
    {
        if (text.Length > _bytes.Length - _used)
        {
            // A text alone, or a long one, gets an array of its own; room is made when there are several.
            if (_bytes.Length == 0 || text.Length > Room / 4)
            {
                if (_bytes.Length == 0) _bytes = new byte[1];
                return new MaskText(text.ToArray(), 0, text.Length);
            }
            (_bytes, _used) = (GC.AllocateUninitializedArray<byte>(Room), 0);
        }
        text.CopyTo(_bytes.AsSpan(_used));
        _used += text.Length;
        return new MaskText(_bytes, _used - text.Length, text.Length);
    }
}
