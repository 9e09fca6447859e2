using System.Globalization;

namespace Cresset.Detection;

/// <content>Polygons and masks.</content>
internal sealed partial class CocoRecordFields
{
    /// <summary>Polygons, an uncompressed or a compressed mask; null when there is none or it is broken.</summary>
    public Segmentation? Segmentation(string field)
    {
        var first = scanner.Peek();
        if (first == '[') return Polygons(field);
        if (first == '{') return Mask(field);
        if (!scanner.TryNull()) WrongType(field, "polygons or a run-length mask");
        return null;
    }

    /// <summary>
    /// Passes over a shape that is not asked for and gives its bounds, in case the record has no box; false when there are none. Faults in
    /// it do not matter.
    /// </summary>
    public bool TryBounds(out Box bounds)
    {
        var sound = Sound;
        _quiet = true;
        try
        {
            return TryBoundsQuietly(out bounds);
        }
        finally
        {
            _quiet = false;
            Sound = sound;
        }
    }

    private bool TryBoundsQuietly(out Box bounds)
    {
        bounds = default;
        if (scanner.Peek() == '{')
        {
            Sound = true;
            if (Mask("segmentation") is not { } mask || mask.Mask.Bounds.IsUnset) return false;
            bounds = mask.Mask.Bounds;
            return true;
        }
        if (scanner.Peek() != '[')
        {
            scanner.Skip();
            return false;
        }
        var points = new BoundsOfPoints();
        var good = true;
        scanner.Expect((byte)'[');
        if (!scanner.TryTake((byte)']'))
        {
            do
            {
                good &= AddPolygon(ref points);
            }
            while (scanner.NextElement((byte)']'));
        }
        bounds = points.Box;
        return good && points.Any;
    }

    private bool AddPolygon(ref BoundsOfPoints points)
    {
        if (scanner.Peek() != '[')
        {
            scanner.Skip();
            return false;
        }
        scanner.Expect((byte)'[');
        if (scanner.TryTake((byte)']')) return false;
        double x = 0;
        var count = 0;
        do
        {
            if (!IsNumberStart(scanner.Peek()))
            {
                scanner.Skip();
                count = int.MinValue;
                continue;
            }
            var value = scanner.ReadNumber();
            if (count++ % 2 == 0) x = value;
            else points.Add(x, value);
        }
        while (scanner.NextElement((byte)']'));
        return count >= 6 && count % 2 == 0;
    }

    private PolygonSegmentation? Polygons(string field)
    {
        scanner.Expect((byte)'[');
        if (scanner.TryTake((byte)']')) return null;
        if (IsNumberStart(scanner.Peek())) return FlatPolygon(field);
        var polygons = new List<double[]>();
        // A piece of fewer than three points covers nothing; of a piece that cannot be read nobody knows what it covers.
        bool broken = false, empty = false;
        do
        {
            var polygon = Numbers(field);
            if (TakeFault() || polygon is null)
            {
                broken = true;
            }
            else if (polygon.Length < 6 || polygon.Length % 2 != 0)
            {
                if (polygon.Length is 2 or 4) empty = true;
                else broken = true;
                Fault(DataProblemKind.BadMask, field,
                    string.Create(CultureInfo.InvariantCulture,
                    $"has a polygon of {polygon.Length} numbers; pairs x, y, at least six numbers, are needed."));
                Sound = true;
            }
            else if (!Array.TrueForAll(polygon, c => Math.Abs(c) <= RunLengthMask.MaxCoordinate))
            {
                broken = true;
                Fault(DataProblemKind.BadMask, field, RunLengthMask.CannotDraw);
                Sound = true;
            }
            else
            {
                polygons.Add(polygon);
            }
        }
        while (scanner.NextElement((byte)']'));
        if (broken || (empty && polygons.Count == 0)) Sound = false;
        return polygons.Count == 0 || !Sound ? null : new PolygonSegmentation(polygons);
    }

    /// <summary>One polygon without the list around it, as some exporters write it; the bracket has been read.</summary>
    private PolygonSegmentation? FlatPolygon(string field)
    {
        _numbers.Clear();
        do
        {
            _numbers.Add(Number(field));
        }
        while (scanner.NextElement((byte)']'));
        double[] polygon = [.. _numbers];
        if (!Sound) return null;
        if (polygon.Length < 6 || polygon.Length % 2 != 0 || !Array.TrueForAll(polygon, c => Math.Abs(c) <= RunLengthMask.MaxCoordinate))
        {
            Fault(DataProblemKind.BadMask, field,
                string.Create(CultureInfo.InvariantCulture,
                $"is a list of {polygon.Length} numbers; a list of polygons is needed, pairs x, y of three points or more each, up to a "
                    + $"million pixels."));
            return null;
        }
        Note(DataProblemKind.Converted, field, "is one flat list of numbers; it was taken as one polygon.");
        return new PolygonSegmentation([polygon]);
    }

    private RunLengthSegmentation? Mask(string field)
    {
        scanner.Expect((byte)'{');
        long height = -1, width = -1;
        var text = -1;
        var listed = false;
        if (!scanner.TryTake((byte)'}'))
        {
            do
            {
                var name = scanner.ReadName();
                if (name.SequenceEqual("size"u8))
                {
                    if (scanner.TryTakePair(out height, out width)) continue;
                    var size = Integers(field + ".size");
                    if (size is [var h, var w]) (height, width) = (h, w);
                    else if (Sound) Fault(DataProblemKind.BadMask, field + ".size", "must be two whole numbers, height and width.");
                }
                else if (name.SequenceEqual("counts"u8))
                {
                    if (scanner.Peek() == '"') text = Keep(scanner.ReadString());
                    else listed = ReadCounts(field + ".counts");
                }
                else
                {
                    scanner.Skip();
                }
            }
            while (scanner.NextElement((byte)'}'));
        }
        if (!Sound) return null;
        var problem = "needs both size and counts";
        RunLengthMask? mask = null;
        var sized = height is >= 0 and <= int.MaxValue && width is >= 0 and <= int.MaxValue;
        var good = sized && (text >= 0
            ? RunLengthMask.TryFromCompressed(_maskText.AsSpan(0, text), (int)height, (int)width, _texts, out mask, out problem)
            : listed && RunLengthMask.TryFromCounts([.. _counts], (int)height, (int)width, out mask, out problem));
        if (good) return new RunLengthSegmentation(mask!);
        Fault(DataProblemKind.BadMask, field, problem + ".");
        return null;
    }

    /// <summary>The text outlives the window it lies in, since the size may come after it.</summary>
    private int Keep(ReadOnlySpan<byte> text)
    {
        if (_maskText.Length < text.Length) _maskText = new byte[2 * text.Length];
        text.CopyTo(_maskText);
        return text.Length;
    }

    private bool ReadCounts(string field)
    {
        var numbers = Numbers(field);
        if (numbers is null) return false;
        _counts.Clear();
        foreach (var n in numbers)
        {
            if (!(n >= 0 && n <= int.MaxValue && Math.Floor(n) == n))
            {
                Fault(DataProblemKind.BadMask, field,
                    string.Create(CultureInfo.InvariantCulture, $"holds the run {n}; whole numbers from 0 on are needed."));
                return false;
            }
            _counts.Add((uint)n);
        }
        return true;
    }
}
