namespace Cresset.Plots;

/// <summary>GIF's variable-length LZW compression (Welch 1984; GIF89a, appendix F).</summary>
internal static class LzwEncoder
{
    private const int MaxCode = 4096;

    /// <summary>Writes the code size, the data in blocks of up to 255 bytes and the empty block that ends them.</summary>
    public static void Write(Stream stream, ReadOnlySpan<byte> indices, int bits)
    {
        stream.WriteByte((byte)bits);
        var output = new Blocks(stream);
        int clear = 1 << bits, end = clear + 1;
        var table = new Dictionary<int, int>();
        var (next, width) = (end + 1, bits + 1);
        output.Write(clear, width);
        var prefix = (int)indices[0];
        foreach (var index in indices[1..])
        {
            var key = (prefix << 8) | index;
            if (table.TryGetValue(key, out var code))
            {
                prefix = code;
                continue;
            }
            output.Write(prefix, width);
            prefix = index;
            if (next < MaxCode)
            {
                // The reader's table is one entry behind, so the width grows when the code no longer fits.
                if (next == 1 << width) width++;
                table[key] = next++;
            }
            else
            {
                output.Write(clear, width);
                table.Clear();
                (next, width) = (end + 1, bits + 1);
            }
        }
        output.Write(prefix, width);
        // After the last prefix the reader adds an entry too, which may widen the codes before the end code.
        if (next == 1 << width && width < 12) width++;
        output.Write(end, width);
        output.Finish();
    }

    private sealed class Blocks(Stream stream)
    {
        private readonly byte[] _block = new byte[256];
        private int _length;
        private uint _pending;
        private int _bits;

        public void Write(int code, int width)
        {
            _pending |= (uint)code << _bits;
            _bits += width;
            while (_bits >= 8) Flush();
        }

        public void Finish()
        {
            if (_bits > 0) Flush();
            Block();
            stream.WriteByte(0);
        }

        private void Flush()
        {
            _block[1 + _length++] = (byte)_pending;
            _pending >>= 8;
            _bits = Math.Max(0, _bits - 8);
            if (_length == 255) Block();
        }

        private void Block()
        {
            if (_length == 0) return;
            _block[0] = (byte)_length;
            stream.Write(_block, 0, _length + 1);
            _length = 0;
        }
    }
}
