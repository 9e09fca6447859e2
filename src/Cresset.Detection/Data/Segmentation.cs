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
internal sealed class PolygonSegmentation : Segmentation
{
    /// <summary>Takes the polygons as they are.</summary>
    /// <exception cref="ArgumentException">There is none, or one has fewer than three points or half a point.</exception>
    public PolygonSegmentation(IReadOnlyList<double[]> polygons)
    {
        ArgumentNullException.ThrowIfNull(polygons);
        if (polygons.Count == 0) throw new ArgumentException("polygons is empty; a shape needs at least one polygon.", nameof(polygons));
        for (var i = 0; i < polygons.Count; i++)
        {
            if (polygons[i].Length >= 6 && polygons[i].Length % 2 == 0) continue;
            throw new ArgumentException($"polygons[{i}] has {polygons[i].Length} numbers; pairs x, y of three points or more are needed.",
                nameof(polygons));
        }
        Polygons = polygons;
    }

    /// <summary>The polygons.</summary>
    public IReadOnlyList<double[]> Polygons { get; }

    /// <inheritdoc/>
    public override RunLengthMask ToMask(int height, int width)
    {
        if (Polygons.Count == 1) return RunLengthMask.FromPolygon(Polygons[0], height, width);
        var masks = new RunLengthMask[Polygons.Count];
        for (var i = 0; i < masks.Length; i++) masks[i] = RunLengthMask.FromPolygon(Polygons[i], height, width);
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
