using System.Formats.Tar;

namespace Cresset.Numerics;

/// <summary>
/// Tells files from what only has a name like one: named pipes, devices and sockets, at which a reader may wait for ever.
/// </summary>
public static class SpecialFile
{
    /// <summary>
    /// "a named pipe", "a device" or "a socket"; null for a file, a folder, and where there is nothing. Links are followed.
    /// </summary>
    /// <param name="path">A path, which need not exist.</param>
    public static string? KindOf(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var full = Path.GetFullPath(path);
        if (OperatingSystem.IsWindows() || !File.Exists(full)) return null;
        if (IsInFolderOfDevices(full)) return "a device";
        try
        {
            full = new FileInfo(full).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? full;
        }
        catch (IOException)
        {
            // Links in a circle lead to nothing.
            return null;
        }
        if (!File.Exists(full)) return null;
        if (IsInFolderOfDevices(full)) return "a device";
        // What is none of them and has content is a file; only that of empty ones is in doubt.
        return new FileInfo(full).Length > 0 ? null : KindOfEmpty(full);
    }

    private static bool IsInFolderOfDevices(string full)
        => (full.StartsWith("/dev/", StringComparison.Ordinal) || full.StartsWith("/proc/", StringComparison.Ordinal))
            && !full.StartsWith("/dev/shm/", StringComparison.Ordinal);

    // .NET says nowhere what kind of entry a path is, but its archives write it down, without opening what is not a file.
    private static string? KindOfEmpty(string full)
    {
        using var memory = new MemoryStream();
        try
        {
            using (var writer = new TarWriter(memory, leaveOpen: true)) writer.WriteEntry(full, "entry");
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
        catch (IOException)
        {
            // An archive holds every kind of entry but sockets.
            return File.Exists(full) ? "a socket" : null;
        }
        memory.Position = 0;
        using var reader = new TarReader(memory);
        return reader.GetNextEntry()?.EntryType switch
        {
            TarEntryType.Fifo => "a named pipe",
            TarEntryType.CharacterDevice or TarEntryType.BlockDevice => "a device",
            _ => null,
        };
    }
}
