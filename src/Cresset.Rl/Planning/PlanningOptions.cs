using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>How the greedy action is chosen among equals.</summary>
public enum TieRule
{
    /// <summary>The lowest index.</summary>
    LowestIndex,

    /// <summary>The action of the policy before when it is among the best, else the lowest index.</summary>
    KeepOld,
}

/// <summary>Choices common to the planners.</summary>
public sealed record PlanningOptions : IOptionsRecord
{
    /// <summary>Discount factor in [0, 1].</summary>
    public double Gamma { get; init; } = 0.9;

    /// <summary>Planning stops when no value changes by more than this.</summary>
    public double Tolerance { get; init; } = 1e-12;

    /// <summary>Most sweeps or rounds.</summary>
    public int MaxIterations { get; init; } = 100_000;

    /// <summary>The tie rule of greedy actions.</summary>
    public TieRule Ties { get; init; } = TieRule.LowestIndex;

    /// <summary>Action values closer than this are equal.</summary>
    public double TieTolerance { get; init; } = 1e-11;

    /// <summary>Called with the values after every sweep or round; to record or to draw them.</summary>
    public Action<int, IReadOnlyList<double>>? OnIteration { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Gamma, 0, 1)
        .AtLeast(Tolerance, 0.0)
        .AtLeast(MaxIterations, 1)
        .AtLeast(TieTolerance, 0.0)
        .Defined(Ties);
}
