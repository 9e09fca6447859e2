namespace Cresset.Numerics;

/// <summary>
/// The conditions of Kiefer and Wolfowitz (1952) on the step sizes a and the widths c of the finite differences:
/// c to 0, sum a = infinity, sum a c &lt; infinity, sum (a/c)^2 &lt; infinity. Null means unknown.
/// </summary>
/// <param name="WidthTendsToZero">c_k tends to 0.</param>
/// <param name="SumDiverges">sum a_k is infinite.</param>
/// <param name="BiasSumConverges">sum a_k c_k is finite.</param>
/// <param name="NoiseSumConverges">sum (a_k/c_k)^2 is finite.</param>
public sealed record KieferWolfowitzConditions(bool? WidthTendsToZero, bool? SumDiverges, bool? BiasSumConverges, bool? NoiseSumConverges)
{
    /// <summary>All four hold; null when one is unknown.</summary>
    public bool? Satisfied => WidthTendsToZero & SumDiverges & BiasSumConverges & NoiseSumConverges;

    /// <summary>Judges the pair of rules.</summary>
    public static KieferWolfowitzConditions Of(StepSizeRule steps, StepSizeRule widths)
    {
        ArgumentNullException.ThrowIfNull(steps);
        ArgumentNullException.ThrowIfNull(widths);
        if (steps.Decay is not { } a || widths.Decay is not { } c)
            return new(widths.Decay?.TendsToZero, steps.Decay?.SumDiverges, null, null);
        return new(c.TendsToZero, a.SumDiverges, !a.Times(c).SumDiverges, !a.Over(c).Squared.SumDiverges);
    }
}
