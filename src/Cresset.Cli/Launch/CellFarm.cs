using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Cresset.Cli.Launch;

/// <summary>
/// Runs the cells of a sweep in processes side by side, each of which is the same command with <c>--cells</c>. Such a process is given one
/// cell after the other, since starting it costs a second of a core: a line with a cell's number goes in, and a line with what became of it
/// comes out, between what it has to say. A process that dies takes its cell alone with it; another takes its place.
/// </summary>
internal static class CellFarm
{
    // No line of a run begins with it.
    private const string Mark = "\u0001cell ";

    /// <summary>Runs cells until all have ended, or it is cancelled (then those that run save and stop).</summary>
    /// <param name="cells">Numbers of the cells.</param>
    /// <param name="atOnce">How many at a time.</param>
    /// <param name="command">The words of the command that asked for the sweep.</param>
    /// <param name="cancellation">Ctrl-C and its like.</param>
    /// <returns>The cells that failed, and why.</returns>
    public static IReadOnlyDictionary<int, string> Run(IReadOnlyList<int> cells, int atOnce, IReadOnlyList<string> command,
        CancellationToken cancellation)
    {
        var waiting = new ConcurrentQueue<int>(cells);
        var failed = new ConcurrentDictionary<int, string>();
        var running = new List<Process>();
        using var stop = cancellation.Register(() =>
        {
            lock (running) running.ForEach(process => ChildSignal.Send(process.Id, ChildSignal.Terminate));
        });
        Process? Start()
        {
            var (program, own) = OwnProgram.Arguments;
            lock (running)
            {
                if (cancellation.IsCancellationRequested) return null;
                var process =
                    Process.Start(
                        new ProcessStartInfo(program, [.. own, .. command, "--cells"])
                        {
                            RedirectStandardInput = true,
                            RedirectStandardOutput = true
                        })!;
                running.Add(process);
                return process;
            }
        }

        int End(Process process)
        {
            process.StandardInput.Close();
            process.WaitForExit();
            var code = process.ExitCode;
            lock (running) running.Remove(process);
            process.Dispose();
            return code;
        }

        void Work()
        {
            Process? process = null;
            while (!cancellation.IsCancellationRequested && waiting.TryDequeue(out var cell))
            {
                process ??= Start();
                if (process is null) return;
                if (Ask(process, cell, out var failure))
                {
                    if (failure is not null) failed[cell] = failure;
                    continue;
                }
                var code = End(process);
                process = null;
                if (code is not (ExitCode.Success or ExitCode.Interrupted))
                    failed[cell] = string.Create(CultureInfo.InvariantCulture, $"its process ended with code {code}");
            }
            if (process is not null) End(process);
        }

        // Threads of their own: each waits most of the time, and all must run at once.
        Task.WaitAll(
            [.. Enumerable.Range(0, Math.Min(atOnce, cells.Count))
                .Select(_ => Task.Factory.StartNew(Work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))],
                CancellationToken.None);
        return failed;
    }

    /// <summary>The other side: runs the cells whose numbers come in, until there are no more or one was stopped.</summary>
    /// <param name="run">Runs per cell; false when it was stopped, and the reason when it failed.</param>
    /// <returns>False when one was stopped.</returns>
    public static bool Serve(Func<int, (bool Ended, string? Failure)> run)
    {
        while (Console.In.ReadLine() is { } line)
        {
            var (ended, failure) = run(int.Parse(line, CultureInfo.InvariantCulture));
            if (!ended) return false;
            Console.Out.WriteLine(Mark + JsonSerializer.Serialize(failure));
            Console.Out.Flush();
        }
        return true;
    }

    // False when the process ended before it answered.
    private static bool Ask(Process process, int cell, out string? failure)
    {
        failure = null;
        try
        {
            process.StandardInput.WriteLine(cell.ToString(CultureInfo.InvariantCulture));
            process.StandardInput.Flush();
        }
        catch (IOException)
        {
            return false;
        }
        while (process.StandardOutput.ReadLine() is { } line)
        {
            if (!line.StartsWith(Mark, StringComparison.Ordinal))
            {
                Console.Out.WriteLine(line);
                continue;
            }
            failure = JsonSerializer.Deserialize<string?>(line[Mark.Length..]);
            return true;
        }
        return false;
    }
}
