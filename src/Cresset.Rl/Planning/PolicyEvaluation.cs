namespace Cresset.Rl;

/// <summary>Values of a given policy.</summary>
public static class PolicyEvaluation
{
    /// <summary>Solves (I - gamma P) v = r exactly, with one step of refinement.</summary>
    /// <exception cref="InvalidOperationException">With gamma 1 the policy does not end with probability 1, so its values do not
    /// exist.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static double[] Exact(TransitionTable model, TabularPolicy policy, double gamma, CancellationToken cancellation = default)
    {
        Discount.Checked(gamma);
        CheckPolicy(model, policy);
        var n = model.StateCount;
        var matrix = Matrix(model, policy, gamma, out var reward);
        var values = LinearSystem.Solve(matrix, [.. reward], cancellation)
            ?? throw new InvalidOperationException(
                $"The values of this policy do not exist for gamma {gamma}: from some state it goes on for ever. Use gamma below 1 or a "
                    + $"policy that ends.");
        var rest = new double[n];
        for (var s = 0; s < n; s++) rest[s] = Bellman.Backup(model, policy, s, values, gamma) - values[s];
        var correction = LinearSystem.Solve(Matrix(model, policy, gamma, out _), rest, cancellation)!;
        for (var s = 0; s < n; s++) values[s] += correction[s];
        return values;
    }

    /// <summary>Sweeps v = r + gamma P v until nothing changes by more than the tolerance.</summary>
    /// <param name="model">The process.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="options">Discount, tolerance, limit of sweeps.</param>
    /// <param name="start">Values to start from; zeros when left out.</param>
    /// <param name="inPlace">Use new values at once (Gauss-Seidel) instead of those of the sweep before.</param>
    /// <param name="cancellation">Stops between backups.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static PlanningResult Iterative(TransitionTable model, TabularPolicy policy, PlanningOptions? options = null,
        IReadOnlyList<double>? start = null, bool inPlace = false, CancellationToken cancellation = default)
    {
        options = (options ?? new()).ThrowIfInvalidPlanning(model);
        CheckPolicy(model, policy);
        var values = start?.ToArray() ?? new double[model.StateCount];
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
                values[s] = Bellman.Backup(model, policy, s, inPlace ? values : before, options.Gamma);
                change = Math.Max(change, Math.Abs(values[s] - before[s]));
            }
            Divergence.Check(change, trace.Count + 1, "policy evaluation");
            trace.Add(new PlanningStep(trace.Count + 1, change, trace.Count == 0 ? double.NaN : change / last, -1));
            options.OnIteration?.Invoke(trace.Count, values);
        }
        return new PlanningResult(values, policy.GreedyActions(), trace, change <= options.Tolerance);
    }

    /// <summary>
    /// How often each state is visited in the long run. Episodes that end begin anew in a start state of the model, so for a task with ends
    /// this is the on-policy distribution of Sutton and Barto (section 9.2); states in which a task has ended have share 0.
    /// </summary>
    /// <exception cref="InvalidOperationException">The chain has no unique stationary distribution, or its episodes end and the model has
    /// no start.</exception>
    public static double[] StationaryDistribution(TransitionTable model, TabularPolicy policy)
    {
        CheckPolicy(model, policy);
        var n = model.StateCount;
        var matrix = new double[n][];
        var hasStart = model.Start.ContainsAnyExcept(0);
        for (var i = 0; i < n; i++) matrix[i] = new double[n];
        for (var s = 0; s < n; s++)
        {
            matrix[s][s] -= 1;
            for (var a = 0; a < model.ActionCount; a++)
            {
                foreach (var outcome in model.Outcomes(s, a))
                {
                    var mass = policy[s, a] * outcome.Probability;
                    if (mass == 0) continue;
                    if (!outcome.Terminated && !model.IsAbsorbing(outcome.NextState))
                    {
                        matrix[outcome.NextState][s] += mass;
                        continue;
                    }
                    if (!hasStart)
                        throw new InvalidOperationException(
                            $"Episodes of this model end (from state {s} by action {a}) and it has no start states to begin anew in: build "
                                + $"it with StartIn.");
                    for (var first = 0; first < n; first++) matrix[first][s] += mass * model.Start[first];
                }
            }
        }
        // One balance equation follows from the others: it makes room for the sum of 1.
        Array.Fill(matrix[n - 1], 1);
        var right = new double[n];
        right[n - 1] = 1;
        return LinearSystem.Solve(matrix, right)
            ?? throw new InvalidOperationException("The chain of this policy has no unique stationary distribution.");
    }

    internal static void CheckPolicy(TransitionTable model, TabularPolicy policy)
    {
        if (policy.StateCount != model.StateCount || policy.ActionCount != model.ActionCount)
        {
            throw new ArgumentException(
                $"The policy is for {policy.StateCount} states and {policy.ActionCount} actions, the model has {model.StateCount} and "
                    + $"{model.ActionCount}.", nameof(policy));
        }
    }

    private static double[][] Matrix(TransitionTable model, TabularPolicy policy, double gamma, out double[] reward)
    {
        var n = model.StateCount;
        var matrix = new double[n][];
        reward = new double[n];
        for (var s = 0; s < n; s++)
        {
            var row = matrix[s] = new double[n];
            row[s] = 1;
            for (var a = 0; a < model.ActionCount; a++)
            {
                if (policy[s, a] == 0) continue;
                var at = (s * model.ActionCount) + a;
                for (var i = model.Offsets[at]; i < model.Offsets[at + 1]; i++)
                {
                    var p = policy[s, a] * model.Probabilities[i];
                    reward[s] += p * model.Rewards[i];
                    if (!model.Terminated[i]) row[model.NextStates[i]] -= gamma * p;
                }
            }
        }
        return matrix;
    }
}
