using System.Runtime.InteropServices;

namespace Cresset.Native.Loading;

/// <summary>
/// libgomp's worker threads spin for about a millisecond between operations. With fewer free cores than threads they spin
/// against the thread that works: a training step on a busy 2-core machine took ten times as long. A short spin keeps
/// the workers awake from one operation to the next and gives the core back otherwise.
/// </summary>
internal static class ThreadWaiting
{
    private const string SpinCount = "GOMP_SPINCOUNT";

    // About 50 microseconds at the pause instruction's 140 cycles.
    private const string ShortSpin = "1000";

    public static string Story { get; private set; } = "Workers wait as the system's OpenMP library decides.";

    public static void Apply()
    {
        if (!OperatingSystem.IsLinux()) return;
        foreach (var variable in new[] { SpinCount, "OMP_WAIT_POLICY" })
        {
            if (Environment.GetEnvironmentVariable(variable) is not { Length: > 0 } value) continue;
            Story = $"Workers wait as {variable}={value} says.";
            return;
        }
        try
        {
            if (setenv(SpinCount, ShortSpin, 0) == 0) Story = $"Workers spin shortly between operations ({SpinCount}={ShortSpin}), so that busy machines do not stall; set {SpinCount} to change it.";
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            Story = "Workers wait as the system's OpenMP library decides (no glibc to tell otherwise).";
        }
    }

    [DllImport("libc.so.6", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern int setenv(string name, string value, int overwrite);
}
