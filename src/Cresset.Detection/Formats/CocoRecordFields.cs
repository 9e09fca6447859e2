using System.Globalization;
using System.Runtime.CompilerServices;

namespace Cresset.Detection;

/// <summary>Typed fields of one COCO record; a wrong type is a fault of the record, not of the file.</summary>
internal sealed partial class CocoRecordFields(JsonScanner scanner, FaultDesk desk)
{
    private readonly List<double> _numbers = [];
    private readonly List<uint> _counts = [];
    private readonly MaskTexts _texts = new();
    private double[] _plain = new double[128];
    private byte[] _maskText = new byte[1024];
    private bool _quiet;

    /// <summary>False once a field of the current record was faulty.</summary>
    public bool Sound { get; set; }

    public void Fault(DataProblemKind kind, string field, string message)
    {
        Sound = false;
        if (!_quiet) desk.Fault(kind, scanner.Where, field, message, scanner.Offset);
    }

    /// <summary>Something that was assumed or converted; the record stays sound.</summary>
    public void Note(DataProblemKind kind, string field, string message)
    {
        if (!_quiet) desk.Note(kind, scanner.Where, field, message, scanner.Offset);
    }

    /// <summary>Whether a fault was met since the last call; the record counts as sound again.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TakeFault()
    {
        if (Sound) return false;
        Sound = true;
        return true;
    }

    /// <summary>An id: a whole number of 64 bits, or a text, which gets a provisional number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public long Id(string field, TextIds texts) => scanner.TryTakeInteger(out var value) ? value : IdSlow(field, texts);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public double Number(string field)
    {
        if (IsNumberStart(scanner.Peek())) return scanner.ReadNumber();
        return NumberSlow(field);
    }

    /// <summary>A width, height or count: null and absent are 0, fractions are rounded and said.</summary>
    public long Whole(string field)
    {
        if (scanner.TryTakeInteger(out var value)) return value;
        if (scanner.TryNull()) return 0;
        double number;
        if (scanner.Peek() == '"')
        {
            var text = scanner.ReadText();
            if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out number))
            {
                Fault(DataProblemKind.WrongValue, field, $"is the text \"{Short(text)}\"; a whole number is needed.");
                return 0;
            }
            Note(DataProblemKind.Converted, field, $"is the text \"{Short(text)}\"; it was taken as the number.");
        }
        else
        {
            number = Number(field);
            if (!Sound) return 0;
        }
        if (!(Math.Abs(number) <= 1e15))
        {
            Fault(DataProblemKind.WrongValue, field,
                string.Create(CultureInfo.InvariantCulture, $"is {number}; a whole number is needed."));
            return 0;
        }
        var whole = Math.Round(number);
        if (whole != number)
        {
            Note(DataProblemKind.Converted, field, string.Create(CultureInfo.InvariantCulture, $"is {number}; {whole} was taken."));
        }
        return (long)whole;
    }

    /// <summary>A box of four finite numbers; an empty list and null give false.</summary>
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
        if (!double.IsFinite(x + y + w + h) && Sound)
        {
            Fault(DataProblemKind.NotFinite, field, "holds NaN or an infinity; finite numbers are needed.");
        }
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
        if (scanner.TryTakeNumbers(ref _plain, out var count)) return _plain.AsSpan(0, count).ToArray();
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
        if (scanner.TryNull()) return null;
        var numbers = Numbers(field);
        if (numbers is null || !Sound) return null;
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

    /// <summary>A text; null is an empty one, a number its digits.</summary>
    public string Text(string field)
    {
        if (scanner.Peek() == '"') return scanner.ReadText();
        if (scanner.TryNull()) return "";
        if (IsNumberStart(scanner.Peek()))
        {
            var digits = scanner.ReadNumberText();
            Note(DataProblemKind.Converted, field, $"is the number {digits}; it was taken as a text.");
            return digits;
        }
        WrongType(field, "a text");
        return "";
    }

    private static bool IsNumberStart(byte b) => (uint)(b - '0') <= 9 || b is (byte)'-' or (byte)'N' or (byte)'I';

    private static string Short(string text) => text.Length <= 60 ? text : text[..57] + "...";

    private bool Comma(string field, int have)
    {
        if (scanner.NextElement((byte)']')) return true;
        Fault(DataProblemKind.WrongValue, field,
            string.Create(CultureInfo.InvariantCulture, $"has {have} numbers; x, y, width, height are needed."));
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

    private long IdSlow(string field, TextIds texts)
    {
        if (scanner.Peek() == '"') return texts.Of(scanner.ReadText());
        if (!IsNumberStart(scanner.Peek()))
        {
            WrongType(field, "a whole number or a text");
            return 0;
        }
        var digits = scanner.ReadNumberText();
        // decimal holds 64-bit ids to the last digit, where a double has 53 bits.
        var whole = decimal.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out var exact)
            && decimal.Truncate(exact) == exact;
        if (whole && exact >= long.MinValue && exact <= long.MaxValue && !TextIds.IsProvisional((long)exact)) return (long)exact;
        Fault(DataProblemKind.WrongValue, field, $"is {Short(digits)}; a whole number of 64 bits or a text is needed.");
        return 0;
    }

    private double NumberSlow(string field)
    {
        if (!desk.Lenient || scanner.Peek() != '"') return WrongType(field, "a number");
        var text = scanner.ReadText();
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
        {
            if (!_quiet)
            {
                desk.Fault(DataProblemKind.WrongValue, scanner.Where, field, $"is the text \"{Short(text)}\"; the number was taken.",
                    scanner.Offset);
            }
            return number;
        }
        Fault(DataProblemKind.WrongValue, field, $"is the text \"{Short(text)}\"; a number is needed.");
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
