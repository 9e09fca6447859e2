using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace Cresset.Tensors;

/// <summary>
/// Reads a Python pickle (protocols 0 to 5) as data. Python's own reader imports and calls whatever a pickle names; here a name stays a
/// name (<see cref="PickleGlobal"/>), and a call becomes what the <see cref="IPickleWorld"/> makes of it, or an inert
/// <see cref="PickleObject"/>.
/// The reader keeps its own stack and takes no more memory than a fixed multiple of the pickle's length.
/// </summary>
internal sealed class PickleReader(PickleInput input, IPickleWorld world)
{
    // The largest checkpoints in use hold some hundred thousand values; one costs at most about 100 bytes.
    private const int MaxValues = 5_000_000;
    private const int MaxLongBytes = 1024;

    private readonly List<object?> _stack = [];
    private readonly List<int> _marks = [];
    private readonly Dictionary<long, object?> _memo = [];
    private int _values;

    /// <summary>Reads one pickle up to its STOP.</summary>
    /// <exception cref="InvalidDataException">Damage, an unknown instruction, or more than a checkpoint can need; the message has the
    /// offset.</exception>
    public object? Read()
    {
        while (true)
        {
            var code = input.Byte();
            if (code == '.')
                return _stack.Count == 1 && _marks.Count == 0 ? _stack[0]
                    : throw input.Fault($"STOP comes with {_stack.Count} values on the stack");
            if (!Scalar(code) && !Container(code) && !Memo(code) && !Object(code))
                throw input.Fault($"the instruction 0x{code:x2} is not known");
        }
    }

