using System.Buffers.Binary;
using System.Text;

namespace Cresset.Diffusion;

/// <summary>Writes the fields of one Protocol Buffers message: just what a SentencePiece model needs.</summary>
internal sealed class ProtoWriter
{
    private readonly List<byte> _bytes = [];

    public ProtoWriter Varint(int field, ulong value)
    {
        Key(field, 0);
        Number(value);
        return this;
    }

    public ProtoWriter Single(int field, float value)
    {
        Key(field, 5);
        var four = new byte[4];
        BinaryPrimitives.WriteSingleLittleEndian(four, value);
        _bytes.AddRange(four);
        return this;
    }

    public ProtoWriter Text(int field, string text) => Bytes(field, Encoding.UTF8.GetBytes(text));

    public ProtoWriter Message(int field, ProtoWriter inner) => Bytes(field, inner.ToArray());

    public byte[] ToArray() => [.. _bytes];

    private ProtoWriter Bytes(int field, byte[] content)
    {
        Key(field, 2);
        Number((ulong)content.Length);
        _bytes.AddRange(content);
        return this;
    }

    private void Key(int field, uint wire) => Number(((ulong)field << 3) | wire);

    private void Number(ulong value)
    {
        for (; value >= 0x80; value >>= 7) _bytes.Add((byte)(value | 0x80));
        _bytes.Add((byte)value);
    }
}
