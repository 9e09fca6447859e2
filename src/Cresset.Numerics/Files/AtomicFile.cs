namespace Cresset.Numerics;

/// <summary>
/// Writes files so that a reader sees the old content or the new one, never a part: temporary name, flush to disk, rename. A link stays a
/// link, its target is written; named pipes and devices such as <c>/dev/null</c> and <c>/dev/stdout</c> are written to, since a rename
/// would put a file in their place.
/// </summary>
public static class AtomicFile
{
    /// <summary>Writes through <paramref name="write"/>; when it throws, nothing at <paramref name="path"/> has changed.</summary>
    /// <exception cref="IOException">The disk is full or the folder cannot be written.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        var full = TargetOf(Path.GetFullPath(path));
        if (SpecialFile.KindOf(full) is { } kind)
        {
            if (kind == "a socket") throw new IOException($"'{path}' is a socket, to which no file is written; name another place.");
            using var device = new FileStream(full, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, 1 << 16);
            write(device);
            return;
        }
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        var temporary = $"{full}.{Environment.ProcessId}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, full, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    private static string TargetOf(string full)
        => SpecialFile.KindOf(full) is not null || new FileInfo(full).LinkTarget is null ? full
            : File.ResolveLinkTarget(full, returnFinalTarget: true)!.FullName;

    /// <summary>Writes text as UTF-8 without a byte-order mark.</summary>
    public static void WriteText(string path, string content) =>
        Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(content)));

    /// <summary>Writes bytes.</summary>
    public static void WriteBytes(string path, byte[] content) => Write(path, stream => stream.Write(content));
}
