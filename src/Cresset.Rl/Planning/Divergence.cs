using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>A computation left the finite numbers.</summary>
/// <param name="what">What was computed.</param>
/// <param name="step">Step, sweep or update at which it happened.</param>
/// <param name="value">The offending value.</param>
public sealed class DivergenceException(string what, long step, double value)
    : ArithmeticException(
        string.Create(System.Globalization.CultureInfo.InvariantCulture,
            $"{what} diverged at step {step}: a value became {value}. Lower the step size, or use gamma below 1."))
{
    /// <summary>Step, sweep or update at which it happened.</summary>
    public long Step { get; } = step;
}

/// <summary>Checks for divergence.</summary>
internal static class Divergence
{
    public static void Check(double value, long step, string what)
    {
        if (!double.IsFinite(value)) throw new DivergenceException(what, step, value);
    }

    public static PlanningOptions ThrowIfInvalidPlanning(this PlanningOptions options, TransitionTable model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return options.ThrowIfInvalid();
    }
}
