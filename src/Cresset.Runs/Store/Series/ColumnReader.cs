using System.Buffers.Binary;

namespace Cresset.Runs;

/// <summary>Reads what <see cref="ColumnWriter"/> packed; damaged bytes give an <see cref="InvalidDataException"/>.</summary>
internal ref struct ColumnReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private int _position;

    public byte Byte() => _position < _bytes.Length ? _bytes[_position++] : throw Damaged();

    public ulong Varint()
    {
        ulong value = 0;
        for (var shift = 0; shift < 70; shift += 7)
        {
            var next = Byte();
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80) return value;
        }
        throw Damaged();
    }

    public void Integers(scoped Span<long> values)
    {
        long previous = 0, difference = 0;
        unchecked
        {
            for (var i = 0; i < values.Length; i++)
            {
                var packed = Varint();
                difference += (long)(packed >> 1) ^ -(long)(packed & 1);
                previous += difference;
                values[i] = previous;
            }
        }
    }

    public void Doubles(scoped Span<double> values)
    {
        int width = Byte();
        if (width is not (4 or 8) || _bytes.Length - _position < (long)width * values.Length) throw Damaged();
        var source = _bytes[_position..];
        _position += width * values.Length;
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = width == 4 ? BinaryPrimitives.ReadSingleLittleEndian(source[(4 * i)..])
                : BinaryPrimitives.ReadDoubleLittleEndian(source[(8 * i)..]);
        }
    }

    private readonly InvalidDataException Damaged() => new($"A chunk of a series is damaged at byte {_position} of {_bytes.Length}.");
}
