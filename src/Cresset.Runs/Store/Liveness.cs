using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace Cresset.Runs;

/// <summary>Tells whether the process that records a run still lives.</summary>
internal static class Liveness
{
    /// <summary>A running recorder beats every two seconds; four missed beats and some slack mean it is gone.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>Names this process: namespace of its number and time of its start, since numbers are used again.</summary>
    public static string OwnKey { get; } = MakeOwnKey();

    public static bool IsAlive(string host, int process, string processKey, DateTime heartbeat)
    {
        if (host == Environment.MachineName && processKey.StartsWith(PidNamespace() + "/", StringComparison.Ordinal))
        {
            // Here the process table knows, whatever the heart says (a suspended process is alive).
            try
            {
                using var found = Process.GetProcessById(process);
                var started = long.Parse(processKey[(processKey.LastIndexOf('/') + 1)..], CultureInfo.InvariantCulture);
                // The start time is derived from the boot time, which drifts by a second when the clock is adjusted.
                return !found.HasExited && !IsZombie(process)
                    && Math.Abs((found.StartTime.ToUniversalTime().Ticks / TimeSpan.TicksPerSecond) - started) <= 2;
            }
            catch (Exception e) when (e is ArgumentException or InvalidOperationException)
            {
                return false;
            }
            catch (Win32Exception)
            {
                // Another user's process: fall back on the heartbeat.
            }
        }
        return DateTime.UtcNow - heartbeat < Patience;
    }

    // A killed process keeps its number until its parent has asked for it.
    private static bool IsZombie(int process)
    {
        try
        {
            if (!OperatingSystem.IsLinux()) return false;
            var stat = File.ReadAllText($"/proc/{process}/stat");
            return stat.AsSpan(stat.LastIndexOf(')') + 1).TrimStart()[0] is 'Z' or 'X';
        }
        catch (IOException)
        {
            return true;
        }
    }

    private static string MakeOwnKey()
    {
        using var process = Process.GetCurrentProcess();
        return $"{PidNamespace()}/{process.StartTime.ToUniversalTime().Ticks / TimeSpan.TicksPerSecond}";
    }

    private static string PidNamespace()
    {
        try
        {
            return OperatingSystem.IsLinux() ? new FileInfo("/proc/self/ns/pid").LinkTarget ?? "" : "";
        }
        catch (IOException)
        {
            return "";
        }
    }
}
