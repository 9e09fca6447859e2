using System.Runtime.InteropServices;

namespace Cresset.Native;

/// <summary>
/// Memory that was freed but stays with the process, because the allocator was tuned so (<see cref="NativeRuntime.Allocator"/>).
/// </summary>
public static class FreedMemory
{
    /// <summary>
    /// Gives it back to the operating system. Worth a call after something large and long-lived was disposed, not in a loop: later tensors
    /// fault their pages in again. Does nothing where the allocator was left alone.
    /// </summary>
    public static void Return()
    {
        if (NativeRuntime.Allocator.MmapThresholdBytes > 0) _ = malloc_trim(0);
    }

    [DllImport("libc.so.6")]
    private static extern int malloc_trim(nuint pad);
}
