using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Cresset.Numerics;

namespace Cresset.Runs;

/// <summary>Pictures of a run: the file in its folder, the row in the store, the record in the event file.</summary>
internal static class RunMedia
{
    private static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    public static string Keep(Run run, RunWriter writer, string tag, long step, long time, ReadOnlySpan<byte> png, string? caption)
    {
        ArgumentException.ThrowIfNullOrEmpty(tag);
        var animated = png.Length >= 24 && png.StartsWith("GIF89a"u8);
        if (!animated && (png.Length < 24 || !png.StartsWith(Signature))) throw new ArgumentException($"The picture '{tag}' of step {step} is neither a PNG nor a GIF file ({png.Length} bytes).", nameof(png));
        var width = animated ? BinaryPrimitives.ReadUInt16LittleEndian(png[6..]) : BinaryPrimitives.ReadInt32BigEndian(png[16..]);
        var height = animated ? BinaryPrimitives.ReadUInt16LittleEndian(png[8..]) : BinaryPrimitives.ReadInt32BigEndian(png[20..]);
        var (type, ending) = animated ? ("image/gif", "gif") : ("image/png", "png");
        var file = $"samples/{FileName(tag)}-{step:D6}.{ending}";
        var path = Path.Combine(run.Folder, file);
        var bytes = png.ToArray();
        try
        {
            AtomicFile.WriteBytes(path, bytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RunStoreException($"The picture '{path}' cannot be written: {e.Message}", e);
        }
        var hash = Convert.ToHexStringLower(SHA256.HashData(bytes));
        writer.Post(
            (connection, key) => connection.Execute(
                "INSERT OR REPLACE INTO media (run, tag, step, time, type, file, bytes, sha256, caption) VALUES ($0, $1, $2, $3, $4, $5, $6, $7, $8)",
                key, tag, step, time, type, file, bytes.Length, hash, caption ?? ""),
            events => events.Image(tag, step, time, bytes, width, height));
        return path;
    }

    // Different tags never share a file: what is replaced makes a name that carries the tag's hash.
    private static string FileName(string tag)
    {
        var name = new StringBuilder();
        foreach (var c in tag) name.Append(char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' ? c : '_');
        var safe = name.ToString().TrimStart('.');
        if (safe.Length > 80) safe = safe[..80];
        return safe == tag ? safe : $"{safe}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(tag)))[..6]}";
    }
}
