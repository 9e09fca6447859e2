namespace Cresset.Detection;

/// <summary>An axis-parallel box in pixels: left, top, width, height (the layout of COCO files).</summary>
/// <param name="X">Left edge.</param>
/// <param name="Y">Top edge.</param>
/// <param name="Width">Width; a negative value is kept as it is.</param>
/// <param name="Height">Height; a negative value is kept as it is.</param>
public readonly record struct Box(double X, double Y, double Width, double Height)
{
    /// <summary>Right edge, <c>X + Width</c>.</summary>
    public double Right => X + Width;

    /// <summary>Bottom edge, <c>Y + Height</c>.</summary>
    public double Bottom => Y + Height;

    /// <summary><c>Width * Height</c>.</summary>
    public double Area => Width * Height;

    /// <summary>Where the broken box of a detection is put: nothing overlaps it, with or without an added pixel.</summary>
    internal static readonly Box Nowhere = new(-1e9, -1e9, 0, 0);

    /// <summary>Where the broken box of an object is put, away from those of detections.</summary>
    internal static readonly Box Unreachable = new(-2e9, -2e9, 0, 0);

    /// <summary>Whether it was never set (four zeros).</summary>
    internal bool IsUnset => X == 0 && Y == 0 && Width == 0 && Height == 0;

    /// <summary>
    /// The box between two corners; <see cref="Right"/> and <see cref="Bottom"/> give the corner back to the bit where a double can.
    /// </summary>
    public static Box FromCorners(double xMin, double yMin, double xMax, double yMax)
        => new(xMin, yMin, Extent(xMin, xMax), Extent(yMin, yMax));

    /// <summary>The box around a centre.</summary>
    public static Box FromCenter(double centerX, double centerY, double width, double height)
        => new(centerX - (width / 2), centerY - (height / 2), width, height);

    /// <summary>The length whose sum with the start rounds to the end.</summary>
    private static double Extent(double start, double end)
    {
        var length = end - start;
        if (start + length == end) return length;
        if (start + Math.BitIncrement(length) == end) return Math.BitIncrement(length);
        return start + Math.BitDecrement(length) == end ? Math.BitDecrement(length) : length;
    }
}
