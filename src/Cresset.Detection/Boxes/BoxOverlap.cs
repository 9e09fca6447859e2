using System.Runtime.CompilerServices;

namespace Cresset.Detection;

/// <summary>Overlap of axis-parallel boxes.</summary>
public static class BoxOverlap
{
    /// <summary>
    /// Intersection over union as the COCO code defines it: no pixel is added to the sides, boxes that do not overlap give 0, and against a
    /// crowd the denominator is the first box's own area.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Iou(in Box detection, in Box other, bool otherIsCrowd = false)
    {
        var w = Math.Min(detection.Width + detection.X, other.Width + other.X) - Math.Max(detection.X, other.X);
        if (w <= 0) return 0;
        var h = Math.Min(detection.Height + detection.Y, other.Height + other.Y) - Math.Max(detection.Y, other.Y);
        if (h <= 0) return 0;
        var intersection = w * h;
        var area = detection.Width * detection.Height;
        var union = otherIsCrowd ? area : area + (other.Width * other.Height) - intersection;
        return intersection / union;
    }

    /// <summary>
    /// Intersection over union with inclusive corners (one pixel is added to every side), as the VOC development kit has it.
    /// Corners are <c>X, Y, Right, Bottom</c>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double InclusiveIou(in Box a, in Box b)
    {
        double ax2 = a.Right, ay2 = a.Bottom, bx2 = b.Right, by2 = b.Bottom;
        return InclusiveIou(a.X, a.Y, ax2, ay2, b.X, b.Y, bx2, by2);
    }

    internal static double InclusiveIou(double ax1, double ay1, double ax2, double ay2, double bx1, double by1, double bx2, double by2)
    {
        var w = Math.Max(Math.Min(ax2, bx2) - Math.Max(ax1, bx1) + 1, 0);
        var h = Math.Max(Math.Min(ay2, by2) - Math.Max(ay1, by1) + 1, 0);
        var intersection = w * h;
        var union = ((ax2 - ax1 + 1) * (ay2 - ay1 + 1)) + ((bx2 - bx1 + 1) * (by2 - by1 + 1)) - intersection;
        return intersection / union;
    }
}
