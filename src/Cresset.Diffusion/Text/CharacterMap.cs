using System.Buffers.Binary;

namespace Cresset.Diffusion;

/// <summary>SentencePiece's precompiled replacement table: a double-array trie over UTF-8 and the texts it points to.</summary>
internal sealed class CharacterMap
{
    public static readonly CharacterMap Empty = new([], []);

    private static readonly byte[] Replacement = [0xEF, 0xBF, 0xBD];

    private readonly uint[] _units;
    private readonly byte[] _texts;

    private CharacterMap(uint[] units, byte[] texts) => (_units, _texts) = (units, texts);

    public static CharacterMap Read(ReadOnlySpan<byte> blob, string path)
    {
        if (blob.Length == 0) return Empty;
        var size = blob.Length >= 4 ? BinaryPrimitives.ReadUInt32LittleEndian(blob) : uint.MaxValue;
        if (size > blob.Length - 4 || size % 4 != 0)
            throw new InvalidDataException(
                $"{path}: the normalization table says its trie has {size} bytes, but the whole table has {blob.Length}.");
        var units = new uint[size / 4];
        for (var i = 0; i < units.Length; i++) units[i] = BinaryPrimitives.ReadUInt32LittleEndian(blob[(4 + (4 * i))..]);
        return new CharacterMap(units, blob[(4 + (int)size)..].ToArray());
    }

    /// <summary>The replacement of the longest prefix that has one, else the first character itself; and the bytes it stands for.</summary>
    public ReadOnlySpan<byte> Next(ReadOnlySpan<byte> text, out int consumed)
    {
        var value = -1;
        consumed = 0;
        if (_units.Length > 0)
        {
            uint node = Offset(_units[0]);
            for (var i = 0; i < text.Length; i++)
            {
                node ^= text[i];
                if (node >= _units.Length) break;
                var unit = _units[node];
                if ((unit & 0x800000FF) != text[i]) break;
                node ^= Offset(unit);
                if (((unit >> 8) & 1) == 1 && node < _units.Length)
                {
                    value = (int)(_units[node] & 0x7FFFFFFF);
                    consumed = i + 1;
                }
            }
        }
        if (value >= 0 && value < _texts.Length)
        {
            var end = _texts.AsSpan(value).IndexOf((byte)0);
            return end < 0 ? _texts.AsSpan(value) : _texts.AsSpan(value, end);
        }
        if (System.Text.Rune.DecodeFromUtf8(text, out _, out var length) == System.Buffers.OperationStatus.Done)
        {
            consumed = length;
            return text[..length];
        }
        consumed = 1;
        return Replacement;
    }

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & (1u << 9)) >> 6);
}
