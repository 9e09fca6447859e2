using System.Text;

namespace Cresset.Detection;

public sealed partial class RunLengthMask
{
    /// <summary>
    /// The compressed text of COCO files: each run, from the fourth on as difference to the run two before, in groups of five bits, six
    /// bits per character from '0' on.
    /// </summary>
    public string ToCompressedText()
    {
        var runs = Runs;
        var text = new StringBuilder(runs.Length * 2);
        for (var i = 0; i < runs.Length; i++)
        {
            long x = runs[i];
            if (i > 2) x -= runs[i - 2];
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
        return TryFromCompressed(bytes, height, width, new MaskTexts(), out var mask, out var problem) ? mask
            : throw new FormatException(problem);
    }

    /// <summary>Checks and measures a compressed text, which is kept as it is: most masks of a file never meet another.</summary>
    internal static bool TryFromCompressed(ReadOnlySpan<byte> text, int height, int width, MaskTexts texts, out RunLengthMask mask,
        out string problem)
    {
        mask = null!;
        if (!MaskMeasure.TryOf(text, height, width, out var measure, out var sum, out problem)) return false;
        if (Check(height, width, sum) is { } wrong)
        {
            problem = wrong;
            return false;
        }
        mask = new RunLengthMask(height, width, texts.Keep(text), measure);
        return true;
    }

    internal static bool TryFromCounts(ReadOnlySpan<uint> counts, int height, int width, out RunLengthMask mask, out string problem)
    {
        problem = Check(height, width, counts) ?? "";
        mask = new RunLengthMask(height, width, counts.ToArray());
        return problem.Length == 0;
    }
}
