using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Cresset.Tests.EndToEnd.Cli;

/// <summary>The built command, run as a user runs it.</summary>
internal static class CressetProcess
{
    private static readonly string Configuration = new DirectoryInfo(AppContext.BaseDirectory).Name;
    private static readonly string Program = Built("Cresset.Cli", "cresset");
    private static readonly string Host = Built("Cresset.Tests.CommandHost", "Cresset.Tests.CommandHost");
    // These start the program again, or load assemblies that another command must not see.
    private static readonly string[] OfTheirOwn = ["launch", "sweep", "serve", "compute", "--with", "--watch"];

    /// <summary>The program itself, for those who start it.</summary>
    public static string Path => Program;

    /// <summary>A command in a process that has run others before; those that start processes themselves get one of their own.</summary>
    public static (int Code, string Output, string Error) Run(string folder, params string[] arguments)
        => arguments.Intersect(OfTheirOwn).Any() ? RunAlone(folder, null, arguments)
            : CommandHost.Run(() => Start(Host, folder, null, []), folder, arguments);

    /// <summary>A command in a process of its own.</summary>
    public static (int Code, string Output, string Error) RunAlone(string folder, IReadOnlyDictionary<string, string>? environment,
        params string[] arguments)
        => Finish(Start(Program, folder, environment, arguments));

    /// <summary>Another program than the command, such as a user's own.</summary>
    public static (int Code, string Output, string Error) RunProgram(string program, string folder, params string[] arguments)
        => Finish(Start(program, folder, null, arguments));

    /// <summary>A program that was built with the tests.</summary>
    public static string Built(string project, string program)
        => System.IO.Path.Combine(Repository.Root, "artifacts", "bin", project, Configuration,
            OperatingSystem.IsWindows() ? program + ".exe" : program);

    private static (int Code, string Output, string Error) Finish(Process process)
    {
        using var _ = process;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }

    public static Process Start(string folder, IReadOnlyDictionary<string, string>? environment, params string[] arguments)
        => Start(Program, folder, environment, arguments);

    private static Process Start(string program, string folder, IReadOnlyDictionary<string, string>? environment, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.Environment.Remove("CRESSET_RUNS");
        // Several of these run at a time, beside other test programs: threads that wait for one another on busy cores cost more than they
        // win.
        start.Environment["OMP_NUM_THREADS"] = "1";
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        return Process.Start(start)!;
    }

    /// <summary>
    /// What Ctrl-C sends; SIGTERM where this process was started with SIGINT ignored (a shell's background job), which children inherit.
    /// </summary>
    public static void Interrupt(Process process)
    {
        const int interrupt = 2, terminate = 15;
        var ignored = OperatingSystem.IsLinux()
            && File.ReadLines($"/proc/{process.Id}/status")
                .FirstOrDefault(line => line.StartsWith("SigIgn:", StringComparison.Ordinal)) is { } mask
            && (Convert.ToUInt64(mask["SigIgn:".Length..].Trim(), 16) & (1UL << (interrupt - 1))) != 0;
        _ = kill(process.Id, ignored ? terminate : interrupt);
    }

    [DllImport("libc", SetLastError = true)]
    private static extern int kill(int process, int signal);
}
