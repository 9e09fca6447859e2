namespace Cresset.Numerics;

/// <summary>
/// Which classical conditions a step-size rule meets: Robbins and Monro (1951) ask for sum a = infinity (it can go any distance) and sum
/// a^2 &lt; infinity (the noise is averaged away). Null means that nothing is known about the rule far out.
/// </summary>
/// <param name="TendsToZero">a_k tends to 0.</param>
/// <param name="SumDiverges">sum a_k is infinite.</param>
/// <param name="SquareSumConverges">sum a_k^2 is finite.</param>
/// <param name="SuitsAveraging">a_k decays like k^-p with 1/2 &lt; p &lt; 1, where the mean of the iterates reaches the best possible
/// covariance (Polyak and Juditsky 1992).</param>
/// <param name="Explanation">The verdict in one sentence.</param>
public sealed record RobbinsMonroConditions(bool? TendsToZero, bool? SumDiverges, bool? SquareSumConverges, bool? SuitsAveraging,
    string Explanation)
{
    /// <summary>Both Robbins-Monro conditions hold; null when unknown.</summary>
    public bool? Satisfied => SumDiverges is { } sum && SquareSumConverges is { } squares ? sum && squares : null;

    /// <summary>Judges <paramref name="rule"/> by its <see cref="StepSizeRule.Decay"/>.</summary>
    public static RobbinsMonroConditions Of(StepSizeRule rule)
    {
        ArgumentNullException.ThrowIfNull(rule);
        if (rule.Decay is not { } decay)
            return new(null, null, null, null, $"{rule.Formula}: nothing is known about its decay, so the conditions cannot be judged.");
        var sum = decay.SumDiverges;
        var squares = !decay.Squared.SumDiverges;
        var text = (sum, squares) switch
        {
            (true, true) => "converges with probability one under Robbins and Monro's conditions",
            (true, false) => "reaches any distance, but its squares do not sum: the iterate keeps a residual variance",
            (false, true) => "its sum is finite: the iterate can stop before it reaches the optimum",
            (false, false) => "meets neither condition",
        };
        return new(decay.TendsToZero, sum, squares, decay.Power is > 0.5 and < 1, $"{rule.Formula} ({decay}): {text}.");
    }
}
