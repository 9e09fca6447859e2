namespace Cresset.Rl.Deep;

/// <summary>
/// The density of a = tanh(u) for a normal u (Haarnoja et al. 2018, appendix C), written so that nothing cancels near the ends.
/// </summary>
internal static class SquashedGaussian
{
    private static readonly float HalfLogTwoPi = (float)(0.5 * Math.Log(2 * Math.PI));
    private static readonly float LogTwo = (float)Math.Log(2);

    /// <summary>log N(u; mean, deviation) - log(1 - tanh(u)^2), of one value.</summary>
    /// <param name="u">The value before tanh.</param>
    /// <param name="mean">Mean of u.</param>
    /// <param name="logDeviation">Logarithm of u's standard deviation.</param>
    public static float LogProb(float u, float mean, float logDeviation)
    {
        var z = (u - mean) * MathF.Exp(-logDeviation);
        return (-0.5f * z * z) - logDeviation - HalfLogTwoPi - LogSlope(u);
    }

    /// <summary>log(1 - tanh(u)^2) = 2 (log 2 - u - softplus(-2u)).</summary>
    public static float LogSlope(float u)
    {
        // Symmetric in u; the exponential of a negative number cannot overflow.
        var size = MathF.Abs(u);
        return 2 * (LogTwo - size - MathF.Log(1 + MathF.Exp(-2 * size)));
    }
}
