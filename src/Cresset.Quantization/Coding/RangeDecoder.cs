namespace Cresset.Quantization;

/// <summary>Reads what <see cref="RangeEncoder"/> wrote, given the same frequencies in the same order.</summary>
internal sealed class RangeDecoder
{
    private readonly byte[] _bytes;
    private int _next;
    private ulong _low;
    private ulong _range = ulong.MaxValue;
    private ulong _code;

    /// <summary>Starts at the first byte.</summary>
    public RangeDecoder(ReadOnlySpan<byte> bytes)
    {
        _bytes = bytes.ToArray();
        for (var i = 0; i < 8; i++) _code = (_code << 8) | Next();
    }

    /// <summary>A number in [0, total) inside the share of the next symbol; follow it by <see cref="Advance"/>.</summary>
    public uint Target(uint total)
    {
        _range /= total;
        return (uint)Math.Min((_code - _low) / _range, total - 1);
    }

    /// <summary>Consumes the symbol that owns [start, start + frequency).</summary>
    public void Advance(uint start, uint frequency)
    {
        _low += start * _range;
        _range *= frequency;
        while (true)
        {
            if ((_low ^ (_low + _range)) >= RangeEncoder.Top)
            {
                if (_range >= RangeEncoder.Bottom) return;
                _range = (0 - _low) & (RangeEncoder.Bottom - 1);
            }
            _code = (_code << 8) | Next();
            _low <<= 8;
            _range <<= 8;
        }
    }

    private byte Next() => _next < _bytes.Length ? _bytes[_next++] : (byte)0;
}