    private bool Scalar(byte code)
    {
        switch (code)
        {
            case (byte)'N': return Push(null);
            case 0x88: return Push(true);
            case 0x89: return Push(false);
            case (byte)'J': return Push((long)BinaryPrimitives.ReadInt32LittleEndian(Small(4)));
            case (byte)'K': return Push((long)input.Byte());
            case (byte)'M': return Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Small(2)));
            case (byte)'I':
                var text = Ascii(input.Line());
                return Push(text switch { "01" => true, "00" => false, _ => Whole(text) });
            case (byte)'L': return Push(Whole(Ascii(input.Line()).TrimEnd('L')));
            case 0x8a: return Push(Long(input.Byte()));
            case 0x8b: return Push(Long(BinaryPrimitives.ReadUInt32LittleEndian(Small(4))));
            case (byte)'F':
                var number = Ascii(input.Line());
                return double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
                    ? Push(value)
                    : Push(number switch
                    {
                        "inf" => double.PositiveInfinity,
                        "-inf" => double.NegativeInfinity,
                        "nan" => double.NaN,
                        _ => throw input.Fault("a number cannot be read"),
                    });
            case (byte)'G': return Push(BinaryPrimitives.ReadDoubleBigEndian(Small(8)));
            case (byte)'S': return Push(Quoted(Encoding.Latin1.GetString(input.Line())));
            case (byte)'V': return Push(Escaped(Encoding.Latin1.GetString(input.Line()), "uU"));
            case (byte)'T': return Push(PickleInput.Text(input.Bytes(BinaryPrimitives.ReadUInt32LittleEndian(Small(4)))));
            case (byte)'X': return Push(PickleInput.Text(input.Bytes(BinaryPrimitives.ReadUInt32LittleEndian(Small(4)))));
            case (byte)'U' or 0x8c: return Push(PickleInput.Text(input.Bytes(input.Byte())));
            case 0x8d: return Push(PickleInput.Text(input.Bytes(BinaryPrimitives.ReadUInt64LittleEndian(Small(8)))));
            case (byte)'B': return Push(input.Bytes(BinaryPrimitives.ReadUInt32LittleEndian(Small(4))));
            case (byte)'C': return Push(input.Bytes(input.Byte()));
            case 0x8e or 0x96: return Push(input.Bytes(BinaryPrimitives.ReadUInt64LittleEndian(Small(8))));
            default: return false;
        }
    }

    private bool Container(byte code)
    {
        switch (code)
        {
            case (byte)']': return Push(new PickleSequence(PickleSequenceKind.List));
            case (byte)')': return Push(new PickleSequence(PickleSequenceKind.Tuple));
            case (byte)'}': return Push(new PickleDict());
            case 0x8f: return Push(new PickleSequence(PickleSequenceKind.Set));
            case (byte)'(':
                _marks.Add(_stack.Count);
                return Count();
            case (byte)'l': return Push(Sequence(PickleSequenceKind.List, PopToMark()));
            case (byte)'t': return Push(Sequence(PickleSequenceKind.Tuple, PopToMark()));
            case 0x91: return Push(Sequence(PickleSequenceKind.Set, PopToMark()));
            case 0x85: return Push(Sequence(PickleSequenceKind.Tuple, [Pop()]));
            case 0x86:
                var second = Pop();
                return Push(Sequence(PickleSequenceKind.Tuple, [Pop(), second]));
            case 0x87:
                var (third, middle) = (Pop(), Pop());
                return Push(Sequence(PickleSequenceKind.Tuple, [Pop(), middle, third]));
            case (byte)'d':
                var items = PopToMark();
                var dict = new PickleDict();
                Put(dict, items);
                return Push(dict);
            case (byte)'a':
                Append([Pop()]);
                return true;
            case (byte)'e' or 0x90:
                Append(PopToMark());
                return true;
            case (byte)'s':
                var value = Pop();
                var key = Pop();
                Put(Top(), [key, value]);
                return true;
            case (byte)'u':
                var pairs = PopToMark();
                Put(Top(), pairs);
                return true;
            case (byte)'0':
                // Python lets POP take a mark when nothing lies above it.
                if (_marks.Count > 0 && _marks[^1] == _stack.Count) _marks.RemoveAt(_marks.Count - 1);
                else Pop();
                return true;
            case (byte)'1':
                PopToMark();
                return true;
            case (byte)'2': return Push(Top());
            default: return false;
        }
    }

    private bool Memo(byte code)
    {
        switch (code)
        {
            case (byte)'p': return Remember(Index(input.Line()));
            case (byte)'q': return Remember(input.Byte());
            case (byte)'r': return Remember(BinaryPrimitives.ReadUInt32LittleEndian(Small(4)));
            case 0x94: return Remember(_memo.Count);
            case (byte)'g': return Push(Remembered(Index(input.Line())));
            case (byte)'h': return Push(Remembered(input.Byte()));
            case (byte)'j': return Push(Remembered(BinaryPrimitives.ReadUInt32LittleEndian(Small(4))));
            default: return false;
        }
    }

    private bool Object(byte code)
    {
        switch (code)
        {
            case 0x80:
                var protocol = input.Byte();
                return protocol <= 5 ? true : throw input.Fault($"the protocol {protocol} is not known; 0 to 5 are");
            case 0x95:
                var frame = BinaryPrimitives.ReadUInt64LittleEndian(Small(8));
                return frame <= (ulong)input.Remaining ? true
                    : throw input.Fault($"a frame of {frame} bytes is announced and {input.Remaining} are left");
            case (byte)'c':
                var module = PickleInput.Text(input.Line());
                return Push(new PickleGlobal(module, PickleInput.Text(input.Line())));
            case 0x93:
                var (name, owner) = (Pop(), Pop());
                return Push(name is string n && owner is string o ? new PickleGlobal(o, n)
                    : throw input.Fault("a global is not named by texts"));
            case (byte)'R' or 0x81 or 0x92:
                // NEWOBJ_EX brings keyword arguments, which no part of a checkpoint needs.
                if (code == 0x92) Pop();
                var arguments = Arguments(Pop());
                return Push(Call(Pop(), arguments));
            case (byte)'i':
                var at = PickleInput.Text(input.Line());
                return Push(Call(new PickleGlobal(at, PickleInput.Text(input.Line())), Sequence(PickleSequenceKind.Tuple, PopToMark())));
            case (byte)'o':
                var parts = PopToMark();
                return parts.Count > 0 ? Push(Call(parts[0], Sequence(PickleSequenceKind.Tuple, parts.Skip(1))))
                    : throw input.Fault("an object has no class");
            case (byte)'b':
                var state = Pop();
                if (Top() is PickleObject target) target.State = state;
                return true;
            case (byte)'P': return Push(world.Persistent(PickleInput.Text(input.Line()), input));
            case (byte)'Q': return Push(world.Persistent(Pop(), input));
            case 0x82 or 0x83 or 0x84:
                throw input.Fault("it uses the registry of extension codes, which only the program that wrote it has");
            case 0x97 or 0x98: throw input.Fault("it refers to buffers outside the pickle");
            default: return false;
        }
    }

    private object? Call(object? function, PickleSequence arguments) => function is PickleGlobal global
        ? world.Call(global, arguments, input)
        : throw input.Fault($"it calls {PickleText.Kind(function)}, not a class or function");

    private PickleSequence Arguments(object? value) =>
        value as PickleSequence ?? throw input.Fault($"the arguments of a call are {PickleText.Kind(value)}, not a tuple");

    private void Append(IEnumerable<object?> items)
    {
        switch (Top())
        {
            case PickleSequence sequence: sequence.AddRange(items); break;
            case PickleObject target: (target.Appended ??= new PickleSequence(PickleSequenceKind.List)).AddRange(items); break;
            case var other: throw input.Fault($"it appends to {PickleText.Kind(other)}");
        }
    }

    private void Put(object? target, IReadOnlyList<object?> items)
    {
        if (items.Count % 2 != 0) throw input.Fault("a dictionary has a key without a value");
        var dict = target switch
        {
            PickleDict own => own,
            PickleObject other => other.Entries ??= new PickleDict(),
            _ => throw input.Fault($"it sets items of {PickleText.Kind(target)}"),
        };
        for (var i = 0; i < items.Count; i += 2) dict.Set(items[i], items[i + 1]);
    }

    private static PickleSequence Sequence(PickleSequenceKind kind, IEnumerable<object?> items)
    {
        var sequence = new PickleSequence(kind);
        sequence.AddRange(items);
        return sequence;
    }

    private bool Push(object? value)
    {
        _stack.Add(value);
        return Count();
    }

    private bool Count() =>
        ++_values <= MaxValues ? true : throw input.Fault($"it holds more than {MaxValues} values, which no checkpoint does");

    private object? Pop()
    {
        if (_stack.Count == 0 || (_marks.Count > 0 && _marks[^1] == _stack.Count))
            throw input.Fault("an instruction takes a value from an empty stack");
        var value = _stack[^1];
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private object? Top() => _stack.Count > 0 ? _stack[^1] : throw input.Fault("an instruction needs a value on an empty stack");

    private List<object?> PopToMark()
    {
        if (_marks.Count == 0) throw input.Fault("an instruction needs a mark and there is none");
        var mark = _marks[^1];
        _marks.RemoveAt(_marks.Count - 1);
        if (mark > _stack.Count) throw input.Fault("a mark lies above the stack");
        var items = _stack.GetRange(mark, _stack.Count - mark);
        _stack.RemoveRange(mark, items.Count);
        return items;
    }

    private object? Remembered(long index) =>
        _memo.TryGetValue(index, out var value) ? value : throw input.Fault($"it refers to the memo {index}, which was not set");

    private bool Remember(long index)
    {
        _memo[index] = Top();
        return _memo.Count <= MaxValues ? true : throw input.Fault($"it remembers more than {MaxValues} values, which no checkpoint does");
    }

    private byte[] Small(int length) => input.Bytes((ulong)length);

    private string Ascii(byte[] line) =>
        line.All(b => b is >= 32 and < 127) ? Encoding.ASCII.GetString(line) : throw input.Fault("a number holds other characters");

    private long Index(byte[] line) =>
        long.TryParse(Ascii(line), NumberStyles.None, CultureInfo.InvariantCulture, out var index) ? index
            : throw input.Fault("a memo index cannot be read");

    private object Whole(string text)
    {
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var small)) return small;
        return text.Length <= 2 * MaxLongBytes
            && BigInteger.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var big) ? big
            : throw input.Fault("a whole number cannot be read");
    }

    private object Long(uint length)
    {
        if (length > MaxLongBytes) throw input.Fault($"a whole number has {length} bytes; at most {MaxLongBytes} are read");
        var value = new BigInteger(input.Bytes(length));
        // Not one conditional expression: its type would be BigInteger on both sides.
        if (value >= long.MinValue && value <= long.MaxValue) return (long)value;
        return value;
    }

    private string Quoted(string text)
    {
        if (text.Length < 2 || text[0] != text[^1] || text[0] is not ('\'' or '"')) throw input.Fault("a text has no quotes");
        return Escaped(text[1..^1], "x");
    }

    // Python's escapes; `wide` says which of \x, \u and \U are among them.
    private string Escaped(string text, string wide)
    {
        if (!text.Contains('\\', StringComparison.Ordinal)) return text;
        var result = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\' || i + 1 == text.Length)
            {
                result.Append(text[i]);
                continue;
            }
            var kind = text[++i];
            var digits = wide.Contains(kind, StringComparison.Ordinal) ? kind switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 } : 0;
            if (digits > 0)
            {
                if (i + digits >= text.Length
                    || !uint.TryParse(text.AsSpan(i + 1, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture,
                        out var code) || code > 0x10ffff)
                    throw input.Fault("an escape in a text cannot be read");
                if (code is >= 0xd800 and <= 0xdfff) result.Append((char)code);
                else result.Append(char.ConvertFromUtf32((int)code));
                i += digits;
            }
            else if (wide == "x") result.Append(kind switch { 'n' => '\n', 't' => '\t', 'r' => '\r', _ => kind });
            else result.Append('\\').Append(kind);
        }
        return result.ToString();
    }
}

/// <summary>What the calls and outside references of a pickle stand for.</summary>
internal interface IPickleWorld
{
    /// <summary>The value that a call stands for.</summary>
    object? Call(PickleGlobal function, PickleSequence arguments, PickleInput input);

    /// <summary>The value of a persistent id.</summary>
    object? Persistent(object? id, PickleInput input);
}
