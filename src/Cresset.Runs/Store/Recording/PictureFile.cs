using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Cresset.Numerics;

namespace Cresset.Runs;

/// <summary>Where a picture of a run is kept: a name from its tag and step, and the extension of what its bytes are.</summary>
public static class PictureFile
{
    private static ReadOnlySpan<byte> PngSignature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>Writes a PNG or GIF file into a folder and returns its path.</summary>
    /// <exception cref="ArgumentException">The bytes are neither.</exception>
    public static string Save(string folder, string tag, long step, byte[] bytes)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        var path = Path.Combine(folder, NameOf(tag, step, bytes));
        AtomicFile.WriteBytes(path, bytes);
        return path;
    }

    /// <summary>The name that <see cref="Save"/> gives.</summary>
    /// <exception cref="ArgumentException">The bytes are neither a PNG nor a GIF file.</exception>
    public static string NameOf(string tag, long step, ReadOnlySpan<byte> bytes)
    {
        ArgumentException.ThrowIfNullOrEmpty(tag);
        var picture = Describe(bytes)
            ?? throw new ArgumentException($"The picture '{tag}' of step {step} is neither a PNG nor a GIF file ({bytes.Length} bytes).",
                nameof(bytes));
        return string.Create(CultureInfo.InvariantCulture, $"{Stem(tag)}-{step:D6}.{picture.Extension}");
    }

    /// <summary>Kind and size of a picture from its first bytes; null when it is neither PNG nor GIF.</summary>
    internal static (string Extension, string Type, int Width, int Height)? Describe(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 24) return null;
        if (bytes.StartsWith(PngSignature))
            return ("png", "image/png", BinaryPrimitives.ReadInt32BigEndian(bytes[16..]), BinaryPrimitives.ReadInt32BigEndian(bytes[20..]));
        return bytes.StartsWith("GIF89a"u8)
            ? ("gif", "image/gif", BinaryPrimitives.ReadUInt16LittleEndian(bytes[6..]), BinaryPrimitives.ReadUInt16LittleEndian(bytes[8..]))
            : null;
    }

    /// <summary>
    /// A file name for any text: different texts never share one, since what is replaced makes a name that carries the text's hash.
    /// </summary>
    public static string Stem(string text)
    {
        ArgumentException.ThrowIfNullOrEmpty(text);
        var name = new StringBuilder();
        foreach (var c in text) name.Append(char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' ? c : '_');
        var safe = name.ToString().TrimStart('.');
        if (safe.Length > 80) safe = safe[..80];
        return safe == text ? safe : $"{safe}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..6]}";
    }
}
