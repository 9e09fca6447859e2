using System.Globalization;

namespace Cresset.Numerics;

/// <summary>
/// How a positive sequence behaves far out: it stays between two multiples of <c>k^-Power * (ln k)^-LogPower</c>.
/// <see cref="Power"/> is positive infinity for sequences whose sum is finite whatever the power (geometric, or zero from some step on).
/// </summary>
/// <param name="Power">Exponent of k; 0 for a sequence bounded away from zero.</param>
/// <param name="LogPower">Exponent of ln k.</param>
public readonly record struct StepSizeDecay(double Power, double LogPower = 0)
{
    /// <summary>Decays faster than every power of k.</summary>
    public static StepSizeDecay Geometric => new(double.PositiveInfinity);

    /// <summary>Whether the sequence tends to zero.</summary>
    public bool TendsToZero => Power > 0 || (Power == 0 && LogPower > 0);

    /// <summary>Whether the sum over all k is infinite (the integral test).</summary>
    public bool SumDiverges => Power < 1 || (Power == 1 && LogPower <= 1);

    /// <summary>The decay of the sequence of squares.</summary>
    public StepSizeDecay Squared => new(2 * Power, 2 * LogPower);

    /// <summary>The decay of the product of two sequences.</summary>
    public StepSizeDecay Times(StepSizeDecay other) => new(Power + other.Power, LogPower + other.LogPower);

    /// <summary>The decay of the quotient of two sequences.</summary>
    public StepSizeDecay Over(StepSizeDecay other) => new(Power - other.Power, LogPower - other.LogPower);

    /// <inheritdoc/>
    public override string ToString()
    {
        if (double.IsPositiveInfinity(Power)) return "faster than any power of k";
        var log = LogPower == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $" (ln k)^{-LogPower}");
        return Power == 0 && LogPower == 0 ? "constant" : string.Create(CultureInfo.InvariantCulture, $"k^{-Power}{log}");
    }
}
