namespace Cresset.Onnx;

/// <summary>
/// The sizes that may vary, and what they were in each trace: the example's, one trace for each axis with that axis alone changed, one with
/// all of them changed. A formula found from the first ones must hold for the last.
/// </summary>
internal sealed class AxisSizes
{
    private readonly IReadOnlyList<DynamicAxis> _axes;
    private readonly long[] _first, _changed, _last;

    public AxisSizes(IReadOnlyList<DynamicAxis> axes, IReadOnlyList<long> sizes)
    {
        _axes = axes;
        _first = [.. sizes];
        // Multiples of the example's size pass where a network halves it several times; a batch may be anything, and odd numbers betray
        // more.
        _changed = [.. sizes.Select((s, k) => axes[k].Axis == 0 ? (2 * s) + 1 : 2 * s)];
        _last = [.. sizes.Select((s, k) => axes[k].Axis == 0 ? (3 * s) + 2 : 3 * s)];
    }

    public int Count => _axes.Count;

    /// <summary>
    /// Sizes of all axes in trace <paramref name="trace"/>: 0 is the example, k + 1 has axis k changed, the last has all changed.
    /// </summary>
    public long[] InTrace(int trace)
    {
        if (trace == 0) return _first;
        if (trace > Count) return _last;
        long[] sizes = [.. _first];
        sizes[trace - 1] = _changed[trace - 1];
        return sizes;
    }

    /// <summary>The formula that a number follows.</summary>
    /// <param name="values">Its value in each trace.</param>
    public OnnxSize Fit(IReadOnlyList<long> values)
    {
        var value = values[0];
        if (values.All(v => v == value)) return OnnxSize.Fixed(value);
        var moved = Enumerable.Range(0, Count).Where(k => values[k + 1] != value).ToList();
        foreach (var found in Candidates(values, moved))
        {
            if (Enumerable.Range(0, values.Count).All(t => Evaluate(found, InTrace(t)) == values[t])) return found;
        }
        return new OnnxSize(value, 0, null);
    }

    private IEnumerable<OnnxSize> Candidates(IReadOnlyList<long> values, List<int> moved)
    {
        if (moved.Count == 0) yield break;
        // A multiple of one size, or of the product of several.
        var product = moved.Aggregate(1L, (p, k) => p * _first[k]);
        var common = Gcd(values[0], product);
        if (common > 0) yield return new OnnxSize(values[0], 0, [Term(values[0] / common, product / common, moved)]);
        // A sum: each size with its own slope, and an offset.
        var terms = new List<SizeTerm>();
        var offset = values[0];
        foreach (var k in moved)
        {
            var (rise, run) = (values[k + 1] - values[0], _changed[k] - _first[k]);
            var g = Gcd(Math.Abs(rise), run);
            terms.Add(Term(rise / g, run / g, [k]));
            offset -= FloorDivide(rise / g * _first[k], run / g);
        }
        yield return new OnnxSize(values[0], offset, terms);
    }

    private SizeTerm Term(long factor, long divisor, List<int> axes) => new(factor, divisor, axes, [.. axes.Select(k => _axes[k].Name)]);

    private static long Evaluate(OnnxSize size, long[] sizes)
        => size.Offset + size.Terms!.Sum(t => FloorDivide(t.Axes.Aggregate(t.Factor, (p, k) => p * sizes[k]), t.Divisor));

    private static long FloorDivide(long a, long b) => (long)Math.Floor((decimal)a / b);

    private static long Gcd(long a, long b) => b == 0 ? a : Gcd(b, a % b);
}
