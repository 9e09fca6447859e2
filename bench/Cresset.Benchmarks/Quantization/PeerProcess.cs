using System.Diagnostics;
using System.Globalization;

namespace Cresset.Benchmarks.Quantization;

/// <summary>
/// The other side of a comparison: a Python script of bench/peers that prints lines "name milliseconds megabytes".
/// CRESSET_PEER_PYTHON holds the command that starts Python (default "python3"), CRESSET_PEER_SCRIPTS the folder of the scripts as that
/// Python sees it.
/// </summary>
internal static class PeerProcess
{
    public static Dictionary<string, (double Milliseconds, double Megabytes)> Run(string script, params string[] arguments)
    {
        var python = (Environment.GetEnvironmentVariable("CRESSET_PEER_PYTHON") ?? "python3").Split(' ',
            StringSplitOptions.RemoveEmptyEntries);
        var folder = Environment.GetEnvironmentVariable("CRESSET_PEER_SCRIPTS") ?? "bench/peers";
        var start = new ProcessStartInfo(python[0]) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in python.Skip(1).Append(Path.Combine(folder, script)).Concat(arguments)) start.ArgumentList.Add(argument);
        Dictionary<string, (double, double)> results = [];
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{python[0]} did not start.");
        var errors = process.StandardError.ReadToEndAsync();
        while (process.StandardOutput.ReadLine() is { } line)
        {
            var parts = line.Split(' ');
            if (parts.Length == 3)
                results[parts[0]] = (double.Parse(parts[1], CultureInfo.InvariantCulture),
                    double.Parse(parts[2], CultureInfo.InvariantCulture));
        }
        process.WaitForExit();
        if (process.ExitCode != 0)
            Console.Error.WriteLine($"{script} ended with {process.ExitCode}: {errors.Result.Trim().Split('\n').Last()}");
        return results;
    }
}
