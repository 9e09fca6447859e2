using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.CompilerServices;

namespace Cresset.Detection;

/// <summary>A number for every pixel of an image, row by row.</summary>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
/// <param name="Values">The numbers, <c>[y * Width + x]</c>.</param>
public sealed record PixelLabels(int Height, int Width, int[] Values)
{
    private static readonly byte[] Magic = [0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10];

    /// <summary>
    /// Reads a PNG file that holds numbers: grey values of 8 or 16 bits or indices of a palette as they are, colours of 8 bits as
    /// <c>R + 256 G + 65536 B</c>, which is how panoptic segments are numbered.
    /// </summary>
    /// <exception cref="InvalidDataException">The file is damaged or a PNG of another kind; the message says which.</exception>
    public static PixelLabels Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var bytes = File.ReadAllBytes(path);
        if (!bytes.AsSpan().StartsWith(Magic)) throw new InvalidDataException($"{path} is not a PNG file.");
        int width = 0, height = 0, depth = 0, colour = -1;
        using var packed = new MemoryStream();
        for (var at = 8; ;)
        {
            if (at + 12 > bytes.Length) throw Damaged(path, "it ends before its last chunk");
            var length = BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(at));
            var kind = bytes.AsSpan(at + 4, 4);
            if (length > bytes.Length - at - 12) throw Damaged(path, "it ends within a chunk");
            var body = bytes.AsSpan(at + 8, (int)length);
            if (kind.SequenceEqual("IHDR"u8)) (width, height, depth, colour) = Header(path, body);
            else if (kind.SequenceEqual("IDAT"u8)) packed.Write(body);
            else if (kind.SequenceEqual("IEND"u8)) break;
            at += 12 + (int)length;
        }
        if (colour < 0) throw Damaged(path, "it has no header");
        packed.Position = 0;
        return new PixelLabels(height, width, Decode(path, packed, height, width, depth, colour));
    }

    private static (int Width, int Height, int Depth, int Colour) Header(string path, ReadOnlySpan<byte> body)
    {
        if (body.Length != 13) throw Damaged(path, $"its header has {body.Length} bytes");
        int width = BinaryPrimitives.ReadInt32BigEndian(body), height = BinaryPrimitives.ReadInt32BigEndian(body[4..]);
        if (width <= 0 || height <= 0 || (long)width * height > 1 << 28) throw Damaged(path, $"it claims {width} x {height} pixels");
        int depth = body[8], colour = body[9];
        var numbers = (colour, depth) is (0, 1 or 2 or 4 or 8 or 16) or (3, 1 or 2 or 4 or 8) or (2 or 6, 8);
        if (!numbers || body[12] != 0)
        {
            throw new InvalidDataException(
                $"{path} is a PNG of colour type {colour} with {depth} bits{(body[12] != 0 ? ", interlaced" : "")}; "
                + "grey or palette up to 16 bits, or RGB with 8, not interlaced, is needed. Save it anew as one of these.");
        }
        return (width, height, depth, colour);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int[] Decode(string path, MemoryStream packed, int height, int width, int depth, int colour)
    {
        var samples = colour switch { 2 => 3, 6 => 4, _ => 1 };
        int line = (((width * samples * depth) + 7) / 8), unit = Math.Max(1, samples * depth / 8);
        // Deflate packs at most 1032 to 1: a header that promises more is refused before memory is taken.
        if ((line + 1L) * height > (packed.Length * 1033) + 1024) throw Damaged(path, $"{packed.Length} bytes cannot hold its pixels");
        var values = new int[height * width];
        byte[] current = new byte[line], above = new byte[line];
        try
        {
            using var inflated = new ZLibStream(packed, CompressionMode.Decompress);
            for (var y = 0; y < height; y++)
            {
                var filter = inflated.ReadByte();
                if (filter is < 0 or > 4) throw Damaged(path, filter < 0 ? "its pixels are cut off" : $"line {y} has the filter {filter}");
                inflated.ReadExactly(current);
                Unfilter(filter, current, above, unit);
                var row = values.AsSpan(y * width, width);
                for (var x = 0; x < width; x++) row[x] = Number(current, x, depth, colour);
                (current, above) = (above, current);
            }
        }
        catch (Exception e) when (e is EndOfStreamException or (InvalidDataException and not { Data.Count: > 0 }))
        {
            throw Damaged(path, e is EndOfStreamException ? "its pixels are cut off" : e.Message);
        }
        return values;
    }

    private static int Number(byte[] line, int x, int depth, int colour) => colour switch
    {
        2 => line[3 * x] | (line[(3 * x) + 1] << 8) | (line[(3 * x) + 2] << 16),
        6 => line[4 * x] | (line[(4 * x) + 1] << 8) | (line[(4 * x) + 2] << 16),
        _ when depth == 16 => (line[2 * x] << 8) | line[(2 * x) + 1],
        _ when depth == 8 => line[x],
        _ => (line[x * depth / 8] >> (8 - depth - (x * depth % 8))) & ((1 << depth) - 1),
    };

    /// <summary>PNG specification, section 9.</summary>
    private static void Unfilter(int filter, byte[] line, byte[] above, int unit)
    {
        for (var i = 0; i < line.Length; i++)
        {
            int left = i >= unit ? line[i - unit] : 0, up = above[i], corner = i >= unit ? above[i - unit] : 0;
            line[i] += (byte)(filter switch { 0 => 0, 1 => left, 2 => up, 3 => (left + up) / 2, _ => Paeth(left, up, corner) });
        }
    }

    private static int Paeth(int left, int up, int corner)
    {
        int p = left + up - corner, a = Math.Abs(p - left), b = Math.Abs(p - up), c = Math.Abs(p - corner);
        return a <= b && a <= c ? left : b <= c ? up : corner;
    }

    private static InvalidDataException Damaged(string path, string why)
        => new($"{path} is damaged: {why.TrimEnd('.')}.") { Data = { ["file"] = path } };
}
