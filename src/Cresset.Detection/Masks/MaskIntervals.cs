using System.Runtime.CompilerServices;

namespace Cresset.Detection;

/// <summary>Start and end of every set run of a mask, in column order; the room is used again for the next mask.</summary>
internal sealed class MaskIntervals
{
    private int[] _ends = [];
    private int _count;

    /// <summary>Room for the set runs among a number of runs.</summary>
    public int[] Begin(int runs)
    {
        if (_ends.Length < runs + 2) _ends = new int[Math.Max(runs + 2, Math.Min(2 * _ends.Length, 1 << 20))];
        return _ends;
    }

    /// <summary>Takes what was filled in.</summary>
    public void End(int count) => _count = count;

    public void Fill(ReadOnlySpan<uint> runs)
    {
        var ends = Begin(runs.Length);
        var k = 0;
        long position = 0;
        for (var i = 0; i < runs.Length; i++)
        {
            if (i % 2 == 1 && runs[i] > 0)
            {
                ends[k] = (int)position;
                ends[k + 1] = (int)(position + runs[i]);
                k += 2;
            }
            position += runs[i];
        }
        _count = k;
    }

    /// <summary>Number of pixels that are set in both.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public long Common(MaskIntervals other)
    {
        int[] a = _ends, b = other._ends;
        int na = _count, nb = other._count, i = 0, j = 0;
        long common = 0;
        if (na == 0 || nb == 0) return 0;
        // Two masks rarely begin together.
        while (i < na && a[i + 1] <= b[0]) i += 2;
        if (i < na)
        {
            while (j < nb && b[j + 1] <= a[i]) j += 2;
        }
        while (i < na && j < nb)
        {
            int endA = a[i + 1], endB = b[j + 1];
            common += Math.Max(0, Math.Min(endA, endB) - Math.Max(a[i], b[j]));
            // Whichever ends first has met all it can; written without a branch, which could not be foretold.
            i += endA <= endB ? 2 : 0;
            j += endB <= endA ? 2 : 0;
        }
        return common;
    }
}
