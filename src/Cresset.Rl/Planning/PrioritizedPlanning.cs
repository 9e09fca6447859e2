namespace Cresset.Rl;

/// <summary>
/// Asynchronous value iteration in the order of need (Moore and Atkeson 1993; generalised by Andre, Friedman and Parr 1997): always back up
/// the state whose value would change most, then reconsider those that can lead to it.
/// </summary>
internal static class PrioritizedPlanning
{
    /// <summary>
    /// Backs up states until no change exceeds the tolerance. <see cref="PlanningResult.Trace"/> has one entry a backup up to
    /// <paramref name="traceLimit"/>.
    /// </summary>
    /// <param name="model">The process.</param>
    /// <param name="options">Discount, tolerance; the limit of iterations counts backups.</param>
    /// <param name="traceLimit">Most entries kept in the trace.</param>
    /// <param name="cancellation">Stops between backups.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static PlanningResult Solve(TransitionTable model, PlanningOptions? options = null, int traceLimit = 100_000,
        CancellationToken cancellation = default)
    {
        options = (options ?? new()).ThrowIfInvalidPlanning(model);
        var predecessors = Predecessors(model);
        var values = new double[model.StateCount];
        var priority = new double[model.StateCount];
        var queue = new PriorityQueue<int, double>();
        var trace = new List<PlanningStep>();
        for (var s = 0; s < values.Length; s++) Consider(s);
        var backups = 0;
        while (backups < options.MaxIterations && queue.TryDequeue(out var state, out var negative))
        {
            cancellation.ThrowIfCancellationRequested();
            // Entries are not removed when a priority changes; stale ones are skipped here.
            if (-negative != priority[state]) continue;
            priority[state] = 0;
            var value = Bellman.Backup(model, state, values, options.Gamma);
            var change = Math.Abs(value - values[state]);
            values[state] = value;
            backups++;
            Divergence.Check(value, backups, "prioritized planning");
            if (trace.Count < traceLimit) trace.Add(new PlanningStep(backups, change, double.NaN, -1));
            options.OnIteration?.Invoke(backups, values);
            foreach (var before in predecessors[state]) Consider(before);
        }

        void Consider(int s)
        {
            var change = Math.Abs(Bellman.Backup(model, s, values, options.Gamma) - values[s]);
            if (change <= options.Tolerance || change == priority[s]) return;
            priority[s] = change;
            queue.Enqueue(s, -change);
        }

        return new PlanningResult(values, Bellman.GreedyActions(model, values, options.Gamma, options.TieTolerance), trace,
            queue.Count == 0);
    }

    private static int[][] Predecessors(TransitionTable model)
    {
        var sets = new HashSet<int>[model.StateCount];
        for (var s = 0; s < sets.Length; s++) sets[s] = [];
        for (var s = 0; s < model.StateCount; s++)
        {
            for (var i = model.Offsets[s * model.ActionCount]; i < model.Offsets[(s + 1) * model.ActionCount]; i++)
            {
                if (!model.Terminated[i] && model.Probabilities[i] > 0) sets[model.NextStates[i]].Add(s);
            }
        }
        return Array.ConvertAll(sets, set => set.Order().ToArray());
    }
}
