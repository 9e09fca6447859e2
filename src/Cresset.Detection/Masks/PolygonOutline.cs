using System.Runtime.CompilerServices;

namespace Cresset.Detection;

/// <summary>
/// The outline of a polygon on a grid five times finer than the pixels, as the COCO mask code walks it: it collects where the outline
/// crosses the middle of a pixel column, as positions in column order. Coordinates are those of the fine grid.
/// </summary>
internal ref struct PolygonOutline(Span<uint> ends, int height, int width)
{
    public const int Upsampling = 5;

    /// <summary>The fine column in the middle of a pixel.</summary>
    private const int Middle = 2;

    private readonly Span<uint> _ends = ends;
    private bool _begun;
    private int _u, _v;

    /// <summary>Crossings so far.</summary>
    public int Count { get; private set; }

    /// <summary>One edge in unit steps along its longer axis.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Walk(int xs, int ys, int xe, int ye)
    {
        int dx = Math.Abs(xe - xs), dy = Math.Abs(ys - ye);
        var flat = dx >= dy;
        var flip = (flat && xs > xe) || (!flat && ys > ye);
        if (flip) (xs, xe, ys, ye) = (xe, xs, ye, ys);
        var steps = flat ? dx : dy;
        // An edge without length has no slope: the division gives NaN here as in the reference.
        var slope = flat ? (double)(ye - ys) / dx : (double)(xe - xs) / dy;
        int first = flip ? steps : 0, last = steps - first;
        int u = flat ? first + xs : Rounded(xs, slope, first), v = flat ? Rounded(ys, slope, first) : first + ys;
        if (_begun && u != _u) Cross(u < _u ? u : u - 1, Math.Min(v, _v));
        if (flat)
        {
            // Only the two fine columns about the middle of a pixel matter.
            var k = xs <= Middle ? 0 : (xs - Middle + Upsampling - 1) / Upsampling;
            for (; k < width && (k * Upsampling) + Middle + 1 <= xe; k++)
            {
                var t = (k * Upsampling) + Middle - xs;
                Add(k, Math.Min(Rounded(ys, slope, t), Rounded(ys, slope, t + 1)));
            }
        }
        else
        {
            var before = Rounded(xs, slope, 0);
            for (var t = 1; t <= steps; t++)
            {
                var here = Rounded(xs, slope, t);
                if (here == before) continue;
                Cross(Math.Min(here, before), t - 1 + ys);
                before = here;
            }
        }
        _begun = true;
        (_u, _v) = flat ? (last + xs, Rounded(ys, slope, last)) : (Rounded(xs, slope, last), last + ys);
    }

    /// <summary>As the reference rounds: towards zero, which for coordinates below zero is up.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Rounded(int start, double slope, int step) => (int)(start + (slope * step) + .5);

    private void Cross(int column, int row)
    {
        if (column < Middle || (column - Middle) % Upsampling != 0 || (column - Middle) / Upsampling > width - 1) return;
        Add((column - Middle) / Upsampling, row);
    }

    /// <summary>The first pixel of a column whose middle lies at or below a fine row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Add(int column, int row)
    {
        var pixel = row <= 0 ? 0 : Math.Min(height, (row + Middle) / Upsampling);
        _ends[Count++] = (uint)((column * height) + pixel);
    }
}
