using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Cresset.Native.Loading;

/// <summary>Gives bytes a path from which the dynamic loader can load them, without writing to disk where that is possible.</summary>
internal static class MemoryFile
{
    private const uint CloseOnExec = 1;

    /// <summary>
    /// A path for <paramref name="content"/>: a file in memory (kept open for the life of the process), or, where the kernel has none, a
    /// cached file named by the hash of its content.
    /// </summary>
    public static string PathFor(string name, byte[] content) => TryInMemory(name, content) ?? CachedFile(name, content);

    /// <summary>A path to a file in memory; null where the kernel has none.</summary>
    public static string? TryInMemory(string name, byte[] content)
    {
        var descriptor = memfd_create(name, CloseOnExec);
        return descriptor < 0 || !WriteAll(descriptor, content) ? null : $"/proc/self/fd/{descriptor}";
    }

    private static unsafe bool WriteAll(int descriptor, byte[] content)
    {
        fixed (byte* start = content)
        {
            for (long done = 0; done < content.Length;)
            {
                var written = write(descriptor, start + done, (nuint)(content.Length - done));
                if (written <= 0) return false;
                done += written;
            }
        }
        return true;
    }

    private static string CachedFile(string name, byte[] content)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(content));
        var failures = new List<string>();
        foreach (var root in CacheRoots())
        {
            var path = Path.Combine(root, "cresset", hash, name);
            try
            {
                if (File.Exists(path) && new FileInfo(path).Length == content.Length) return path;
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                var temporary = $"{path}.{Environment.ProcessId}";
                File.WriteAllBytes(temporary, content);
                File.Move(temporary, path, overwrite: true);
                return path;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                failures.Add($"{path}: {e.Message}");
            }
        }
        throw new IOException("No place to put a patched library: " + string.Join("; ", failures));
    }

    private static IEnumerable<string> CacheRoots()
    {
        if (Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache) yield return cache;
        if (Environment.GetEnvironmentVariable("HOME") is { Length: > 0 } home) yield return Path.Combine(home, ".cache");
        yield return Path.GetTempPath();
    }

    [DllImport("libc.so.6", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true, SetLastError = true)]
    private static extern int memfd_create(string name, uint flags);

    [DllImport("libc.so.6", SetLastError = true)]
    private static extern unsafe nint write(int descriptor, byte* data, nuint count);
}
