using Cresset.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>Where and how long an agent learns, and how it is watched.</summary>
public sealed record AgentLoopOptions : IOptionsRecord
{
    /// <summary>
    /// The environment, as in <c>cresset rl envs</c>. A program that makes its environments by itself (<see cref="AgentLoop"/>) does not
    /// need it.
    /// </summary>
    public EnvironmentSource Environment { get; init; } = new CartPoleSource();

    /// <summary>Copies that are stepped together.</summary>
    public int Environments { get; init; } = 1;

    /// <summary>Environment steps, over all copies.</summary>
    public int Steps { get; init; } = 50_000;

    /// <summary>Steps between greedy evaluations; 0 evaluates at the end only.</summary>
    public int EvaluateEvery { get; init; } = 2500;

    /// <summary>Episodes of an evaluation, in environments of their own.</summary>
    public int EvaluationEpisodes { get; init; } = 100;

    /// <summary>Longest episode of an evaluation; 0 takes the environment's limit, or 10,000 where it has none.</summary>
    public int EvaluationSteps { get; init; }

    /// <summary>Steps between recorded figures.</summary>
    public int LogEvery { get; init; } = 500;

    /// <summary>Steps between checkpoints; 0 saves at the end only.</summary>
    public int CheckpointEvery { get; init; } = 25_000;

    /// <summary>Newest checkpoints to keep.</summary>
    public int KeepLast { get; init; } = 1;

    /// <summary>Mean return that counts as solved; null takes the environment's own.</summary>
    public double? SolvedAt { get; init; }

    /// <summary>Fixes everything.</summary>
    public ulong Seed { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Environment is not null, Environment, "an environment (cresset rl envs)")
        .Nested(Environment)
        .Within(Environments, 1, 100_000)
        .AtLeast(Steps, 1)
        .AtLeast(EvaluateEvery, 0)
        .Within(EvaluationEpisodes, 1, 100_000)
        .AtLeast(EvaluationSteps, 0)
        .AtLeast(LogEvery, 1)
        .AtLeast(CheckpointEvery, 0)
        .AtLeast(KeepLast, 1)
        .Must(SolvedAt is null || double.IsFinite(SolvedAt.Value), SolvedAt, "a number, or null", field: nameof(SolvedAt));
}
