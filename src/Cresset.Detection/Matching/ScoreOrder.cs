using System.Runtime.CompilerServices;

namespace Cresset.Detection;

/// <summary>Stable orders by falling score; NaN comes last, -0 equals 0.</summary>
internal static class ScoreOrder
{
    private const int SmallSize = 48;

    /// <summary>A key whose unsigned order is the falling order of scores.</summary>
    public static ulong Key(double score)
    {
        if (double.IsNaN(score)) return ulong.MaxValue;
        var bits = BitConverter.DoubleToUInt64Bits(score == 0 ? 0.0 : score);
        return (bits & (1UL << 63)) != 0 ? bits : ~(bits | (1UL << 63));
    }

    /// <summary>Sorts a short list of indexes in place by the scores they point to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SortGroup(Span<int> indexes, ReadOnlySpan<DetectedObject> detections)
    {
        if (indexes.Length > SmallSize)
        {
            var keys = new ulong[indexes.Length];
            for (var i = 0; i < keys.Length; i++) keys[i] = Key(detections[indexes[i]].Score);
            var copy = indexes.ToArray();
            var order = Sort(keys);
            for (var i = 0; i < order.Length; i++) indexes[i] = copy[order[i]];
            return;
        }
        for (var i = 1; i < indexes.Length; i++)
        {
            var item = indexes[i];
            var score = detections[item].Score;
            var j = i - 1;
            while (j >= 0 && ComesBefore(score, detections[indexes[j]].Score))
            {
                indexes[j + 1] = indexes[j];
                j--;
            }
            indexes[j + 1] = item;
        }
    }

    /// <summary>The stable order of the keys, smallest first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int[] Sort(ReadOnlySpan<ulong> keys)
    {
        var n = keys.Length;
        var order = new int[n];
        for (var i = 0; i < n; i++) order[i] = i;
        if (n <= SmallSize)
        {
            InsertionSort(order, keys);
            return order;
        }
        var work = keys.ToArray();
        var otherKeys = new ulong[n];
        var other = new int[n];
        Span<int> counts = stackalloc int[256];
        for (var shift = 0; shift < 64; shift += 8)
        {
            counts.Clear();
            foreach (var key in work) counts[(int)(key >> shift) & 255]++;
            if (counts[(int)(work[0] >> shift) & 255] == n) continue;
            var sum = 0;
            for (var b = 0; b < 256; b++)
            {
                var c = counts[b];
                counts[b] = sum;
                sum += c;
            }
            for (var i = 0; i < n; i++)
            {
                var place = counts[(int)(work[i] >> shift) & 255]++;
                otherKeys[place] = work[i];
                other[place] = order[i];
            }
            (work, otherKeys) = (otherKeys, work);
            (order, other) = (other, order);
        }
        return order;
    }

    private static bool ComesBefore(double a, double b) => a > b || (double.IsNaN(b) && !double.IsNaN(a));

    private static void InsertionSort(int[] order, ReadOnlySpan<ulong> keys)
    {
        for (var i = 1; i < order.Length; i++)
        {
            var item = order[i];
            var key = keys[item];
            var j = i - 1;
            while (j >= 0 && keys[order[j]] > key)
            {
                order[j + 1] = order[j];
                j--;
            }
            order[j + 1] = item;
        }
    }
}
