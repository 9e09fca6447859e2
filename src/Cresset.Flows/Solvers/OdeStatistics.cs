namespace Cresset.Flows;

/// <summary>What a solve cost.</summary>
/// <param name="Evaluations">Evaluations of the field.</param>
/// <param name="Accepted">Steps taken.</param>
/// <param name="Rejected">Steps tried and given up because their error was too large.</param>
public readonly record struct OdeStatistics(int Evaluations, int Accepted, int Rejected)
{
    /// <summary>The sum of two solves.</summary>
    public static OdeStatistics operator +(OdeStatistics a, OdeStatistics b)
        => new(a.Evaluations + b.Evaluations, a.Accepted + b.Accepted, a.Rejected + b.Rejected);

    /// <summary>Same as the operator.</summary>
    public static OdeStatistics Add(OdeStatistics left, OdeStatistics right) => left + right;
}
