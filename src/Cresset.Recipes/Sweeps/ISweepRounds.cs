namespace Cresset.Recipes;

/// <summary>A sweep whose later runs depend on what came of the earlier ones.</summary>
public interface ISweepRounds
{
    /// <summary>How many rounds there are.</summary>
    int Rounds { get; }

    /// <summary>The runs of a round.</summary>
    /// <param name="round">From 0.</param>
    /// <param name="before">The rows of the round before; null for the first.</param>
    IReadOnlyList<PlannedRun> Round(int round, IReadOnlyList<SweepRow>? before);

    /// <summary>What the runs of a round are for, in a few words.</summary>
    string Describe(int round);

    /// <summary>All rows so far, those of this round first.</summary>
    /// <param name="round">From 0.</param>
    /// <param name="rows">The rows of this round.</param>
    /// <param name="before">What this gave after the round before; empty for the first.</param>
    IReadOnlyList<SweepRow> Gather(int round, IReadOnlyList<SweepRow> rows, IReadOnlyList<SweepRow> before);
}
