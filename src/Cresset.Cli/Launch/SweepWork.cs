using System.Globalization;
using System.Text;
using System.Text.Json;
using Cresset.Cli.Terminal;
using Cresset.Distributed;
using Cresset.Recipes;
using Cresset.Runs;

namespace Cresset.Cli.Launch;

/// <summary>
/// Runs the cells of a sweep one after the other, as processes side by side, or shared out over ranks: cell i of those that are left goes
/// to rank i mod N, and what came out goes to rank 0, so that hosts need not share a disk.
/// </summary>
/// <param name="store">Where this process keeps its runs.</param>
/// <param name="sweep">The sweep.</param>
/// <param name="ranks">Processes that share the cells; a single one otherwise.</param>
/// <param name="atOnce">Cells side by side in processes of their own.</param>
/// <param name="command">The words of the command, for those processes.</param>
/// <param name="silent">Say nothing of runs that begin.</param>
internal sealed class SweepWork(RunStore store, Sweep sweep, ICommunicator ranks, int atOnce, IReadOnlyList<string> command, bool silent)
{
    private static readonly JsonSerializerOptions Figures =
        new() { NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals };

    /// <summary>Where the runs are kept.</summary>
    public RunStore Store => store;

    /// <summary>A row for each setting; null when it was stopped.</summary>
    /// <param name="plan">The cells.</param>
    /// <param name="further">Words that tell the processes which plan it is.</param>
    /// <param name="view">Who watches.</param>
    /// <param name="cancellation">Finish the step, save and stop.</param>
    public IReadOnlyList<SweepRow>? Run(IReadOnlyList<PlannedRun> plan,
        IReadOnlyList<string> further, TrainingView view, CancellationToken cancellation)
    {
        if (ranks.Size > 1) return OnRanks(plan, view, cancellation);
        if (atOnce == 1) return sweep.Run(plan, Announce, view, cancellation);
        var finished = sweep.Finished(plan);
        var reasons = CellFarm.Run([.. Enumerable.Range(0, plan.Count).Where(i => !finished.ContainsKey(i))], atOnce,
            [.. command, .. further], cancellation);
        var failed = reasons.ToDictionary(r => r.Key, r => sweep.FailureOf(plan[r.Key].Recipe) ?? r.Value);
        return Sweep.Rows(plan, sweep.Finished(plan), failed);
    }

    /// <summary>Runs the cells in this process that another one asks for; false when one was stopped.</summary>
    public bool Serve(IReadOnlyList<PlannedRun> plan, CancellationToken cancellation)
    {
        using var quietly = new TrainingView(quiet: true);
        return CellFarm.Serve(index =>
        {
            var failed = new Dictionary<int, string>();
            var ended = sweep.TryCell(plan, index, failed, Announce, quietly, cancellation);
            return (ended, failed.GetValueOrDefault(index));
        });
    }

    private IReadOnlyList<SweepRow>? OnRanks(IReadOnlyList<PlannedRun> plan, TrainingView view,
        CancellationToken cancellation)
    {
        // A cell takes as long as it takes; a rank that died is mpirun's to notice.
        ranks.WaitLimit = Timeout.InfiniteTimeSpan;
        var known = Gather(sweep.Finished(plan));
        int[] left = [.. Enumerable.Range(0, plan.Count).Where(i => !known.ContainsKey(i))];
        var failed = new Dictionary<int, string>();
        for (var i = ranks.Rank; i < left.Length; i += ranks.Size)
        {
            if (!sweep.TryCell(plan, left[i], failed, Announce, view, cancellation)) break;
        }
        return Sweep.Rows(plan, Gather(sweep.Finished(plan)), Gather<string>(failed));
    }

    private Dictionary<int, T> Gather<T>(IReadOnlyDictionary<int, T> own)
    {
        var all = new Dictionary<int, T>();
        foreach (var part in ranks.Gather(JsonSerializer.SerializeToUtf8Bytes(own, Figures)))
        {
            foreach (var (index, cell) in JsonSerializer.Deserialize<Dictionary<int, T>>(Encoding.UTF8.GetString(part), Figures)!)
                all.TryAdd(index, cell);
        }
        return all;
    }

    private void Announce(int number, int count, string setting, Run run)
    {
        if (!silent) Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"run {number} of {count}  {setting}  {run.Id}"));
    }
}
