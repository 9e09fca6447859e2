namespace Cresset.Detection;

/// <summary>The shape of an object: polygons or a run-length mask.</summary>
public abstract class Segmentation
{
    private protected Segmentation()
    {
    }

    /// <summary>The mask of the shape in an image of the given size (the union of its polygons).</summary>
    public abstract RunLengthMask ToMask(int height, int width);
}

/// <summary>A shape given by polygons, each <c>x0, y0, x1, y1, ...</c> in pixels.</summary>
public sealed class PolygonSegmentation : Segmentation
{
    /// <summary>Takes the polygons as they are; each has an even number of coordinates, at least four.</summary>
    public PolygonSegmentation(IReadOnlyList<double[]> polygons)
    {
        ArgumentNullException.ThrowIfNull(polygons);
        if (polygons.Count == 0) throw new ArgumentException("polygons is empty; a shape needs at least one polygon.", nameof(polygons));
        Polygons = polygons;
    }

    /// <summary>The polygons.</summary>
    public IReadOnlyList<double[]> Polygons { get; }

    /// <inheritdoc/>
    /// <remarks>As in the COCO mask code a first polygon of four numbers makes all of them boxes <c>x, y, w, h</c>.</remarks>
    public override RunLengthMask ToMask(int height, int width)
    {
        var boxes = Polygons[0].Length == 4;
        var masks = new RunLengthMask[Polygons.Count];
        for (var i = 0; i < masks.Length; i++)
        {
            var p = Polygons[i];
            masks[i] = boxes && p.Length == 4
                ? RunLengthMask.FromBox(new Box(p[0], p[1], p[2], p[3]), height, width)
                : RunLengthMask.FromPolygon(p, height, width);
        }
        return RunLengthMask.Union(masks);
    }
}

/// <summary>A shape given by a run-length mask.</summary>
public sealed class RunLengthSegmentation : Segmentation
{
    /// <summary>Takes the mask.</summary>
    public RunLengthSegmentation(RunLengthMask mask)
    {
        ArgumentNullException.ThrowIfNull(mask);
        Mask = mask;
    }

    /// <summary>The mask.</summary>
    public RunLengthMask Mask { get; }

    /// <inheritdoc/>
    /// <remarks>The mask keeps its own size, also where it differs from the image's.</remarks>
    public override RunLengthMask ToMask(int height, int width) => Mask;
}
