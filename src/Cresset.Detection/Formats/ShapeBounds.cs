namespace Cresset.Detection;

/// <summary>The box of a result that came without one: that of its mask, else the extent of its points.</summary>
internal static class ShapeBounds
{
    public static Box Of(Segmentation? segmentation, double[]? keypoints) => segmentation switch
    {
        RunLengthSegmentation { Mask: var mask } => mask.Bounds,
        PolygonSegmentation polygons => Extent([.. polygons.Polygons.SelectMany(p => p)], 2),
        _ => keypoints is { Length: > 0 } ? Extent(keypoints, 3) : default,
    };

    private static Box Extent(double[] points, int stride)
    {
        double x0 = points[0], x1 = x0, y0 = points[1], y1 = y0;
        for (var i = stride; i + 1 < points.Length; i += stride)
        {
            x0 = Math.Min(x0, points[i]);
            x1 = Math.Max(x1, points[i]);
            y0 = Math.Min(y0, points[i + 1]);
            y1 = Math.Max(y1, points[i + 1]);
        }
        return new Box(x0, y0, x1 - x0, y1 - y0);
    }
}
