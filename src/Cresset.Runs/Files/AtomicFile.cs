namespace Cresset.Runs;

/// <summary>Writes files so that a reader, or a machine that loses power, finds either the old content or the new one.</summary>
public static class AtomicFile
{
    /// <summary>Writes to a temporary name beside <paramref name="path"/>, flushes to disk and renames.</summary>
    /// <exception cref="IOException">The folder is not writable or the disk is full; the old file is untouched.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        Directory.CreateDirectory(folder);
        var temporary = Path.Combine(folder, $".{Path.GetFileName(path)}.{Guid.NewGuid():N}.tmp");
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Writes <paramref name="bytes"/> as <see cref="Write(string, Action{Stream})"/> does.</summary>
    public static unsafe void Write(string path, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* pointer = bytes)
        {
            var address = (nint)pointer;
            var length = bytes.Length;
            Write(path, stream => stream.Write(new ReadOnlySpan<byte>((byte*)address, length)));
        }
    }

    /// <summary>Writes text as UTF-8 without a byte order mark.</summary>
    public static void WriteText(string path, string text) => Write(path, System.Text.Encoding.UTF8.GetBytes(text));
}
