using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>Value iteration: sweeps of the best one-step backup over all states.</summary>
[Part("value-iteration", "Bellman 1957")]
public sealed record ValueIterationPlanner : Planner
{
    /// <inheritdoc/>
    public override Plan Solve(TableEnvironment world, PlanningOptions options, CancellationToken cancellation = default)
        => new(ValueIteration.Solve(Checked(world).Model, options, null, cancellation));

    internal static TableEnvironment Checked(TableEnvironment world) => world ?? throw new ArgumentNullException(nameof(world));
}

/// <summary>Value iteration whose sweeps use each new value at once.</summary>
[Part("async-value-iteration", "Bertsekas 1982")]
public sealed record AsynchronousValueIterationPlanner : Planner
{
    /// <inheritdoc/>
    public override Plan Solve(TableEnvironment world, PlanningOptions options, CancellationToken cancellation = default)
        => new(ValueIteration.SolveAsynchronously(ValueIterationPlanner.Checked(world).Model, options, null, cancellation));
}

/// <summary>Relative value iteration: the best average reward of tasks that never end; the discount is not used.</summary>
[Part("relative-value-iteration", "White 1963")]
public sealed record RelativeValueIterationPlanner : Planner
{
    /// <inheritdoc/>
    public override Plan Solve(TableEnvironment world, PlanningOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var (average, result) = ValueIteration.SolveAverageReward(ValueIterationPlanner.Checked(world).Model, options with { Gamma = 1 },
            cancellation);
        return new(result, average);
    }
}

/// <summary>Policy iteration: exact values of a policy, then the greedy one, until it stays.</summary>
[Part("policy-iteration", "Howard 1960")]
public sealed record PolicyIterationPlanner : Planner
{
    /// <inheritdoc/>
    public override Plan Solve(TableEnvironment world, PlanningOptions options, CancellationToken cancellation = default)
        => new(PolicyIteration.Solve(ValueIterationPlanner.Checked(world).Model, options, cancellation: cancellation));
}

/// <summary>Policy iteration that evaluates each policy by a few sweeps only.</summary>
[Part("truncated-policy-iteration", "Puterman and Shin 1978")]
public sealed record TruncatedPolicyIterationPlanner : Planner
{
    /// <summary>Sweeps that evaluate a policy.</summary>
    public int N { get; init; } = 4;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().AtLeast(N, 1);

    /// <inheritdoc/>
    public override Plan Solve(TableEnvironment world, PlanningOptions options, CancellationToken cancellation = default)
        => new(PolicyIteration.SolveTruncated(ValueIterationPlanner.Checked(world).Model, N, options, null, cancellation));
}

/// <summary>Backups in the order of how much they would change; most sweeps count as many backups of single states.</summary>
[Part("prioritized-planning", "Moore and Atkeson 1993")]
public sealed record PrioritizedPlanner : Planner
{
    private const int Traced = 100_000;

    /// <inheritdoc/>
    public override Plan Solve(TableEnvironment world, PlanningOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var model = ValueIterationPlanner.Checked(world).Model;
        // One iteration is one backup of one state here, a sweep elsewhere.
        return new(
            PrioritizedPlanning.Solve(model,
                options with { MaxIterations = (int)Math.Min(int.MaxValue, (long)options.MaxIterations * model.StateCount) }, Traced,
                cancellation));
    }
}

/// <summary>MC Basic: policy iteration whose values are means of sampled episodes.</summary>
[Part("mc-basic", "Zhao 2025, algorithm 5.1")]
public sealed record MonteCarloBasicPlanner : Planner
{
    /// <summary>Length of the sampled episodes.</summary>
    public int N { get; init; } = 4;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().AtLeast(N, 1);

    /// <inheritdoc/>
    public override Plan Solve(TableEnvironment world, PlanningOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new(MonteCarloPlanning.Basic(world, N, options.Gamma, 1, maxIterations: options.MaxIterations, cancellation: cancellation));
    }
}
