using System.Diagnostics;
using System.Globalization;

namespace Cresset.Cli.Launch;

/// <summary>The mpirun of this machine, and how it is told what to start.</summary>
/// <param name="Path">The program.</param>
/// <param name="IsOpenMpi">Open MPI; otherwise MPICH's Hydra, whose options are others.</param>
internal sealed record MpiStarter(string Path, bool IsOpenMpi)
{
    /// <summary>Looks along PATH.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    public static MpiStarter Find(int ranks)
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(System.IO.Path.PathSeparator);
        foreach (var name in (string[])["mpirun", "mpirun.openmpi", "mpiexec", "mpiexec.hydra"])
        {
            if (folders.Select(folder => System.IO.Path.Combine(folder, name)).FirstOrDefault(File.Exists) is { } path)
                return new MpiStarter(path, Version(path).Contains("Open", StringComparison.Ordinal));
        }
        throw new FileNotFoundException(
            $"{ranks} ranks need mpirun, which is not on this machine: install MPI on every host (Debian and Ubuntu: apt-get install "
                + $"openmpi-bin; Fedora: dnf install openmpi). One process (-n 1) needs none.");
    }

    /// <summary>The arguments that start a command on ranks.</summary>
    public IEnumerable<string> Arguments(LaunchPlan plan, IEnumerable<string> command)
    {
        var count = plan.Ranks.ToString(CultureInfo.InvariantCulture);
        var each = ((plan.Ranks + Math.Max(1, plan.Hosts.Count) - 1) / Math.Max(1, plan.Hosts.Count)).ToString(
            CultureInfo.InvariantCulture);
        string[] threads = ["OMP_NUM_THREADS", "DOTNET_PROCESSOR_COUNT", "TERM"];
        if (!IsOpenMpi)
        {
            // Hydra passes the whole environment on, and binds nothing unless told to.
            return [.. plan.Hosts.Count > 0 ? (string[])["-hosts", string.Join(',', plan.Hosts), "-ppn", each] : [], "-n", count,
                .. command];
        }
        return [
            // A rank has several threads: bound to one core they would share it.
            "--bind-to", "none",
            .. plan.Oversubscribe || plan.Hosts.Count == 0 ? (string[])["--oversubscribe"] : [],
            .. plan.Hosts.Count > 0 ? (string[])["--host", string.Join(',', plan.Hosts.Select(h => $"{h}:{each}"))] : [],
            .. threads.Concat(plan.Passed).SelectMany(name => (string[])["-x", name]),
            "-n", count,
            .. command];
    }

    private static string Version(string path)
    {
        using var process =
            Process.Start(new ProcessStartInfo(path, ["--version"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return text;
    }
}

/// <summary>What is to be started.</summary>
/// <param name="Ranks">How many processes.</param>
/// <param name="Hosts">Where; empty for this machine.</param>
/// <param name="Oversubscribe">More ranks than cores on purpose.</param>
/// <param name="Passed">Names of variables that all ranks get.</param>
internal sealed record LaunchPlan(int Ranks, IReadOnlyList<string> Hosts, bool Oversubscribe, IReadOnlyList<string> Passed)
{
    /// <summary>Ranks of the fullest host.</summary>
    public int RanksOnHost => (Ranks + Math.Max(1, Hosts.Count) - 1) / Math.Max(1, Hosts.Count);
}
