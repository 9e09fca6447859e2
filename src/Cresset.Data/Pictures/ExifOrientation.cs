using System.Buffers.Binary;

namespace Cresset.Data;

/// <summary>The orientation tag of a block of EXIF data (a TIFF directory).</summary>
internal static class ExifOrientation
{
    private const int Tag = 0x0112;

    /// <summary>
    /// 1 to 8; 1 where the block says nothing or cannot be read, since orientation is advice and not part of the picture.
    /// </summary>
    public static int Of(ReadOnlySpan<byte> exif)
    {
        if (exif.StartsWith("Exif\0\0"u8)) exif = exif[6..];
        if (exif.Length < 8) return 1;
        var big = exif[0] == (byte)'M';
        var directory = Read32(exif[4..], big);
        if (directory + 2 > exif.Length || directory < 8) return 1;
        var count = Read16(exif[(int)directory..], big);
        for (var i = 0; i < count; i++)
        {
            var at = (int)directory + 2 + (12 * i);
            if (at + 12 > exif.Length) return 1;
            if (Read16(exif[at..], big) == Tag) return Read16(exif[(at + 8)..], big) is var value and >= 1 and <= 8 ? value : 1;
        }
        return 1;
    }

    private static int Read16(ReadOnlySpan<byte> bytes, bool big)
        => big ? BinaryPrimitives.ReadUInt16BigEndian(bytes) : BinaryPrimitives.ReadUInt16LittleEndian(bytes);

    private static uint Read32(ReadOnlySpan<byte> bytes, bool big)
        => big ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt32LittleEndian(bytes);
}
