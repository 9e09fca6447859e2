using System.Diagnostics;
using System.Globalization;

namespace Cresset.Cli.Launch;

/// <summary>One start of mpirun (or of the command alone, for one rank), to its end.</summary>
internal sealed class LaunchedJob
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);
    private Process? _process;

    /// <summary>Runs it; the exit code of the first rank that failed, or 0.</summary>
    public int Run(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> variables)
    {
        // A session of its own: Ctrl-C at the terminal must reach this process alone, which asks the ranks to save.
        var start = OperatingSystem.IsLinux() ? new ProcessStartInfo("setsid", [program, .. arguments])
            : new ProcessStartInfo(program, arguments);
        start.RedirectStandardError = true;
        foreach (var (name, value) in variables) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        _process = process;
        var output = new StarterOutput();
        CouldNotStart = false;
        process.ErrorDataReceived += (_, e) =>
        {
            CouldNotStart |= e.Data?.Contains(StarterOutput.NoDaemons, StringComparison.Ordinal) == true;
            foreach (var line in e.Data is null ? output.End() : output.Take(e.Data)) Console.Error.WriteLine(line);
            // mpirun itself may wait for a host that it can no longer reach.
            if (e.Data?.Contains("This rank ends, and the job with it.", StringComparison.Ordinal) == true) _ = EndLater(process);
        };
        process.BeginErrorReadLine();
        process.WaitForExit();
        _process = null;
        LeftBehind.End(process.Id);
        return process.ExitCode;
    }

    /// <summary>True when mpirun said of the last start that it could not reach all hosts.</summary>
    public bool CouldNotStart { get; private set; }

    /// <summary>Asks all ranks to save at the same step and end.</summary>
    public void Save()
    {
        if (_process is { } process) ChildSignal.Send(process.Id, ChildSignal.PassedOn);
    }

    /// <summary>Ends everything at once.</summary>
    public void Kill()
    {
        if (_process is { } process) process.Kill(entireProcessTree: true);
    }

    private static async Task EndLater(Process process)
    {
        await Task.Delay(Patience).ConfigureAwait(false);
        try
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It ended by itself.
        }
    }
}

/// <summary>Which exit codes starting again may help against.</summary>
internal static class Restart
{
    /// <summary>
    /// Errors that cresset itself reported would come again; a rank that was killed, or that lost the others, may do better.
    /// </summary>
    public static bool MayHelp(int code) =>
        code is not (ExitCode.Success or ExitCode.Failure or ExitCode.Usage or ExitCode.MissedGate or ExitCode.Interrupted);

    /// <summary>An exit code in words.</summary>
    public static string Words(int code) => code switch
    {
        75 => "its ranks lost each other",
        > 128 => string.Create(CultureInfo.InvariantCulture, $"a rank was ended by signal {code - 128}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"a rank ended with exit code {code}"),
    };
}
