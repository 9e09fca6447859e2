namespace Cresset.Rl;

/// <summary>Value iteration: v = max_a q(s, a), a contraction by gamma, until nothing changes.</summary>
public static class ValueIteration
{
    /// <summary>Sweeps over all states, each sweep from the values of the one before.</summary>
    /// <param name="model">The process.</param>
    /// <param name="options">Discount, tolerance, limit of sweeps.</param>
    /// <param name="start">Values to start from; zeros when left out.</param>
    /// <param name="cancellation">Stops between backups.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static PlanningResult Solve(TransitionTable model, PlanningOptions? options = null, IReadOnlyList<double>? start = null,
        CancellationToken cancellation = default)
        => Sweep(model, options, start, inPlace: false, cancellation);

    /// <summary>Asynchronous value iteration: new values are used at once, within the sweep.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static PlanningResult SolveAsynchronously(TransitionTable model, PlanningOptions? options = null,
        IReadOnlyList<double>? start = null, CancellationToken cancellation = default)
        => Sweep(model, options, start, inPlace: true, cancellation);

    /// <summary>
    /// Best expected sum of discounted rewards within <paramref name="horizon"/> steps, for a time limit without a value beyond.
    /// </summary>
    /// <returns>Values for each number of steps left, [horizon + 1][states]; the first row is zero.</returns>
    public static double[][] FiniteHorizon(TransitionTable model, int horizon, double gamma = 1)
    {
        Discount.Checked(gamma);
        ArgumentOutOfRangeException.ThrowIfNegative(horizon);
        var values = new double[horizon + 1][];
        values[0] = new double[model.StateCount];
        for (var t = 1; t <= horizon; t++)
        {
            values[t] = new double[model.StateCount];
            for (var s = 0; s < model.StateCount; s++) values[t][s] = Bellman.Backup(model, s, values[t - 1], gamma);
        }
        return values;
    }

    /// <summary>
    /// Best average reward a step of a continuing process by relative value iteration (with half-steps, so that periodic chains converge
    /// too).
    /// </summary>
    /// <returns>The average reward and the differential values, that of state 0 being 0.</returns>
    public static (double AverageReward, PlanningResult Result) SolveAverageReward(TransitionTable model, PlanningOptions? options = null,
        CancellationToken cancellation = default)
    {
        options = (options ?? new PlanningOptions { Gamma = 1 }).ThrowIfInvalidPlanning(model);
        var values = new double[model.StateCount];
        var next = new double[model.StateCount];
        var trace = new List<PlanningStep>();
        double span = double.PositiveInfinity, average = 0;
        while (trace.Count < options.MaxIterations && !(span <= options.Tolerance))
        {
            double low = double.PositiveInfinity, high = double.NegativeInfinity;
            for (var s = 0; s < next.Length; s++)
            {
                cancellation.ThrowIfCancellationRequested();
                next[s] = (0.5 * values[s]) + (0.5 * Bellman.Backup(model, s, values, 1));
                var gain = next[s] - values[s];
                (low, high) = (Math.Min(low, gain), Math.Max(high, gain));
            }
            average = low + high;
            var reference = next[0];
            for (var s = 0; s < next.Length; s++) values[s] = next[s] - reference;
            var last = span;
            span = high - low;
            Divergence.Check(span, trace.Count + 1, "relative value iteration");
            trace.Add(new PlanningStep(trace.Count + 1, span, trace.Count == 0 ? double.NaN : span / last, -1));
            options.OnIteration?.Invoke(trace.Count, values);
        }
        return (average,
            new PlanningResult(values, Bellman.GreedyActions(model, values, 1, options.TieTolerance), trace, span <= options.Tolerance));
    }

    private static PlanningResult Sweep(TransitionTable model, PlanningOptions? options, IReadOnlyList<double>? start, bool inPlace,
        CancellationToken cancellation)
    {
        options = (options ?? new()).ThrowIfInvalidPlanning(model);
        var values = start?.ToArray() ?? new double[model.StateCount];
        Bellman.CheckValues(model, values);
        var before = new double[values.Length];
        var trace = new List<PlanningStep>();
        var change = double.PositiveInfinity;
        while (trace.Count < options.MaxIterations && !(change <= options.Tolerance))
        {
            var last = change;
            values.CopyTo(before, 0);
            change = 0;
            for (var s = 0; s < values.Length; s++)
            {
                cancellation.ThrowIfCancellationRequested();
                values[s] = Bellman.Backup(model, s, inPlace ? values : before, options.Gamma);
                change = Math.Max(change, Math.Abs(values[s] - before[s]));
            }
            Divergence.Check(change, trace.Count + 1, "value iteration");
            trace.Add(new PlanningStep(trace.Count + 1, change, trace.Count == 0 ? double.NaN : change / last, -1));
            options.OnIteration?.Invoke(trace.Count, values);
        }
        return new PlanningResult(values, Bellman.GreedyActions(model, values, options.Gamma, options.TieTolerance), trace,
            change <= options.Tolerance);
    }
}
