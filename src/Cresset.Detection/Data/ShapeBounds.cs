namespace Cresset.Detection;

/// <summary>The box of a record that came without one: that of its mask, else the extent of its points.</summary>
internal static class ShapeBounds
{
    public static Box Of(Segmentation? segmentation, double[]? keypoints, bool labelledOnly = false) => segmentation switch
    {
        RunLengthSegmentation { Mask: var mask } => mask.Bounds,
        PolygonSegmentation polygons => Extent(polygons.Polygons),
        _ => keypoints is { Length: > 1 } ? OfPoints(keypoints, labelledOnly) : default,
    };

    private static Box Extent(IReadOnlyList<double[]> polygons)
    {
        var bounds = new BoundsOfPoints();
        foreach (var polygon in polygons)
        {
            for (var i = 0; i + 1 < polygon.Length; i += 2) bounds.Add(polygon[i], polygon[i + 1]);
        }
        return bounds.Box;
    }

    /// <summary>pycocotools takes all points of a result, labelled or not; in an object only the labelled ones have a place.</summary>
    private static Box OfPoints(double[] points, bool labelledOnly)
    {
        var bounds = new BoundsOfPoints();
        for (var i = 0; i + 1 < points.Length; i += 3)
        {
            if (!labelledOnly || (i + 2 < points.Length && points[i + 2] > 0)) bounds.Add(points[i], points[i + 1]);
        }
        return bounds.Box;
    }
}

/// <summary>The smallest box around points.</summary>
internal struct BoundsOfPoints()
{
    private double _x0 = double.PositiveInfinity, _y0 = double.PositiveInfinity;
    private double _x1 = double.NegativeInfinity, _y1 = double.NegativeInfinity;

    public readonly bool Any => _x0 <= _x1;

    public readonly Box Box => Any ? new Box(_x0, _y0, _x1 - _x0, _y1 - _y0) : default;

    public void Add(double x, double y)
    {
        _x0 = Math.Min(_x0, x);
        _x1 = Math.Max(_x1, x);
        _y0 = Math.Min(_y0, y);
        _y1 = Math.Max(_y1, y);
    }
}
