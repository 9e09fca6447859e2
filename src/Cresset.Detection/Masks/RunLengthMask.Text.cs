using System.Text;

namespace Cresset.Detection;

public sealed partial class RunLengthMask
{
    /// <summary>
    /// The compressed text of COCO files: each run, from the fourth on as difference to the run two before, in groups of
    /// five bits, six bits a character from '0' on.
    /// </summary>
    public string ToCompressedText()
    {
        var text = new StringBuilder(_counts.Length * 2);
        for (var i = 0; i < _counts.Length; i++)
        {
            long x = _counts[i];
            if (i > 2) x -= _counts[i - 2];
            bool more;
            do
            {
                var c = (int)(x & 0x1F);
                x >>= 5;
                more = (c & 0x10) != 0 ? x != -1 : x != 0;
                text.Append((char)((more ? c | 0x20 : c) + 48));
            }
            while (more);
        }
        return text.ToString();
    }

    /// <summary>Reads <see cref="ToCompressedText"/>.</summary>
    /// <exception cref="FormatException">The text is broken or its runs do not fill the image.</exception>
    public static RunLengthMask FromCompressedText(ReadOnlySpan<char> text, int height, int width)
    {
        var bytes = new byte[text.Length];
        for (var i = 0; i < text.Length; i++) bytes[i] = text[i] < 128 ? (byte)text[i] : (byte)0;
        return TryFromCompressed(bytes, height, width, out var mask, out var problem) ? mask : throw new FormatException(problem);
    }

    internal static bool TryFromCompressed(ReadOnlySpan<byte> text, int height, int width, out RunLengthMask mask, out string problem)
    {
        mask = null!;
        var counts = new uint[text.Length];
        var n = 0;
        for (var p = 0; p < text.Length;)
        {
            long x = 0;
            var shift = 0;
            bool more;
            do
            {
                if (p == text.Length)
                {
                    problem = "the text of the mask ends inside a run";
                    return false;
                }
                var c = text[p] - 48;
                if (c is < 0 or > 63 || shift > 35)
                {
                    problem = $"character {p} of the mask's text is not allowed";
                    return false;
                }
                x |= (long)(c & 0x1F) << shift;
                more = (c & 0x20) != 0;
                p++;
                shift += 5;
                if (!more && (c & 0x10) != 0) x |= -1L << shift;
            }
            while (more);
            if (n > 2) x += counts[n - 2];
            if (x is < 0 or > int.MaxValue)
            {
                problem = $"run {n} of the mask is {x}; runs are 0 to {int.MaxValue}";
                return false;
            }
            counts[n++] = (uint)x;
        }
        return TryFromCounts(counts.AsSpan(0, n), height, width, out mask, out problem);
    }

    internal static bool TryFromCounts(ReadOnlySpan<uint> counts, int height, int width, out RunLengthMask mask, out string problem)
    {
        problem = Check(height, width, counts) ?? "";
        mask = new RunLengthMask(height, width, counts.ToArray());
        return problem.Length == 0;
    }
}
