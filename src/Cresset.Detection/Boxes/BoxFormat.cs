using System.Numerics;

namespace Cresset.Detection;

/// <summary>How the four numbers of a box are to be read.</summary>
public enum BoxFormat
{
    /// <summary>Left, top, right, bottom.</summary>
    Xyxy,

    /// <summary>Left, top, width, height.</summary>
    Xywh,

    /// <summary>Centre x, centre y, width, height.</summary>
    Cxcywh,
}

/// <summary>Operations on lists of boxes, four numbers a box in one span.</summary>
public static class BoxList
{
    /// <summary>Rewrites boxes <c>[N, 4]</c> from one format to another; source and target may be the same span.</summary>
    /// <exception cref="ArgumentException">A length is not a multiple of four or the lengths differ.</exception>
    public static void Convert<T>(ReadOnlySpan<T> boxes, BoxFormat from, BoxFormat to, Span<T> converted)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        Check(boxes.Length, nameof(boxes));
        if (converted.Length < boxes.Length)
        {
            throw new ArgumentException($"converted has {converted.Length} places; {boxes.Length} are needed.", nameof(converted));
        }
        var half = T.CreateChecked(0.5);
        for (var i = 0; i < boxes.Length; i += 4)
        {
            T x1 = boxes[i], y1 = boxes[i + 1], x2 = boxes[i + 2], y2 = boxes[i + 3];
            if (from == to)
            {
                (converted[i], converted[i + 1], converted[i + 2], converted[i + 3]) = (x1, y1, x2, y2);
                continue;
            }
            if (from == BoxFormat.Xywh)
            {
                x2 += x1;
                y2 += y1;
            }
            else if (from == BoxFormat.Cxcywh)
            {
                T w = x2, h = y2;
                x2 = x1 + (half * w);
                y2 = y1 + (half * h);
                x1 -= half * w;
                y1 -= half * h;
            }
            (converted[i], converted[i + 1], converted[i + 2], converted[i + 3]) = to switch
            {
                BoxFormat.Xyxy => (x1, y1, x2, y2),
                BoxFormat.Xywh => (x1, y1, x2 - x1, y2 - y1),
                _ => ((x1 + x2) * half, (y1 + y2) * half, x2 - x1, y2 - y1),
            };
        }
    }

    /// <summary>Areas of boxes <c>[N, 4]</c> given by corners.</summary>
    public static void Areas<T>(ReadOnlySpan<T> boxes, Span<T> areas)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        Check(boxes.Length, nameof(boxes));
        for (var i = 0; i < boxes.Length / 4; i++) areas[i] = (boxes[(4 * i) + 2] - boxes[4 * i]) * (
            boxes[(4 * i) + 3] - boxes[(4 * i) + 1]);
    }

    /// <summary>Cuts boxes given by corners to an image, in place.</summary>
    public static void Clip<T>(Span<T> boxes, T height, T width)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        Check(boxes.Length, nameof(boxes));
        for (var i = 0; i < boxes.Length; i++) boxes[i] = T.Clamp(boxes[i], T.Zero, i % 2 == 0 ? width : height);
    }

    /// <summary>Indexes of the boxes, given by corners, whose both sides are at least <paramref name="minSize"/>.</summary>
    public static int[] AtLeast<T>(ReadOnlySpan<T> boxes, T minSize)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        Check(boxes.Length, nameof(boxes));
        var kept = new List<int>();
        for (var i = 0; i < boxes.Length; i += 4)
        {
            if (boxes[i + 2] - boxes[i] >= minSize && boxes[i + 3] - boxes[i + 1] >= minSize) kept.Add(i / 4);
        }
        return [.. kept];
    }

    internal static void Check(int length, string name)
    {
        if (length % 4 != 0) throw new ArgumentException($"{name} has {length} numbers; four a box are needed.", name);
    }
}
