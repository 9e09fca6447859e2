namespace Cresset.Rl;

/// <summary>Policy iteration: evaluate, then act greedily, until the policy stays the same.</summary>
public static class PolicyIteration
{
    /// <summary>
    /// With exact evaluation. The trace has one entry a policy; <paramref name="onPolicy"/> sees each policy and its values.
    /// </summary>
    /// <param name="model">The process.</param>
    /// <param name="options">Discount, tie rule, limit of rounds.</param>
    /// <param name="start">Actions to start from; the greedy ones for values of zero when left out.</param>
    /// <param name="onPolicy">Called with every policy and its values.</param>
    /// <param name="cancellation">Stops between backups.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static PlanningResult Solve(
        TransitionTable model, PlanningOptions? options = null, IReadOnlyList<int>? start = null, Action<int[], double[]>? onPolicy = null,
        CancellationToken cancellation = default)
    {
        options = (options ?? new()).ThrowIfInvalidPlanning(model);
        var actions = start?.ToArray() ?? Bellman.GreedyActions(model, new double[model.StateCount], options.Gamma, options.TieTolerance);
        var trace = new List<PlanningStep>();
        double[] values = [];
        double lastChange = double.NaN;
        while (true)
        {
            var before = values;
            values = PolicyEvaluation.Exact(model, PolicyOf(model, actions), options.Gamma, cancellation);
            onPolicy?.Invoke([.. actions], [.. values]);
            options.OnIteration?.Invoke(trace.Count + 1, values);
            var improved = new int[actions.Length];
            var changed = 0;
            for (var s = 0; s < actions.Length; s++)
            {
                improved[s] = Bellman.GreedyAction(model, s, values, options.Gamma, options.TieTolerance,
                    options.Ties == TieRule.KeepOld ? actions[s] : -1);
                changed += improved[s] != actions[s] ? 1 : 0;
            }
            var change = before.Length == 0 ? values.Max(Math.Abs) : Distance(values, before);
            trace.Add(new PlanningStep(trace.Count + 1, change, change / lastChange, changed));
            lastChange = change;
            if (changed == 0) return new PlanningResult(values, actions, trace, true);
            // Lowest-index ties may cycle among equally good policies: stop when the values no longer improve.
            if (options.Ties == TieRule.LowestIndex && trace.Count > 1 && change <= options.TieTolerance)
                return new PlanningResult(values, improved, trace, true);
            actions = improved;
            if (trace.Count >= options.MaxIterations) return new PlanningResult(values, actions, trace, false);
        }
    }

    /// <summary>
    /// Truncated policy iteration: every round acts greedily on the values, then makes <paramref name="sweeps"/> sweeps of evaluation
    /// starting from them. One sweep is value iteration, infinitely many are policy iteration.
    /// </summary>
    public static PlanningResult SolveTruncated(TransitionTable model, int sweeps, PlanningOptions? options = null,
        IReadOnlyList<double>? start = null, CancellationToken cancellation = default)
    {
        options = (options ?? new()).ThrowIfInvalidPlanning(model);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sweeps);
        var values = start?.ToArray() ?? new double[model.StateCount];
        Bellman.CheckValues(model, values);
        var actions = new int[values.Length];
        Array.Fill(actions, -1);
        var trace = new List<PlanningStep>();
        var change = double.PositiveInfinity;
        var next = new double[values.Length];
        while (trace.Count < options.MaxIterations && !(change <= options.Tolerance))
        {
            var last = change;
            double[] before = [.. values];
            var changed = 0;
            for (var s = 0; s < actions.Length; s++)
            {
                var best = Bellman.GreedyAction(model, s, values, options.Gamma, options.TieTolerance,
                    options.Ties == TieRule.KeepOld ? actions[s] : -1);
                changed += best != actions[s] ? 1 : 0;
                actions[s] = best;
            }
            for (var sweep = 0; sweep < sweeps; sweep++)
            {
                cancellation.ThrowIfCancellationRequested();
                for (var s = 0; s < next.Length; s++)
                    next[s] = actions[s] < 0 ? 0 : model.ActionValue(s, actions[s], values, options.Gamma);
                (values, next) = (next, values);
            }
            change = Distance(values, before);
            Divergence.Check(change, trace.Count + 1, "truncated policy iteration");
            trace.Add(new PlanningStep(trace.Count + 1, change, trace.Count == 0 ? double.NaN : change / last, changed));
            options.OnIteration?.Invoke(trace.Count, values);
        }
        return new PlanningResult(values, Bellman.GreedyActions(model, values, options.Gamma, options.TieTolerance), trace,
            change <= options.Tolerance);
    }

    /// <summary>Policy iteration among the policies that take every action with at least epsilon / actions.</summary>
    /// <returns>The best such policy's values and its greedy actions.</returns>
    public static PlanningResult SolveEpsilonGreedy(TransitionTable model, double epsilon, PlanningOptions? options = null)
    {
        options = (options ?? new()).ThrowIfInvalidPlanning(model);
        var actions = Bellman.GreedyActions(model, new double[model.StateCount], options.Gamma, options.TieTolerance);
        var trace = new List<PlanningStep>();
        double[] values = [];
        while (true)
        {
            var before = values;
            values = PolicyEvaluation.Exact(model, TabularPolicy.EpsilonGreedy(model, actions, epsilon), options.Gamma);
            options.OnIteration?.Invoke(trace.Count + 1, values);
            int[] old = [.. actions];
            var changed = 0;
            for (var s = 0; s < actions.Length; s++)
            {
                actions[s] = Bellman.GreedyAction(model, s, values, options.Gamma, options.TieTolerance, actions[s]);
                changed += actions[s] != old[s] ? 1 : 0;
            }
            var change = before.Length == 0 ? values.Max(Math.Abs) : Distance(values, before);
            trace.Add(new PlanningStep(trace.Count + 1, change, double.NaN, changed));
            if (changed == 0 || trace.Count >= options.MaxIterations) return new PlanningResult(values, actions, trace, changed == 0);
        }
    }

    private static TabularPolicy PolicyOf(TransitionTable model, int[] actions)
    {
        var probabilities = new double[model.StateCount * model.ActionCount];
        for (var s = 0; s < actions.Length; s++)
        {
            if (actions[s] >= 0) probabilities[(s * model.ActionCount) + actions[s]] = 1;
        }
        return TabularPolicy.FromProbabilities(model.StateCount, model.ActionCount, probabilities);
    }

    private static double Distance(double[] a, double[] b)
    {
        var worst = 0.0;
        for (var i = 0; i < a.Length; i++) worst = Math.Max(worst, Math.Abs(a[i] - b[i]));
        return worst;
    }
}
