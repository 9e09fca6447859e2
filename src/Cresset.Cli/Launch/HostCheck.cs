using System.ComponentModel;
using System.Diagnostics;

namespace Cresset.Cli.Launch;

/// <summary>
/// Asks hosts for a sign of life before anything is started there: mpirun's own words about a host that does not answer fill a page.
/// </summary>
internal static class HostCheck
{
    private const string AgentVariable = "OMPI_MCA_plm_rsh_agent";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    /// <exception cref="IOException">A host does not answer.</exception>
    public static void Reach(IEnumerable<string> hosts)
    {
        var given = Environment.GetEnvironmentVariable(AgentVariable);
        // ssh shall neither ask for a password nor wait for a dead host.
        string[] agent = string.IsNullOrEmpty(given) ? ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]
            : given.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        foreach (var host in hosts.Where(
            h => h is not "localhost" && !h.Equals(Environment.MachineName, StringComparison.OrdinalIgnoreCase)))
        {
            var problem = Try(agent, host);
            if (problem is null) continue;
            throw new IOException(
                $"The host '{host}' cannot be reached ({string.Join(' ', agent)} {host}): {problem} Every host must let this user in "
                    + $"without a password; see docs/scale-out.md.");
        }
    }

    private static string? Try(string[] agent, string host)
    {
        try
        {
            using var process =
                Process.Start(
                    new ProcessStartInfo(agent[0], [.. agent[1..], host, "true"])
                    {
                        RedirectStandardOutput = true,
                        RedirectStandardError = true,
                        RedirectStandardInput = true
                    })!;
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            if (!process.WaitForExit(Patience))
            {
                process.Kill(entireProcessTree: true);
                return $"no answer within {Patience.TotalSeconds:0} s.";
            }
            if (process.ExitCode == 0) return null;
            var said = (errors.GetAwaiter().GetResult() + output.GetAwaiter().GetResult()).Split('\n',
                StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault();
            return $"{said ?? $"exit code {process.ExitCode}"}.".Replace("..", ".", StringComparison.Ordinal);
        }
        catch (Win32Exception)
        {
            return $"'{agent[0]}' is not on this machine.";
        }
    }
}
