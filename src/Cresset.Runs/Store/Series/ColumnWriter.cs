using System.Buffers.Binary;

namespace Cresset.Runs;

/// <summary>
/// Packs columns of numbers: integers as varints of their second differences, doubles raw or, if nothing is lost, as floats.
/// </summary>
internal sealed class ColumnWriter
{
    private byte[] _bytes = new byte[4096];
    private int _length;

    public byte[] ToArray() => _bytes.AsSpan(0, _length).ToArray();

    public void Clear() => _length = 0;

    public void Byte(byte value)
    {
        Reserve(1);
        _bytes[_length++] = value;
    }

    public void Varint(ulong value)
    {
        Reserve(10);
        while (value >= 0x80)
        {
            _bytes[_length++] = (byte)(value | 0x80);
            value >>= 7;
        }
        _bytes[_length++] = (byte)value;
    }

    public void Integers(ReadOnlySpan<long> values)
    {
        long previous = 0, difference = 0;
        unchecked
        {
            foreach (var value in values)
            {
                var next = value - previous;
                var second = next - difference;
                Varint((ulong)((second << 1) ^ (second >> 63)));
                previous = value;
                difference = next;
            }
        }
    }

    public void Doubles(ReadOnlySpan<double> values)
    {
        var exact = true;
        foreach (var value in values)
        {
            // By bits: a NaN's payload and the sign of zero count too.
            if (BitConverter.DoubleToInt64Bits((float)value) != BitConverter.DoubleToInt64Bits(value))
            {
                exact = false;
                break;
            }
        }
        Byte(exact ? (byte)4 : (byte)8);
        Reserve(values.Length * 8);
        foreach (var value in values)
        {
            if (exact)
            {
                BinaryPrimitives.WriteSingleLittleEndian(_bytes.AsSpan(_length), (float)value);
                _length += 4;
            }
            else
            {
                BinaryPrimitives.WriteDoubleLittleEndian(_bytes.AsSpan(_length), value);
                _length += 8;
            }
        }
    }

    private void Reserve(int more)
    {
        if (_length + more > _bytes.Length) Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + more));
    }
}
