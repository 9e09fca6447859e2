namespace Cresset.Flows;

/// <summary>An ODE solve could not go on: the step underflowed, the field is not finite, or the allowed steps were used up.</summary>
public sealed class OdeStepException : ArithmeticException
{
    /// <summary>Makes the exception.</summary>
    /// <param name="message">What happened.</param>
    /// <param name="time">Where the solve stood.</param>
    /// <param name="step">The step that was tried.</param>
    public OdeStepException(string message, double time, double step)
        : base(message)
    {
        Time = time;
        Step = step;
    }

    /// <summary>The time the solve had reached.</summary>
    public double Time { get; }

    /// <summary>The signed step that was tried.</summary>
    public double Step { get; }
}
