using System.Buffers.Binary;
using System.IO.Compression;

namespace Cresset.Data;

/// <summary>
/// The parts of PNG that Skia does not give: every chunk's checksum with its offset, the orientation of an eXIf chunk, samples of 16 bits
/// (Skia keeps the upper 8) and the indices of a palette (masks are stored so).
/// </summary>
internal sealed class PngFile
{
    private readonly string _path;
    private readonly byte[] _content;
    private readonly List<(int Start, int Length)> _data = [];

    private PngFile(string path, byte[] content) => (_path, _content) = (path, content);

    public int Width { get; private set; }

    public int Height { get; private set; }

    public int Depth { get; private set; }

    /// <summary>0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha.</summary>
    public int ColourType { get; private set; }

    public int Orientation { get; private set; } = 1;

    public int Samples => ColourType switch { 2 => 3, 4 => 2, 6 => 4, _ => 1 };

    private bool IsInterlaced { get; set; }

    public static bool Is(ReadOnlySpan<byte> content) => content.StartsWith(Magic);

    private static ReadOnlySpan<byte> Magic => [0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10];

    /// <summary>Walks all chunks.</summary>
    /// <exception cref="InvalidDataException">The file is cut or a checksum is wrong; the message names file and offset.</exception>
    public static PngFile Open(string path, byte[] content)
    {
        var png = new PngFile(path, content);
        png.Walk();
        return png;
    }

    /// <summary>Samples as stored: [height, width, samples] of <see cref="Depth"/> bits each; palette indices are not looked up.</summary>
    public ushort[] Decode()
    {
        var raw = Inflate();
        var pixels = new ushort[checked(Width * Height * Samples)];
        var at = 0;
        foreach (var (startX, startY, stepX, stepY) in IsInterlaced ? Passes : [(0, 0, 1, 1)])
        {
            int columns = (Width - startX + stepX - 1) / stepX, rows = (Height - startY + stepY - 1) / stepY;
            if (columns <= 0 || rows <= 0) continue;
            var line = ((columns * Samples * Depth) + 7) / 8;
            var unit = Math.Max(1, Samples * Depth / 8);
            var previous = new byte[line];
            for (var row = 0; row < rows; row++)
            {
                if (at + 1 + line > raw.Length)
                {
                    throw new InvalidDataException($"{_path}: the picture's data hold {raw.Length} bytes, too few for "
                        + $"{Width}x{Height} pixels. The file is damaged.");
                }
                var filter = raw[at];
                var current = raw.AsSpan(at + 1, line);
                Unfilter(filter, current, previous, unit);
                current.CopyTo(previous);
                at += 1 + line;
                for (var column = 0; column < columns; column++)
                {
                    var target = ((((startY + (row * stepY)) * Width) + startX + (column * stepX)) * Samples);
                    for (var s = 0; s < Samples; s++) pixels[target + s] = Sample(current, (column * Samples) + s);
                }
            }
        }
        return pixels;
    }

