using System.Buffers.Binary;
using System.Text;

namespace Cresset.Diffusion;

/// <summary>Walks the fields of one Protocol Buffers message: just what a SentencePiece model needs.</summary>
internal ref struct ProtoReader(ReadOnlySpan<byte> bytes, string path, int start = 0)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private int _at = 0;

    /// <summary>Number of the current field.</summary>
    public int Field { get; private set; }

    private int _wire;

    /// <summary>Steps to the next field; false at the end. The value must then be read or skipped.</summary>
    public bool Next()
    {
        if (_at >= _bytes.Length) return false;
        var key = Varint();
        Field = (int)(key >> 3);
        _wire = (int)(key & 7);
        return true;
    }

    public ulong Varint()
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (_at >= _bytes.Length) throw Broken("a number runs past the end");
            var b = _bytes[_at++];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80) return value;
        }
        throw Broken("a number has more than 64 bits");
    }

    public float Single() => BinaryPrimitives.ReadSingleLittleEndian(Take(4));

    public string Text() => Encoding.UTF8.GetString(Bytes());

    public ReadOnlySpan<byte> Bytes()
    {
        if (_wire != 2) throw Broken($"field {Field} is not a block of bytes");
        return Take(checked((int)Math.Min(Varint(), int.MaxValue)));
    }

    public ProtoReader Message()
    {
        var block = Bytes();
        return new ProtoReader(block, path, start + _at - block.Length);
    }

    public void Skip()
    {
        switch (_wire)
        {
            case 0: Varint(); break;
            case 1: Take(8); break;
            case 2: Bytes(); break;
            case 5: Take(4); break;
            default: throw Broken($"field {Field} has the unknown wire type {_wire}");
        }
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _bytes.Length - _at) throw Broken($"{count} bytes are wanted, {_bytes.Length - _at} are left");
        _at += count;
        return _bytes.Slice(_at - count, count);
    }

    private readonly InvalidDataException Broken(string what) => new($"{path} is not a SentencePiece model: at byte {start + _at} {what}.");
}
