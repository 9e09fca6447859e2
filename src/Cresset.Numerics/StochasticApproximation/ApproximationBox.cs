namespace Cresset.Numerics;

/// <summary>The box that iterates and probes keep to.</summary>
internal sealed class ApproximationBox
{
    private readonly double[] _low;
    private readonly double[] _high;

    /// <exception cref="ArgumentException">Bounds and start do not fit each other.</exception>
    public ApproximationBox(ApproximationOptions options, ReadOnlySpan<double> start)
    {
        _low = Bounds(options.LowerBounds, options.LowerBound, start.Length, nameof(options.LowerBounds), Math.Max);
        _high = Bounds(options.UpperBounds, options.UpperBound, start.Length, nameof(options.UpperBounds), Math.Min);
        for (var i = 0; i < start.Length; i++)
        {
            if (!(_low[i] < _high[i]))
                throw new ArgumentException(
                    $"The bounds of coordinate {i} are {_low[i]} and {_high[i]}; the lower must be below the upper.", nameof(options));
            if (start[i] < _low[i] || start[i] > _high[i])
                throw new ArgumentException($"Coordinate {i} of the start is {start[i]}; its bounds are {_low[i]} and {_high[i]}.",
                    nameof(start));
        }
    }

    public double Clamp(int coordinate, double x) => Math.Clamp(x, _low[coordinate], _high[coordinate]);

    /// <summary>The largest half-width up to <paramref name="wanted"/> that fits between the bounds of a coordinate.</summary>
    public double HalfWidth(int coordinate, double wanted) => Math.Min(wanted, (_high[coordinate] - _low[coordinate]) / 2);

    /// <summary>
    /// The point nearest to <paramref name="x"/> around which <paramref name="half"/> fits on both sides (Sadegh 1997 asks there instead).
    /// </summary>
    public double Centre(int coordinate, double x, double half)
        => x - half < _low[coordinate] ? _low[coordinate] + half : x + half > _high[coordinate] ? _high[coordinate] - half : x;

    private static double[] Bounds(IReadOnlyList<double>? each, double all, int count, string name, Func<double, double, double> narrower)
    {
        if (each is not null && each.Count != count)
            throw new ArgumentException($"{name} has {each.Count} numbers; the start has {count}.");
        var bounds = new double[count];
        for (var i = 0; i < count; i++) bounds[i] = each is null ? all : narrower(all, each[i]);
        return bounds;
    }
}
