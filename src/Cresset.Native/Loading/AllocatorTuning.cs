using System.Runtime.InteropServices;

namespace Cresset.Native.Loading;

/// <summary>
/// glibc gives every freed block above 32 MiB back to the kernel, so that each large tensor is faulted in page by page again. Two remedies,
/// both before libtorch loads: huge pages, and a threshold above which nothing lies.
/// <c>CRESSET_ALLOCATOR=off</c> leaves everything as it is.
/// </summary>
internal static class AllocatorTuning
{
    public const string Variable = "CRESSET_ALLOCATOR";
    private const int TrimThreshold = -1;
    private const int MmapThreshold = -3;
    private const int LargestThreshold = 1 << 30;

    // glibc before 2.34 refuses thresholds above HEAP_MAX/2.
    private const int OldLargestThreshold = 32 << 20;

    public static AllocatorState State { get; private set; } = new(false, false, 0, "Not initialised yet.");

    public static void Apply()
    {
        if (string.Equals(Environment.GetEnvironmentVariable(Variable), "off", StringComparison.OrdinalIgnoreCase))
        {
            State = new(false, false, 0, $"Left alone because {Variable}=off.");
            return;
        }
        if (!OperatingSystem.IsLinux())
        {
            State = new(false, false, 0, "Left alone: only glibc on Linux needs tuning.");
            return;
        }
        if (!NativeLibrary.TryLoad("libc.so.6", out var libc) || !NativeLibrary.TryGetExport(libc, "gnu_get_libc_version", out _))
        {
            State = new(false, false, 0, "Left alone: this C library is not glibc.");
            return;
        }

        var hugePages = TransparentHugePages() is "madvise" or "always" && NativeEnvironment.SetIfAbsent("THP_MEM_ALLOC_ENABLE", "1");
        long threshold = LargestThreshold;
        if (mallopt(MmapThreshold, LargestThreshold) == 0)
            threshold = mallopt(MmapThreshold, OldLargestThreshold) == 0 ? 0 : OldLargestThreshold;
        if (threshold > 0) _ = mallopt(TrimThreshold, int.MaxValue);
        State = new(
            hugePages || threshold > 0,
            hugePages,
            threshold,
            $"Freed memory stays with the process (blocks up to {threshold >> 20} MiB, main thread){(hugePages ? ", huge pages on" : "")}; "
                + $"{Variable}=off leaves it alone.");
    }

    /// <summary>The kernel's current mode: always, madvise, never, or null where it has none.</summary>
    public static string? TransparentHugePages()
    {
        try
        {
            var text = File.ReadAllText("/sys/kernel/mm/transparent_hugepage/enabled");
            var open = text.IndexOf('[', StringComparison.Ordinal);
            var close = text.IndexOf(']', StringComparison.Ordinal);
            return open >= 0 && close > open ? text[(open + 1)..close] : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    [DllImport("libc.so.6")]
    private static extern int mallopt(int parameter, int value);
}
