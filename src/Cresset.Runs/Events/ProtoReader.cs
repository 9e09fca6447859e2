using System.Buffers.Binary;

namespace Cresset.Runs;

/// <summary>Walks over the fields of a protocol buffer message; damaged bytes give an <see cref="InvalidDataException"/>.</summary>
internal ref struct ProtoReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private int _position;

    /// <summary>Number of the present field.</summary>
    public int Field { get; private set; }

    /// <summary>0 varint, 1 eight bytes, 2 bytes with a length, 5 four bytes.</summary>
    public int Wire { get; private set; }

    /// <summary>The field's number if it is one: a varint, or the bits of a fixed-size one.</summary>
    public ulong Bits { get; private set; }

    /// <summary>The field's content if it has a length.</summary>
    public ReadOnlySpan<byte> Content { get; private set; }

    public readonly double Double => BitConverter.UInt64BitsToDouble(Bits);

    public readonly float Float => BitConverter.UInt32BitsToSingle((uint)Bits);

    public readonly string Text => System.Text.Encoding.UTF8.GetString(Content);

    public bool Next()
    {
        if (_position == _bytes.Length) return false;
        var key = Varint();
        Field = (int)Math.Min(key >> 3, int.MaxValue);
        Wire = (int)(key & 7);
        Content = default;
        switch (Wire)
        {
            case 0:
                Bits = Varint();
                break;
            case 1:
                Bits = BinaryPrimitives.ReadUInt64LittleEndian(Take(8));
                break;
            case 2:
                Content = Take(Varint());
                break;
            case 5:
                Bits = BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
                break;
            default:
                throw new InvalidDataException($"Field {Field} has wire type {Wire} at byte {_position}; the record is not an event.");
        }
        return true;
    }

    /// <summary>Adds the doubles of a repeated field, packed or single.</summary>
    public readonly void AddDoubles(List<double> values)
    {
        if (Wire == 1) values.Add(Double);
        for (var rest = Content; rest.Length >= 8; rest = rest[8..]) values.Add(BinaryPrimitives.ReadDoubleLittleEndian(rest));
    }

    /// <summary>Adds the floats of a repeated field, packed or single.</summary>
    public readonly void AddFloats(List<double> values)
    {
        if (Wire == 5) values.Add(Float);
        for (var rest = Content; rest.Length >= 4; rest = rest[4..]) values.Add(BinaryPrimitives.ReadSingleLittleEndian(rest));
    }

    /// <summary>Adds the integers of a repeated field, packed or single.</summary>
    public readonly void AddIntegers(List<double> values)
    {
        if (Wire == 0) values.Add((long)Bits);
        var packed = new ProtoReader(Content);
        while (packed._position < packed._bytes.Length) values.Add((long)packed.Varint());
    }

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)(_bytes.Length - _position))
            throw new InvalidDataException($"A field of {count} bytes at byte {_position} passes the record's end at {_bytes.Length}.");
        var taken = _bytes.Slice(_position, (int)count);
        _position += (int)count;
        return taken;
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (var shift = 0; shift < 70 && _position < _bytes.Length; shift += 7)
        {
            var next = _bytes[_position++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80) return value;
        }
        throw new InvalidDataException($"A number at byte {_position} of a record does not end.");
    }
}
