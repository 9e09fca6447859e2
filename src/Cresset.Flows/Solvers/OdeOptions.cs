using Cresset.Numerics;

namespace Cresset.Flows;

/// <summary>How the next step follows from the estimated error.</summary>
public enum StepControl
{
    /// <summary>From the last error alone (what torchdiffeq does): factor = safety / error^(1/order).</summary>
    Integral,

    /// <summary>From the last two errors (Gustafsson 1991): fewer rejected steps where the error swings.</summary>
    ProportionalIntegral,
}

/// <summary>How values at the requested times come about.</summary>
public enum OdeOutput
{
    /// <summary><see cref="Interpolated"/> where the method has an interpolant of its order, <see cref="Landing"/> for Dopri8.</summary>
    Automatic,

    /// <summary>Steps are free, also past the last time; values between come from the method's interpolant.</summary>
    Interpolated,

    /// <summary>A step ends at each requested time: the field is never evaluated outside the interval.</summary>
    Landing,
}

/// <summary>How the error of a state becomes one number.</summary>
public enum ErrorNorm
{
    /// <summary>Root mean square over all elements: one step size for the batch.</summary>
    RootMeanSquare,

    /// <summary>Root mean square of each row [N, ...], the largest counts: no sample's accuracy depends on its batch.</summary>
    PerSample,
}

/// <summary>Settings of an ODE solve.</summary>
public sealed record OdeOptions : IOptionsRecord
{
    /// <summary>The method.</summary>
    public OdeMethod Method { get; init; } = OdeMethod.Dopri5;

    /// <summary>Error allowed in proportion to the state; adaptive methods.</summary>
    public double RelativeTolerance { get; init; } = 1e-5;

    /// <summary>Error allowed near zero; adaptive methods.</summary>
    public double AbsoluteTolerance { get; init; } = 1e-5;

    /// <summary>
    /// Number of equal steps over the whole interval of a fixed-step method; 0 takes <see cref="StepSize"/>, or one step between two
    /// requested times.
    /// </summary>
    public int Steps { get; init; }

    /// <summary>Size of the steps of a fixed-step method; 0 when unset.</summary>
    public double StepSize { get; init; }

    /// <summary>The step-size controller.</summary>
    public StepControl Control { get; init; } = StepControl.Integral;

    /// <summary>How values at requested times come about.</summary>
    public OdeOutput Output { get; init; } = OdeOutput.Automatic;

    /// <summary>The norm of the error.</summary>
    public ErrorNorm Norm { get; init; } = ErrorNorm.RootMeanSquare;

    /// <summary>
    /// Rodas4: each row of a state [N, ...] depends on itself alone, as samples do in a velocity field; its Jacobian then has a small block
    /// a row.
    /// </summary>
    public bool IndependentRows { get; init; }

    /// <summary>The first step; 0 estimates it (Hairer, Norsett and Wanner, II.4).</summary>
    public double FirstStep { get; init; }

    /// <summary>Steps are never shorter than this: an error too large is then accepted. 0 for no bound.</summary>
    public double MinStep { get; init; }

    /// <summary>Steps are never longer than this.</summary>
    public double MaxStep { get; init; } = double.PositiveInfinity;

    /// <summary>Most steps tried before giving up.</summary>
    public int MaxSteps { get; init; } = 1_000_000;

    /// <summary>Share of the ideal step that is taken.</summary>
    public double Safety { get; init; } = 0.9;

    /// <summary>Largest growth from one step to the next.</summary>
    public double MaxFactor { get; init; } = 10;

    /// <summary>Largest shrinking from one step to the next.</summary>
    public double MinFactor { get; init; } = 0.2;

    /// <summary>Dopri5 with both tolerances equal.</summary>
    public static OdeOptions Dopri5(double tolerance) => new() { RelativeTolerance = tolerance, AbsoluteTolerance = tolerance };

    /// <summary>A fixed-step method with <paramref name="steps"/> equal steps.</summary>
    public static OdeOptions Fixed(OdeMethod method, int steps) => new() { Method = method, Steps = steps };

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Defined(Method)
        .Positive(RelativeTolerance, "a tolerance of zero can never be met")
        .Positive(AbsoluteTolerance, "a tolerance of zero can never be met")
        .AtLeast(Steps, 0)
        .AtLeast(StepSize, 0)
        .Must(Steps == 0 || StepSize == 0, StepSize, "0 when Steps is set", "give one of Steps and StepSize")
        .Defined(Control)
        .Defined(Output)
        .Defined(Norm)
        .AtLeast(FirstStep, 0)
        .AtLeast(MinStep, 0)
        .Must(MaxStep > MinStep, MaxStep, $"greater than MinStep ({MinStep})")
        .AtLeast(MaxSteps, 1)
        .Within(Safety, 0, 1, includeMin: false)
        .Must(MaxFactor > 1, MaxFactor, "greater than 1")
        .Within(MinFactor, 0, 1, includeMin: false, includeMax: false);
}