    private static (int X, int Y, int StepX, int StepY)[] Passes =>
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];

    private void Walk()
    {
        var at = 8;
        var ended = false;
        while (!ended)
        {
            if (at + 12 > _content.Length) throw Cut();
            var length = BinaryPrimitives.ReadUInt32BigEndian(_content.AsSpan(at));
            if (length > _content.Length - at - 12) throw Cut();
            var kind = _content.AsSpan(at + 4, 4);
            var body = _content.AsSpan(at + 8, (int)length);
            var isCritical = (kind[0] & 0x20) == 0;
            var checksum = BinaryPrimitives.ReadUInt32BigEndian(_content.AsSpan(at + 8 + (int)length));
            if (isCritical && checksum != Crc32.Of(_content.AsSpan(at + 4, 4 + (int)length)))
            {
                throw new InvalidDataException($"{_path}: the checksum of chunk '{System.Text.Encoding.Latin1.GetString(kind)}' at "
                    + $"offset {at} is wrong. The file is damaged.");
            }
            if (kind.SequenceEqual("IHDR"u8)) Header(body);
            else if (kind.SequenceEqual("IDAT"u8)) _data.Add((at + 8, (int)length));
            else if (kind.SequenceEqual("eXIf"u8)) Orientation = ExifOrientation.Of(body);
            ended = kind.SequenceEqual("IEND"u8);
            at += 12 + (int)length;
        }
        if (Width == 0 || _data.Count == 0)
        {
            throw new InvalidDataException($"{_path}: a PNG file without a picture (no IHDR or IDAT chunk).");
        }
    }

    private void Header(ReadOnlySpan<byte> body)
    {
        if (body.Length != 13) throw new InvalidDataException($"{_path}: an IHDR chunk of {body.Length} bytes; it has 13.");
        uint width = BinaryPrimitives.ReadUInt32BigEndian(body), height = BinaryPrimitives.ReadUInt32BigEndian(body[4..]);
        (Depth, ColourType, IsInterlaced) = (body[8], body[9], body[12] == 1);
        var isKnown = (ColourType, Depth) is (0, 1 or 2 or 4 or 8 or 16) or (3, 1 or 2 or 4 or 8) or (2 or 4 or 6, 8 or 16);
        if (width is 0 or > int.MaxValue || height is 0 or > int.MaxValue || !isKnown)
        {
            throw new InvalidDataException($"{_path}: {width}x{height} pixels of colour type {ColourType} with {Depth} bits are no "
                + $"PNG picture.");
        }
        PictureDecoder.CheckSize(_path, width, height);
        (Width, Height) = ((int)width, (int)height);
    }

    private InvalidDataException Cut() => new($"{_path}: the file ends at offset {_content.Length}, before its last chunk (IEND). The "
        + $"file is truncated.");

    private byte[] Inflate()
    {
        using var packed = new MemoryStream();
        foreach (var (start, length) in _data) packed.Write(_content, start, length);
        packed.Position = 0;
        // A line has one filter byte more than its pixels; interlaced pictures have up to seven times as many lines.
        var most = ((((long)Width * Samples * Depth) + 7) / 8 * Height) + (IsInterlaced ? 16L * (Width + Height) : Height) + 64;
        // Deflate packs at most 1032 to 1, so a header that promises more is refused before memory is reserved for it.
        if (most > (packed.Length * 1033) + 1024)
        {
            throw new InvalidDataException($"{_path}: {packed.Length} bytes of data cannot hold {Width}x{Height} pixels. The file is "
                + $"damaged.");
        }
        var raw = new byte[most];
        var got = 0;
        try
        {
            using var inflated = new ZLibStream(packed, CompressionMode.Decompress);
            got = inflated.ReadAtLeast(raw, raw.Length, throwOnEndOfStream: false);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{_path}: the compressed data of the picture, from offset {_data[0].Start}, are damaged: "
                + $"{e.Message}", e);
        }
        return raw[..got];
    }

    private ushort Sample(ReadOnlySpan<byte> line, int index) => Depth switch
    {
        16 => (ushort)((line[2 * index] << 8) | line[(2 * index) + 1]),
        8 => line[index],
        _ => (ushort)((line[index * Depth / 8] >> (8 - Depth - (index * Depth % 8))) & ((1 << Depth) - 1)),
    };

    // PNG specification, section 9.
    private void Unfilter(byte filter, Span<byte> line, ReadOnlySpan<byte> above, int unit)
    {
        for (var i = 0; i < line.Length; i++)
        {
            int left = i >= unit ? line[i - unit] : 0, up = above[i], corner = i >= unit ? above[i - unit] : 0;
            line[i] += filter switch
            {
                0 => 0,
                1 => (byte)left,
                2 => (byte)up,
                3 => (byte)((left + up) / 2),
                4 => (byte)Paeth(left, up, corner),
                _ => throw new InvalidDataException($"{_path}: line filter {filter} is not one of 0 to 4. The file is damaged."),
            };
        }
    }

    private static int Paeth(int left, int up, int corner)
    {
        int p = left + up - corner, a = Math.Abs(p - left), b = Math.Abs(p - up), c = Math.Abs(p - corner);
        return a <= b && a <= c ? left : b <= c ? up : corner;
    }
}
