using System.Runtime.InteropServices;

namespace Cresset.Cli.Launch;

/// <summary>Signals to processes that this one started.</summary>
internal static partial class ChildSignal
{
    /// <summary>SIGKILL.</summary>
    public const int Kill = 9;

    /// <summary>SIGTERM: save and stop.</summary>
    public const int Terminate = 15;

    /// <summary>SIGUSR1, which mpirun passes on to the ranks at once; it keeps SIGINT and SIGTERM to itself.</summary>
    public static int PassedOn { get; } = OperatingSystem.IsMacOS() || OperatingSystem.IsFreeBSD() ? 30 : 10;

    /// <summary>Sends a signal.</summary>
    [LibraryImport("libc", EntryPoint = "kill")]
    public static partial int Send(int process, int signal);
}
