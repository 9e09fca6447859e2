using System.Numerics;

namespace Cresset.Detection;

/// <summary>Kinds of intersection over union.</summary>
public enum BoxIouKind
{
    /// <summary>Plain intersection over union.</summary>
    Plain,

    /// <summary>Generalized: less the share of the enclosing box that neither fills (Rezatofighi et al. 2019, arXiv:1902.09630).</summary>
    Generalized,

    /// <summary>
    /// Distance: less the squared distance of the centres over the enclosing diagonal (Zheng et al. 2020, arXiv:1911.08287).
    /// </summary>
    Distance,

    /// <summary>Complete: the distance kind less a term for the difference of aspect ratios (same source).</summary>
    Complete,
}

/// <summary>Overlaps of every box of one list with every box of another, vectorised over the second.</summary>
public static class PairwiseIou
{
    /// <summary>
    /// Fills <paramref name="result"/> <c>[N, M]</c> with the overlaps of boxes <paramref name="a"/> <c>[N, 4]</c> and
    /// <paramref name="b"/> <c>[M, 4]</c>, both given by corners. Two boxes without area give NaN, as in torchvision.
    /// </summary>
    /// <exception cref="ArgumentException">A length is not a multiple of four or the result has another size than N * M.</exception>
    public static void Compute<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> result, BoxIouKind kind = BoxIouKind.Plain)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        BoxList.Check(a.Length, nameof(a));
        BoxList.Check(b.Length, nameof(b));
        int n = a.Length / 4, m = b.Length / 4;
        if (result.Length != n * m)
        {
            throw new ArgumentException($"result has {result.Length} places; {n} x {m} are needed.", nameof(result));
        }
        var columns = new BoxColumns<T>(b, withAngles: kind == BoxIouKind.Complete);
        for (var i = 0; i < n; i++)
        {
            var box = a.Slice(4 * i, 4);
            columns.Overlaps(box[0], box[1], box[2], box[3], kind, 0, result.Slice(i * m, m));
        }
    }

    /// <summary>The overlap of two boxes given by corners.</summary>
    public static T Single<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, BoxIouKind kind = BoxIouKind.Plain)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        Span<T> result = stackalloc T[1];
        Compute(a, b, result, kind);
        return result[0];
    }
}

/// <summary>Boxes as four columns, so that one box meets many at a time.</summary>
internal sealed class BoxColumns<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly T[] _x1, _y1, _x2, _y2, _areas, _angles;

    public BoxColumns(ReadOnlySpan<T> boxes, bool withAngles = false)
    {
        // Padded to whole vectors; the padding is computed and never read.
        Count = boxes.Length / 4;
        var size = (Count + Vector<T>.Count - 1) / Vector<T>.Count * Vector<T>.Count;
        (_x1, _y1, _x2, _y2, _areas) = (new T[size], new T[size], new T[size], new T[size], new T[size]);
        _angles = withAngles ? new T[size] : [];
        for (var j = 0; j < Count; j++)
        {
            (_x1[j], _y1[j], _x2[j], _y2[j]) = (boxes[4 * j], boxes[(4 * j) + 1], boxes[(4 * j) + 2], boxes[(4 * j) + 3]);
            _areas[j] = (_x2[j] - _x1[j]) * (_y2[j] - _y1[j]);
            if (withAngles) _angles[j] = T.Atan((_x2[j] - _x1[j]) / (_y2[j] - _y1[j]));
        }
    }

    public int Count { get; }

    /// <summary>Overlaps of one box with the boxes from <paramref name="first"/> on.</summary>
    public void Overlaps(T x1, T y1, T x2, T y2, BoxIouKind kind, int first, Span<T> result)
    {
        Vector<T> ax1 = new(x1), ay1 = new(y1), ax2 = new(x2), ay2 = new(y2), area = new((x2 - x1) * (y2 - y1));
        var angle = new Vector<T>(kind == BoxIouKind.Complete ? T.Atan((x2 - x1) / (y2 - y1)) : T.Zero);
        Span<T> block = stackalloc T[Vector<T>.Count];
        for (var j = first / Vector<T>.Count * Vector<T>.Count; j < Count; j += Vector<T>.Count)
        {
            Vector<T> bx1 = new(_x1, j), by1 = new(_y1, j), bx2 = new(_x2, j), by2 = new(_y2, j);
            var w = Vector.Max(Vector.Min(ax2, bx2) - Vector.Max(ax1, bx1), Vector<T>.Zero);
            var h = Vector.Max(Vector.Min(ay2, by2) - Vector.Max(ay1, by1), Vector<T>.Zero);
            var intersection = w * h;
            var union = area + new Vector<T>(_areas, j) - intersection;
            var value = intersection / union;
            if (kind != BoxIouKind.Plain)
            {
                var cw = Vector.Max(Vector.Max(ax2, bx2) - Vector.Min(ax1, bx1), Vector<T>.Zero);
                var ch = Vector.Max(Vector.Max(ay2, by2) - Vector.Min(ay1, by1), Vector<T>.Zero);
                if (kind == BoxIouKind.Generalized)
                {
                    var enclosing = cw * ch;
                    value -= (enclosing - union) / enclosing;
                }
                else
                {
                    value = Penalize(value, kind, (ax1 + ax2, ay1 + ay2, bx1 + bx2, by1 + by2), (cw * cw) + (ch * ch), angle, j);
                }
            }
            Store(value, block, j, first, result);
        }
    }

    private Vector<T> Penalize(Vector<T> iou, BoxIouKind kind, (Vector<T> Ax, Vector<T> Ay, Vector<T> Bx, Vector<T> By) doubledCenters,
        Vector<T> diagonal, Vector<T> angle, int j)
    {
        var half = new Vector<T>(T.CreateChecked(0.5));
        var epsilon = new Vector<T>(T.CreateChecked(1e-7));
        var dx = (doubledCenters.Ax * half) - (doubledCenters.Bx * half);
        var dy = (doubledCenters.Ay * half) - (doubledCenters.By * half);
        var value = iou - (((dx * dx) + (dy * dy)) / (diagonal + epsilon));
        if (kind == BoxIouKind.Distance) return value;
        var turn = angle - new Vector<T>(_angles, j);
        var v = new Vector<T>(T.CreateChecked(4 / (Math.PI * Math.PI))) * turn * turn;
        var alpha = v / (Vector<T>.One - iou + v + epsilon);
        return value - (alpha * v);
    }

    private void Store(Vector<T> value, Span<T> block, int j, int first, Span<T> result)
    {
        if (j >= first && j + Vector<T>.Count <= Count)
        {
            value.CopyTo(result[(j - first)..]);
            return;
        }
        value.CopyTo(block);
        for (var k = Math.Max(j, first); k < Math.Min(j + Vector<T>.Count, Count); k++) result[k - first] = block[k - j];
    }
}
