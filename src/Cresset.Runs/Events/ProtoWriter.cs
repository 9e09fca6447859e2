using System.Buffers.Binary;
using System.Text;

namespace Cresset.Runs;

/// <summary>Protocol buffer fields into a growing buffer.</summary>
internal sealed class ProtoWriter
{
    private byte[] _bytes = new byte[256];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    public Span<byte> From(int start) => _bytes.AsSpan(start, Length - start);

    public void Clear() => Length = 0;

    public Span<byte> Reserve(int count)
    {
        if (Length + count > _bytes.Length) Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, Length + count));
        var span = _bytes.AsSpan(Length, count);
        Length += count;
        return span;
    }

    public void Varint(ulong value)
    {
        while (value >= 0x80)
        {
            Reserve(1)[0] = (byte)(value | 0x80);
            value >>= 7;
        }
        Reserve(1)[0] = (byte)value;
    }

    public void Integer(int field, long value)
    {
        Varint((ulong)field << 3);
        Varint((ulong)value);
    }

    public void Double(int field, double value)
    {
        Varint(((ulong)field << 3) | 1);
        BinaryPrimitives.WriteDoubleLittleEndian(Reserve(8), value);
    }

    public void Float(int field, float value)
    {
        Varint(((ulong)field << 3) | 5);
        BinaryPrimitives.WriteSingleLittleEndian(Reserve(4), value);
    }

    public void Bytes(int field, ReadOnlySpan<byte> value)
    {
        Varint(((ulong)field << 3) | 2);
        Varint((ulong)value.Length);
        value.CopyTo(Reserve(value.Length));
    }

    public void Text(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

    public void Doubles(int field, ReadOnlySpan<double> values)
    {
        Varint(((ulong)field << 3) | 2);
        Varint((ulong)values.Length * 8);
        foreach (var value in values) BinaryPrimitives.WriteDoubleLittleEndian(Reserve(8), value);
    }

    /// <summary>A message inside this one; <paramref name="write"/> writes its fields to the writer it is given.</summary>
    public void Message(int field, Action<ProtoWriter> write)
    {
        var inner = new ProtoWriter();
        write(inner);
        Bytes(field, inner.Written);
    }
}
