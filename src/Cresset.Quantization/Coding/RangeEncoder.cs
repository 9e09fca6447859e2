namespace Cresset.Quantization;

/// <summary>
/// Arithmetic coding with integer ranges (Martin 1979; carry-less with 64-bit ranges): spends log2(total/frequency) bits on a symbol, to
/// within a billionth.
/// </summary>
internal sealed class RangeEncoder
{
    internal const ulong Top = 1UL << 56;
    internal const ulong Bottom = 1UL << 48;
    private readonly List<byte> _bytes = [];
    private ulong _low;
    private ulong _range = ulong.MaxValue;

    /// <summary>Codes a symbol that owns [start, start + frequency) of [0, total); total at most 2^32.</summary>
    public void Encode(uint start, uint frequency, uint total)
    {
        if (frequency == 0 || (ulong)start + frequency > total)
            throw new ArgumentException(
                $"The symbol's share [{start}, {(ulong)start + frequency}) must be a part of [0, {total}) that is not empty.");
        _range /= total;
        _low += start * _range;
        _range *= frequency;
        while (true)
        {
            if ((_low ^ (_low + _range)) >= Top)
            {
                if (_range >= Bottom) return;
                // The interval straddles a carry: shorten it to its lower part.
                _range = (0 - _low) & (Bottom - 1);
            }
            _bytes.Add((byte)(_low >> 56));
            _low <<= 8;
            _range <<= 8;
        }
    }

    /// <summary>The bytes of all symbols.</summary>
    public byte[] Finish()
    {
        // As few bytes as still point into the interval; the decoder reads zeros after the end.
        var value = _low + (_range - 1);
        for (var bytes = 1; bytes <= 8; bytes++)
        {
            var candidate = value & (ulong.MaxValue << (64 - (8 * bytes)));
            if (candidate < _low) continue;
            for (var i = 0; i < bytes; i++) _bytes.Add((byte)(candidate >> (56 - (8 * i))));
            break;
        }
        return [.. _bytes];
    }
}
