namespace Cresset.Rl;

/// <summary>What a planner found and how it got there.</summary>
/// <param name="Values">Value of each state.</param>
/// <param name="Actions">A best action for each state (-1 where there is none).</param>
/// <param name="Trace">One entry a sweep or a round, in order.</param>
/// <param name="HasConverged">Whether the tolerance was met before the limit of sweeps.</param>
public sealed record PlanningResult(double[] Values, int[] Actions, IReadOnlyList<PlanningStep> Trace, bool HasConverged)
{
    /// <summary>Number of sweeps or rounds.</summary>
    public int Iterations => Trace.Count;
}

/// <summary>One sweep of value iteration, or one round of policy iteration.</summary>
/// <param name="Iteration">Counted from 1.</param>
/// <param name="Change">Largest change of a value; for value iteration this is the Bellman residual of the values before.</param>
/// <param name="Contraction">Change divided by the change before; at most gamma for value iteration. NaN for the first.</param>
/// <param name="ChangedActions">Number of states whose greedy action changed; -1 where it is not followed.</param>
public readonly record struct PlanningStep(int Iteration, double Change, double Contraction, int ChangedActions);
