using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Cresset.Numerics;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>Pictures as 8-bit RGB PNG files (ISO/IEC 15948) with text in them.</summary>
internal static class PngFile
{
    private static readonly byte[] Signature = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>Writes [3, H, W] (or [1, H, W], grey) in 0..1; the file is there whole or not at all.</summary>
    public static void Write(string path, Tensor picture, IReadOnlyList<(string Key, string Text)> text)
    {
        using var scope = NewDisposeScope();
        int height = (int)picture.size(1), width = (int)picture.size(2);
        // Rounded as other savers of pictures do: to the nearest of 256 levels.
        var bytes = picture.detach().to(ScalarType.Float32).cpu().expand(3, height, width).clamp(0, 1).mul(255).round().to(ScalarType.Byte)
            .permute(1, 2, 0).contiguous();
        using var file = new MemoryStream();
        file.Write(Signature);
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (8, 2);
        Chunk(file, "IHDR", header);
        foreach (var (key, words) in text)
        {
            // iTXt: uncompressed UTF-8, no language.
            Chunk(file, "iTXt", [.. Encoding.Latin1.GetBytes(key), 0, 0, 0, 0, 0, .. Encoding.UTF8.GetBytes(words)]);
        }
        using (var pixels = new MemoryStream())
        {
            using (var packed = new ZLibStream(pixels, CompressionLevel.Optimal, leaveOpen: true))
            {
                using var view = TensorView.Dense<byte>(bytes, (long)height * width * 3);
                var rows = view.Span;
                for (var y = 0; y < height; y++)
                {
                    packed.WriteByte(0);
                    packed.Write(rows.Slice(y * width * 3, width * 3));
                }
            }
            Chunk(file, "IDAT", pixels.ToArray());
        }
        Chunk(file, "IEND", []);
        AtomicFile.WriteBytes(path, file.ToArray());
    }

    /// <summary>The texts of a PNG file (tEXt and uncompressed iTXt), by key.</summary>
    /// <exception cref="InvalidDataException">The file is not a PNG or ends within a chunk.</exception>
    public static IReadOnlyDictionary<string, string> ReadText(string path)
    {
        if (!File.Exists(path)) throw new FileNotFoundException($"{path} is not there.", path);
        var file = File.ReadAllBytes(path).AsSpan();
        if (!file.StartsWith(Signature)) throw new InvalidDataException($"{path} is not a PNG file.");
        var result = new Dictionary<string, string>();
        for (var at = Signature.Length; at < file.Length;)
        {
            if (file.Length - at < 12) throw new InvalidDataException($"{path} ends within a chunk at byte {at}.");
            var length = BinaryPrimitives.ReadUInt32BigEndian(file[at..]);
            if (length > file.Length - at - 12) throw new InvalidDataException($"{path} ends within a chunk at byte {at}.");
            var kind = Encoding.ASCII.GetString(file.Slice(at + 4, 4));
            var data = file.Slice(at + 8, (int)length);
            if (kind == "tEXt" && data.IndexOf((byte)0) is > 0 and var end)
                result[Encoding.Latin1.GetString(data[..end])] = Encoding.Latin1.GetString(data[(end + 1)..]);
            if (kind == "iTXt") International(data, result);
            at += (int)length + 12;
        }
        return result;
    }

    // Keyword, 0, compressed?, method, language, 0, translated keyword, 0, text.
    private static void International(ReadOnlySpan<byte> data, Dictionary<string, string> result)
    {
        var end = data.IndexOf((byte)0);
        if (end <= 0 || data.Length < end + 5 || data[end + 1] != 0) return;
        var rest = data[(end + 3)..];
        var language = rest.IndexOf((byte)0);
        if (language < 0) return;
        rest = rest[(language + 1)..];
        var translated = rest.IndexOf((byte)0);
        if (translated >= 0) result[Encoding.Latin1.GetString(data[..end])] = Encoding.UTF8.GetString(rest[(translated + 1)..]);
    }

    private static void Chunk(Stream to, string kind, ReadOnlySpan<byte> data)
    {
        var chunk = new byte[data.Length + 12];
        BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length);
        Encoding.ASCII.GetBytes(kind, chunk.AsSpan(4));
        data.CopyTo(chunk.AsSpan(8));
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(8 + data.Length), Checksum(chunk.AsSpan(4, data.Length + 4)));
        to.Write(chunk);
    }

    // CRC-32 of IEEE 802.3, as PNG's annex D defines it.
    private static uint Checksum(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var b in data)
        {
            crc ^= b;
            for (var bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? 0xEDB88320 ^ (crc >> 1) : crc >> 1;
        }
        return ~crc;
    }
}
