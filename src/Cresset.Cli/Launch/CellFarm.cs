using System.Diagnostics;
using System.Globalization;

namespace Cresset.Cli.Launch;

/// <summary>Runs the cells of a sweep as processes of their own, several at a time: each is the same command for one cell, and has the bits that it has alone.</summary>
internal static class CellFarm
{
    /// <summary>Runs cells until all have ended, or it is cancelled (then those that run save and stop).</summary>
    /// <param name="cells">Numbers of the cells.</param>
    /// <param name="atOnce">How many at a time.</param>
    /// <param name="command">The words of the command that asked for the sweep.</param>
    /// <param name="cancellation">Ctrl-C and its like.</param>
    /// <returns>The exit codes of cells that failed.</returns>
    public static IReadOnlyDictionary<int, int> Run(IReadOnlyList<int> cells, int atOnce, IReadOnlyList<string> command, CancellationToken cancellation)
    {
        var waiting = new Queue<int>(cells);
        var running = new List<Process>();
        var (cellOf, failed) = (new Dictionary<Process, int>(), new Dictionary<int, int>());
        var (program, own) = OwnProgram.Arguments;
        using var stop = cancellation.Register(() =>
        {
            lock (running) running.ForEach(process => ChildSignal.Send(process.Id, ChildSignal.Terminate));
        });
        while (true)
        {
            while (running.Count < atOnce && !cancellation.IsCancellationRequested && waiting.TryDequeue(out var cell))
            {
                var start = new ProcessStartInfo(program, [.. own, .. command, "--cell", cell.ToString(CultureInfo.InvariantCulture)]);
                var process = Process.Start(start)!;
                cellOf[process] = cell;
                lock (running) running.Add(process);
            }
            if (running.Count == 0) return failed;
            Task.WaitAny([.. running.Select(process => process.WaitForExitAsync(CancellationToken.None))], CancellationToken.None);
            foreach (var ended in running.Where(process => process.HasExited).ToList())
            {
                if (ended.ExitCode is not (ExitCode.Success or ExitCode.Interrupted)) failed[cellOf[ended]] = ended.ExitCode;
                lock (running) running.Remove(ended);
                ended.Dispose();
            }
        }
    }
}
