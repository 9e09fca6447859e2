using System.Diagnostics;

namespace Cresset.Tests;

/// <summary>Starts programs under the mpirun of this machine.</summary>
internal static class MpiRun
{
    /// <summary>Why tests over ranks are left out, in one sentence.</summary>
    public const string Missing = "not run: this machine has no mpirun (apt-get install openmpi-bin); ranks were not tested";

    /// <summary>The starter of Open MPI, or null.</summary>
    public static string? OpenMpi { get; } = Find("mpirun.openmpi")
        ?? (Find("mpirun") is { } other && Says(other, "Open MPI") ? other : null);

    /// <summary>The starter of MPICH, or null.</summary>
    public static string? Mpich { get; } = Find("mpiexec.hydra") ?? Find("mpirun.mpich");

    /// <summary>Runs a program on several ranks; its output and exit code.</summary>
    public static (int Code, string Output, string Errors) Run(string starter, int ranks, IEnumerable<string> command,
        IReadOnlyDictionary<string, string>? variables = null, int seconds = 120)
    {
        List<string> arguments = starter == Mpich ? ["-n", $"{ranks}"] : ["--oversubscribe", "--bind-to", "none", "-n", $"{ranks}"];
        return Start(starter, arguments.Concat(command), variables, seconds);
    }

    /// <summary>Runs a program to its end; its output and exit code.</summary>
    public static (int Code, string Output, string Errors) Start(string program, IEnumerable<string> arguments,
        IReadOnlyDictionary<string, string>? variables = null, int seconds = 120)
    {
        using var process = Begin(program, arguments, variables);
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        if (!process.WaitForExit(TimeSpan.FromSeconds(seconds)))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException(
                $"{program} did not end within {seconds} s; it said: {output.GetAwaiter().GetResult()} {errors.GetAwaiter().GetResult()}");
        }
        return (process.ExitCode, output.GetAwaiter().GetResult(), errors.GetAwaiter().GetResult());
    }

    /// <summary>Starts a program whose output can be read.</summary>
    public static Process Begin(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? variables = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true
        };
        start.Environment["OMPI_ALLOW_RUN_AS_ROOT"] = start.Environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1";
        start.Environment["OMP_NUM_THREADS"] = "1";
        start.Environment["TERM"] = "dumb";
        foreach (var (name, value) in variables ?? new Dictionary<string, string>()) start.Environment[name] = value;
        return Process.Start(start)!;
    }

    private static string? Find(string name)
        => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists);

    private static bool Says(string program, string words)
    {
        using var process =
            Process.Start(new ProcessStartInfo(program, ["--version"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        return process.StandardOutput.ReadToEnd().Contains(words, StringComparison.Ordinal);
    }
}
