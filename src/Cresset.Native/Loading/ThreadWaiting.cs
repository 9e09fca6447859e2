using System.Diagnostics;
using System.Globalization;
using System.Runtime.Intrinsics.X86;

namespace Cresset.Native.Loading;

/// <summary>
/// libgomp's worker threads spin for many milliseconds between operations. With fewer free cores than threads they spin against the thread
/// that works: a training step on a busy 2-core machine took four times as long. Too short a spin puts them to sleep between two
/// operations, which halved the speed of a small model on an idle one. 0.15 ms outlasts the gaps and gives the core back otherwise.
/// </summary>
internal static class ThreadWaiting
{
    private const string SpinCount = "GOMP_SPINCOUNT";

    private const double SpinNanoseconds = 150_000;

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
        var spin = Math.Clamp((int)(SpinNanoseconds / PauseNanoseconds()), 2_000, 100_000).ToString(CultureInfo.InvariantCulture);
        Story = NativeEnvironment.SetIfAbsent(SpinCount, spin)
            ? $"Workers spin 0.15 ms between operations ({SpinCount}={spin}), so that busy machines do not stall; set {SpinCount} to "
                + $"change it."
            : "Workers wait as the system's OpenMP library decides (no glibc to tell otherwise).";
    }

    // A turn of libgomp's loop is one pause: 10 to 140 cycles, by processor.
    private static double PauseNanoseconds()
    {
        if (!X86Base.IsSupported) return 15;
        const int pauses = 100;
        var best = long.MaxValue;
        for (var round = 0; round < 8; round++)
        {
            var start = Stopwatch.GetTimestamp();
            for (var i = 0; i < pauses; i++) X86Base.Pause();
            best = Math.Min(best, Stopwatch.GetTimestamp() - start);
        }
        return Math.Max(1, best * 1e9 / Stopwatch.Frequency / pauses);
    }
}
