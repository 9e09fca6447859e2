using System.Diagnostics;
using System.Globalization;

namespace Cresset.Cli.Launch;

/// <summary>Runs the cells of a sweep as processes of their own, several at a time: each is the same command for one cell, and has the bits that it has alone.</summary>
internal static class CellFarm
{
    /// <summary>Runs cells until all are done, one fails, or it is cancelled (then those that run save and stop).</summary>
    /// <param name="cells">Numbers of the cells.</param>
    /// <param name="atOnce">How many at a time.</param>
    /// <param name="command">The words of the command that asked for the sweep.</param>
    /// <param name="cancellation">Ctrl-C and its like.</param>
    /// <returns>The exit code of the first cell that did not succeed, or 0.</returns>
    public static int Run(IReadOnlyList<int> cells, int atOnce, IReadOnlyList<string> command, CancellationToken cancellation)
    {
        var waiting = new Queue<int>(cells);
        var running = new List<Process>();
        var (program, own) = OwnProgram.Arguments;
        var first = ExitCode.Success;
        using var stop = cancellation.Register(() =>
        {
            lock (running) running.ForEach(process => ChildSignal.Send(process.Id, ChildSignal.Terminate));
        });
        while (true)
        {
            while (running.Count < atOnce && first == ExitCode.Success && !cancellation.IsCancellationRequested && waiting.TryDequeue(out var cell))
            {
                var start = new ProcessStartInfo(program, [.. own, .. command, "--cell", cell.ToString(CultureInfo.InvariantCulture)]);
                lock (running) running.Add(Process.Start(start)!);
            }
            if (running.Count == 0) return first != ExitCode.Success ? first : cancellation.IsCancellationRequested ? ExitCode.Interrupted : first;
            Task.WaitAny([.. running.Select(process => process.WaitForExitAsync(CancellationToken.None))], CancellationToken.None);
            foreach (var ended in running.Where(process => process.HasExited).ToList())
            {
                if (first == ExitCode.Success) first = ended.ExitCode;
                lock (running) running.Remove(ended);
                ended.Dispose();
            }
        }
    }
}
