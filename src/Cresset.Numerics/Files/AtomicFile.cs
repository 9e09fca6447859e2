namespace Cresset.Numerics;

/// <summary>Writes files so that a reader sees the old content or the new one, never a part: temporary name, flush to disk, rename.</summary>
public static class AtomicFile
{
    /// <summary>Writes through <paramref name="write"/>; when it throws, nothing at <paramref name="path"/> has changed.</summary>
    /// <exception cref="IOException">The disk is full or the folder cannot be written.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        var full = Path.GetFullPath(path);
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

    /// <summary>Writes text as UTF-8 without a byte-order mark.</summary>
    public static void WriteText(string path, string content) => Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(content)));

    /// <summary>Writes bytes.</summary>
    public static void WriteBytes(string path, byte[] content) => Write(path, stream => stream.Write(content));
}
