using System.Diagnostics;
using System.Globalization;

namespace Cresset.Benchmarks.Peers;

/// <summary>
/// The command that starts a Python with the peers: the end of a benchmark's arguments, or <c>CRESSET_PEER_PYTHON</c>; <c>none</c> leaves
/// the other side out.
/// </summary>
internal sealed record PeerPython(string[] Command)
{
    /// <summary>How to start it, or null.</summary>
    public static PeerPython? Of(string[] arguments, int index = int.MaxValue)
    {
        var command = arguments.Length > index ? string.Join(' ', arguments[index..])
            : Environment.GetEnvironmentVariable("CRESSET_PEER_PYTHON");
        return string.IsNullOrWhiteSpace(command) || command == "none" ? null
            : new(command.Split(' ', StringSplitOptions.RemoveEmptyEntries));
    }

    /// <summary>Starts a script of bench/peers; the caller disposes the process.</summary>
    public Process Start(string script, object[] arguments, bool listens = false)
    {
        var path = Path.Combine(AppContext.BaseDirectory, "..", "..", "..", "..", "bench", "peers", script);
        var start = new ProcessStartInfo(Command[0]) { RedirectStandardInput = listens, RedirectStandardOutput = true };
        foreach (var part in Command[1..]) start.ArgumentList.Add(part);
        // The script goes in as text, so that the interpreter may live in another root.
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add(File.ReadAllText(path));
        foreach (var argument in arguments) start.ArgumentList.Add(Convert.ToString(argument, CultureInfo.InvariantCulture)!);
        // glibc's allocator as Cresset tunes it on its own side, where the environment says nothing else.
        start.Environment.TryAdd("MALLOC_MMAP_THRESHOLD_", "1073741824");
        start.Environment.TryAdd("MALLOC_TRIM_THRESHOLD_", "2147483647");
        start.Environment.TryAdd("THP_MEM_ALLOC_ENABLE", "1");
        return Process.Start(start) ?? throw new InvalidOperationException($"\"{string.Join(' ', Command)}\" did not start.");
    }

    /// <summary>Runs a script of bench/peers to its end and returns the lines it printed.</summary>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public IReadOnlyList<string> Lines(string script, params object[] arguments)
    {
        using var process = Start(script, arguments);
        List<string> lines = [];
        while (process.StandardOutput.ReadLine() is { } line) lines.Add(line);
        process.WaitForExit();
        return process.ExitCode == 0 ? lines : throw new InvalidOperationException($"{script} ended with {process.ExitCode}.");
    }

    /// <summary>The same for a script that prints lines "name milliseconds megabytes".</summary>
    public IEnumerable<(string Name, double Milliseconds, double Megabytes)> Figures(string script, params object[] arguments)
        => Lines(script, arguments).Select(line => line.Split(' ')).Where(parts => parts.Length == 3).Select(
            parts =>
                (parts[0], double.Parse(parts[1], CultureInfo.InvariantCulture), double.Parse(parts[2], CultureInfo.InvariantCulture)));
}
