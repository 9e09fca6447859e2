namespace Cresset.Numerics;

/// <summary>Student's t distribution, for intervals of means of few values.</summary>
public static class StudentT
{
    // 97.5 % quantiles of 1 to 30 degrees of freedom.
    private static readonly double[] Table =
    [
        12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157, 2.228139,
        2.200985, 2.178813, 2.160369, 2.144787, 2.131450, 2.119905, 2.109816, 2.100922, 2.093024, 2.085963,
        2.079614, 2.073873, 2.068658, 2.063899, 2.059539, 2.055529, 2.051831, 2.048407, 2.045230, 2.042272,
    ];

    /// <summary>
    /// The value that 2.5 % of the distribution lie above: mean ± this times the standard error holds the true mean 95 times in 100.
    /// </summary>
    /// <param name="degrees">Degrees of freedom: the number of values less one; at least 1.</param>
    public static double Quantile975(int degrees)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(degrees, 1);
        if (degrees <= Table.Length) return Table[degrees - 1];
        // Expansion about the normal quantile (Abramowitz and Stegun 26.7.5); off by less than 2e-6 from 31 degrees on.
        const double z = 1.959963984540054;
        double n = degrees, z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
        return z + ((z3 + z) / (4 * n)) + (((5 * z5) + (16 * z3) + (3 * z)) / (96 * n * n))
            + (((3 * z7) + (19 * z5) + (17 * z3) - (15 * z)) / (384 * n * n * n));
    }
}
