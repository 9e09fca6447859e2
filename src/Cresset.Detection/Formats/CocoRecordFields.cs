using System.Globalization;
using System.Runtime.CompilerServices;

namespace Cresset.Detection;

/// <summary>Typed fields of one COCO record; a wrong type is a fault of the record, not of the file.</summary>
internal sealed class CocoRecordFields(JsonScanner scanner, FaultDesk desk)
{
    private readonly List<double> _numbers = [];
    private readonly List<uint> _counts = [];

    /// <summary>False once a field of the current record was faulty.</summary>
    public bool Sound { get; set; }

    public void Fault(DataProblemKind kind, string field, string message)
    {
        Sound = false;
        desk.Fault(kind, scanner.Where, field, message, scanner.Offset);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public long Integer(string field) => scanner.TryTakeInteger(out var value) ? value : IntegerSlow(field);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public double Number(string field)
    {
        if (IsNumberStart(scanner.Peek())) return scanner.ReadNumber();
        return WrongType(field, "a number");
    }

    /// <summary>A box of four finite numbers; an empty list gives false.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryBox(string field, out Box box)
    {
        if (scanner.TryTakeFour(out var left, out var top, out var width, out var height))
        {
            box = new Box(left, top, width, height);
            return true;
        }
        return TryBoxSlow(field, out box);
    }

    private bool TryBoxSlow(string field, out Box box)
    {
        box = default;
        if (scanner.Peek() != '[')
        {
            if (!scanner.TryNull()) WrongType(field, "a list of four numbers");
            return false;
        }
        scanner.Expect((byte)'[');
        if (scanner.TryTake((byte)']')) return false;
        var x = Number(field);
        if (!Comma(field, 1)) return false;
        var y = Number(field);
        if (!Comma(field, 2)) return false;
        var w = Number(field);
        if (!Comma(field, 3)) return false;
        var h = Number(field);
        if (scanner.NextElement((byte)']'))
        {
            SkipRest();
            Fault(DataProblemKind.WrongValue, field, "has more than four numbers; x, y, width, height are needed.");
            return false;
        }
        box = new Box(x, y, w, h);
        if (!double.IsFinite(x + y + w + h) && Sound) Fault(DataProblemKind.NotFinite, field, "holds NaN or an infinity; finite numbers are needed.");
        return true;
    }

    /// <summary>A list of numbers; null when it is none.</summary>
    public double[]? Numbers(string field)
    {
        if (scanner.Peek() != '[')
        {
            WrongType(field, "a list of numbers");
            return null;
        }
        _numbers.Clear();
        scanner.Expect((byte)'[');
        if (scanner.TryTake((byte)']')) return [];
        do
        {
            _numbers.Add(Number(field));
        }
        while (scanner.NextElement((byte)']'));
        return [.. _numbers];
    }

    public long[]? Integers(string field)
    {
        var numbers = Numbers(field);
        if (numbers is null) return null;
        foreach (var n in numbers)
        {
            if (Math.Floor(n) != n || Math.Abs(n) > 9007199254740992.0)
            {
                Fault(DataProblemKind.WrongValue, field, "holds a number that is not whole.");
                return null;
            }
        }
        return Array.ConvertAll(numbers, n => (long)n);
    }

    public string Text(string field)
    {
        if (scanner.Peek() == '"') return scanner.ReadText();
        WrongType(field, "a text");
        return "";
    }

    /// <summary>Polygons, an uncompressed or a compressed mask; null when there is none or it is broken.</summary>
    public Segmentation? Segmentation(string field)
    {
        var first = scanner.Peek();
        if (first == '[') return Polygons(field);
        if (first == '{') return Mask(field);
        if (!scanner.TryNull()) WrongType(field, "polygons or a run-length mask");
        return null;
    }

    private static bool IsNumberStart(byte b) => (uint)(b - '0') <= 9 || b is (byte)'-' or (byte)'N' or (byte)'I';

    private PolygonSegmentation? Polygons(string field)
    {
        scanner.Expect((byte)'[');
        if (scanner.TryTake((byte)']')) return null;
        var polygons = new List<double[]>();
        do
        {
            var polygon = Numbers(field);
            if (polygon is null || !Sound) continue;
            if (polygon.Length < 4 || polygon.Length % 2 != 0)
            {
                Fault(DataProblemKind.BadMask, field, string.Create(CultureInfo.InvariantCulture, $"has a polygon of {polygon.Length} numbers; pairs x, y, at least six numbers, are needed."));
                continue;
            }
            if (!Array.TrueForAll(polygon, c => Math.Abs(c) <= RunLengthMask.MaxCoordinate))
            {
                Fault(DataProblemKind.BadMask, field, "has a polygon with a coordinate that is not finite or beyond a million pixels.");
                continue;
            }
            polygons.Add(polygon);
        }
        while (scanner.NextElement((byte)']'));
        return polygons.Count == 0 ? null : new PolygonSegmentation(polygons);
    }

    private RunLengthSegmentation? Mask(string field)
    {
        scanner.Expect((byte)'{');
        long height = -1, width = -1;
        byte[]? text = null;
        var listed = false;
        if (!scanner.TryTake((byte)'}'))
        {
            do
            {
                var name = scanner.ReadName();
                if (name.SequenceEqual("size"u8))
                {
                    var size = Integers(field + ".size");
                    if (size is [var h, var w]) (height, width) = (h, w);
                    else if (Sound) Fault(DataProblemKind.BadMask, field + ".size", "must be two whole numbers, height and width.");
                }
                else if (name.SequenceEqual("counts"u8))
                {
                    if (scanner.Peek() == '"') text = scanner.ReadString().ToArray();
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
        var good = sized && (text is not null
            ? RunLengthMask.TryFromCompressed(text, (int)height, (int)width, out mask, out problem)
            : listed && RunLengthMask.TryFromCounts([.. _counts], (int)height, (int)width, out mask, out problem));
        if (good) return new RunLengthSegmentation(mask!);
        Fault(DataProblemKind.BadMask, field, problem + ".");
        return null;
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
                Fault(DataProblemKind.BadMask, field, string.Create(CultureInfo.InvariantCulture, $"holds the run {n}; whole numbers from 0 on are needed."));
                return false;
            }
            _counts.Add((uint)n);
        }
        return true;
    }

    private bool Comma(string field, int have)
    {
        if (scanner.NextElement((byte)']')) return true;
        Fault(DataProblemKind.WrongValue, field, string.Create(CultureInfo.InvariantCulture, $"has {have} numbers; x, y, width, height are needed."));
        return false;
    }

    private void SkipRest()
    {
        do
        {
            scanner.Skip();
        }
        while (scanner.NextElement((byte)']'));
    }

    private long IntegerSlow(string field)
    {
        if (!IsNumberStart(scanner.Peek()))
        {
            WrongType(field, "a whole number");
            return 0;
        }
        var value = scanner.ReadNumber();
        if (Math.Floor(value) == value && Math.Abs(value) <= 9007199254740992.0) return (long)value;
        Fault(DataProblemKind.WrongValue, field, string.Create(CultureInfo.InvariantCulture, $"is {value}; a whole number is needed."));
        return 0;
    }

    private double WrongType(string field, string wanted)
    {
        var b = scanner.Peek();
        var found = b switch
        {
            (byte)'"' => "a text",
            (byte)'[' => "a list",
            (byte)'{' => "an object",
            (byte)'n' => "null",
            (byte)'t' or (byte)'f' => "true or false",
            _ => "a number",
        };
        scanner.Skip();
        Fault(DataProblemKind.WrongValue, field, $"is {found}; {wanted} is needed.");
        return 0;
    }
}
