using System.Runtime.CompilerServices;

namespace Cresset.Detection;

/// <summary>What one look over the runs of a mask tells: enough for all masks that meet no other.</summary>
internal struct MaskMeasure
{
    private int _left, _top, _right, _bottom, _area;
    private bool _any;

    /// <summary>Number of runs.</summary>
    public int Runs { get; private set; }

    /// <summary>Number of set pixels.</summary>
    public readonly long Area => _area;

    /// <summary>Whether a run after the first is empty.</summary>
    public bool HasEmptyRuns { get; private set; }

    /// <summary>The smallest box around the set pixels; all zero when there are none.</summary>
    public readonly Box Bounds
        => _any ? new Box(_left, _top, (long)_right - _left + 1, (long)_bottom - _top + 1) : default;

    /// <summary>Measures runs that are known to fill an image of a height.</summary>
    public static MaskMeasure Of(ReadOnlySpan<uint> runs, int height)
    {
        var measure = new MaskMeasure { Runs = runs.Length };
        long row = 0, column = 0;
        for (var i = 0; i < runs.Length; i++) measure.Take(i, runs[i], height, ref row, ref column);
        return measure;
    }

    /// <summary>Decodes a compressed text without keeping its runs; false where a character or a run is not allowed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool TryOf(ReadOnlySpan<byte> text, int height, int width, out MaskMeasure measure, out long sum, out string problem)
    {
        measure = default;
        sum = 0;
        problem = "";
        var own = default(MaskMeasure);
        // A size that is not allowed is refused by the caller; until then nothing may be divided by it.
        var h = height > 0 && width >= 0 && (long)height * width <= int.MaxValue ? height : int.MaxValue;
        long row = 0, column = 0, last = 0, before = 0;
        var n = 0;
        for (var p = 0; p < text.Length;)
        {
            var c = text[p] - 48;
            long x;
            if ((uint)c < 32)
            {
                // One character: five bits, the highest of them the sign.
                x = (c ^ 16) - 16;
                p++;
            }
            else if (!MaskText.TryReadLong(text, ref p, out x, out problem))
            {
                return false;
            }
            if (n > 2) x += before;
            if (x is < 0 or > int.MaxValue)
            {
                problem = $"run {n} of the mask is {x}; runs are 0 to {int.MaxValue}";
                return false;
            }
            own.Take(n, x, h, ref row, ref column);
            sum += x;
            (before, last) = (last, x);
            n++;
        }
        own.Runs = n;
        measure = own;
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Take(int index, long run, long height, ref long row, ref long column)
    {
        if (run == 0)
        {
            HasEmptyRuns |= index > 0;
            return;
        }
        var end = row + run - 1;
        if (index % 2 == 1)
        {
            // Of masks whose runs are more than their pixels nobody asks the area.
            _area = unchecked(_area + (int)run);
            if (!_any)
            {
                (_left, _top, _bottom) = ((int)column, (int)row, -1);
                _any = true;
            }
            if (end < height)
            {
                _top = Math.Min(_top, (int)row);
                _bottom = Math.Max(_bottom, (int)end);
                _right = (int)column;
            }
            else
            {
                (_top, _bottom, _right) = (0, (int)height - 1, (int)(column + (end / height)));
            }
        }
        row = end + 1;
        if (row < height) return;
        if (row < 2 * height)
        {
            row -= height;
            column++;
        }
        else
        {
            column += row / height;
            row %= height;
        }
    }
}
