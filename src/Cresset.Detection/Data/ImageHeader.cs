using System.Buffers.Binary;

namespace Cresset.Detection;

/// <summary>Sizes of pictures from the first bytes of their files; no pixel is decoded.</summary>
internal static class ImageHeader
{
    public static bool IsPicture(string path)
        => Path.GetExtension(path).ToLowerInvariant() is ".jpg" or ".jpeg" or ".png" or ".gif" or ".bmp" or ".webp" or ".tif" or ".tiff";

    /// <summary>Whether the size of such a file can be read from its first bytes.</summary>
    public static bool IsSized(string path)
        => IsPicture(path) && Path.GetExtension(path).ToLowerInvariant() is not (".tif" or ".tiff")
            // What macOS puts beside each file of an archive is not a picture.
            && !Path.GetFileName(path.AsSpan()).StartsWith("._", StringComparison.Ordinal);

    public static string MediaType(string path) => Path.GetExtension(path).ToLowerInvariant() switch
    {
        ".png" => "image/png",
        ".gif" => "image/gif",
        ".bmp" => "image/bmp",
        ".webp" => "image/webp",
        _ => "image/jpeg",
    };

    public static bool TryReadSize(string path, out int width, out int height)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 4096);
        var head = new byte[32];
        var read = stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        (width, height) = (0, 0);
        var b = head.AsSpan(0, read);
        if (b.Length >= 24 && b.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G'])) (width,
            height) = (BinaryPrimitives.ReadInt32BigEndian(b[16..]), BinaryPrimitives.ReadInt32BigEndian(b[20..]));
        else if (b.Length >= 10 && b.StartsWith("GIF8"u8)) (width, height) = (BinaryPrimitives.ReadUInt16LittleEndian(b[6..]),
            BinaryPrimitives.ReadUInt16LittleEndian(b[8..]));
        else if (b.Length >= 26 && b.StartsWith("BM"u8)) (width, height) = (BinaryPrimitives.ReadInt32LittleEndian(b[18..]),
            Math.Abs(BinaryPrimitives.ReadInt32LittleEndian(b[22..])));
        else if (b.Length >= 30 && b.StartsWith("RIFF"u8)) ReadWebp(b, out width, out height);
        else if (b.Length >= 4 && b[0] == 0xFF && b[1] == 0xD8) ReadJpeg(stream, out width, out height);
        return width > 0 && height > 0;
    }

    private static void ReadWebp(ReadOnlySpan<byte> b, out int width, out int height)
    {
        (width, height) = (0, 0);
        var kind = b.Slice(12, 4);
        if (kind.SequenceEqual("VP8 "u8)) (width, height) = (BinaryPrimitives.ReadUInt16LittleEndian(b[26..]) & 0x3FFF,
            BinaryPrimitives.ReadUInt16LittleEndian(b[28..]) & 0x3FFF);
        else if (kind.SequenceEqual("VP8X"u8)) (width, height) = (1 + (b[24] | (b[25] << 8) | (b[26] << 16)),
            1 + (b[27] | (b[28] << 8) | (b[29] << 16)));
        else if (kind.SequenceEqual("VP8L"u8))
        {
            var bits = BinaryPrimitives.ReadUInt32LittleEndian(b[21..]);
            (width, height) = ((int)(bits & 0x3FFF) + 1, (int)((bits >> 14) & 0x3FFF) + 1);
        }
    }

    /// <summary>Walks the segments of a JPEG to the start of frame.</summary>
    private static void ReadJpeg(FileStream stream, out int width, out int height)
    {
        (width, height) = (0, 0);
        stream.Position = 2;
        Span<byte> segment = stackalloc byte[9];
        while (stream.ReadAtLeast(segment[..4], 4, throwOnEndOfStream: false) == 4 && segment[0] == 0xFF)
        {
            var marker = segment[1];
            if (marker == 0xFF)
            {
                stream.Position -= 3;
                continue;
            }
            var length = BinaryPrimitives.ReadUInt16BigEndian(segment[2..]);
            if (marker is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC))
            {
                if (stream.ReadAtLeast(segment[..5], 5, throwOnEndOfStream: false) == 5)
                {
                    (height, width) = (BinaryPrimitives.ReadUInt16BigEndian(segment[1..]),
                        BinaryPrimitives.ReadUInt16BigEndian(segment[3..]));
                }
                return;
            }
            if (length < 2 || marker == 0xDA) return;
            stream.Position += length - 2;
        }
    }
}
