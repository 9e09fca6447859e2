using System.Buffers.Binary;

namespace Cresset.Data;

/// <summary>The markers of a JPEG file, as far as they are needed to know its colours.</summary>
internal static class JpegFile
{
    public static bool Is(ReadOnlySpan<byte> content)
        => content.Length >= 3 && content[0] == 0xff && content[1] == 0xd8 && content[2] == 0xff;

    /// <summary>Number of components of the frame (1 grey, 3 colour, 4 CMYK); 0 where no frame is found.</summary>
    public static int Components(ReadOnlySpan<byte> content)
    {
        var at = 2;
        while (at + 4 <= content.Length && content[at] == 0xff)
        {
            var marker = content[at + 1];
            if (marker == 0xff)
            {
                at++;
                continue;
            }
            // SOF0 to SOF15, without the three of that range that open tables.
            if (marker is >= 0xc0 and <= 0xcf and not 0xc4 and not 0xc8 and not 0xcc) return at + 9 < content.Length ? content[at + 9] : 0;
            at += 2 + BinaryPrimitives.ReadUInt16BigEndian(content[(at + 2)..]);
        }
        return 0;
    }
}
