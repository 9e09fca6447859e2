using Cresset.Numerics;

namespace Cresset.Flows;

/// <summary>
/// A solver of ordinary differential equations by name: what a recipe or a record of options holds; <see cref="ToOptions"/> is what solving
/// takes.
/// </summary>
[PartKind("solver")]
public abstract record OdeSolver : IOptionsRecord
{
    /// <summary>The settings of a solve.</summary>
    public abstract OdeOptions ToOptions();

    /// <inheritdoc/>
    public abstract IEnumerable<OptionProblem> Validate();
}

/// <summary>A method with steps of one size.</summary>
public abstract record FixedStepSolver : OdeSolver
{
    private protected abstract OdeMethod Method { get; }

    /// <summary>Equal steps over the whole interval.</summary>
    public int Steps { get; init; } = 20;

    /// <inheritdoc/>
    public sealed override OdeOptions ToOptions() => OdeOptions.Fixed(Method, Steps);

    /// <inheritdoc/>
    public sealed override IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Steps, 1, 1_000_000);
}

/// <summary>A method that estimates its error and chooses its own steps.</summary>
public abstract record AdaptiveSolver : OdeSolver
{
    private protected abstract OdeMethod Method { get; }

    /// <summary>Error allowed in proportion to the state and, unless <see cref="AbsoluteTolerance"/> says otherwise, near zero.</summary>
    public double Tolerance { get; init; } = 1e-5;

    /// <summary>Error allowed near zero; 0 for <see cref="Tolerance"/>.</summary>
    public double AbsoluteTolerance { get; init; }

    /// <summary>Most steps tried before giving up.</summary>
    public int MaxSteps { get; init; } = 1_000_000;

    /// <inheritdoc/>
    public sealed override OdeOptions ToOptions()
        => new()
        {
            Method = Method,
            RelativeTolerance = Tolerance,
            AbsoluteTolerance = AbsoluteTolerance > 0 ? AbsoluteTolerance : Tolerance,
            MaxSteps = MaxSteps
        };

    /// <inheritdoc/>
    public sealed override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Positive(Tolerance, "A tolerance of zero can never be met.")
        .AtLeast(AbsoluteTolerance, 0)
        .AtLeast(MaxSteps, 1);
}

/// <summary>Euler's method, order 1, one evaluation of the field per step.</summary>
[Part("euler", "Euler 1768")]
public sealed record EulerSolver : FixedStepSolver
{
    private protected override OdeMethod Method => OdeMethod.Euler;
}

/// <summary>The explicit midpoint method, order 2, two evaluations per step.</summary>
[Part("midpoint")]
public sealed record MidpointSolver : FixedStepSolver
{
    private protected override OdeMethod Method => OdeMethod.Midpoint;
}

/// <summary>Heun's second-order method (explicit trapezoid), two evaluations per step.</summary>
[Part("heun", "Heun 1900")]
public sealed record HeunSolver : FixedStepSolver
{
    private protected override OdeMethod Method => OdeMethod.Heun;
}

/// <summary>Heun's third-order method, three evaluations per step.</summary>
[Part("heun3", "Heun 1900")]
public sealed record Heun3Solver : FixedStepSolver
{
    private protected override OdeMethod Method => OdeMethod.Heun3;
}

/// <summary>The classic fourth-order method, four evaluations per step.</summary>
[Part("rk4", "Kutta 1901")]
public sealed record Rk4Solver : FixedStepSolver
{
    private protected override OdeMethod Method => OdeMethod.Rk4;
}

/// <summary>Kutta's 3/8 rule, order 4, four evaluations per step (what torchdiffeq calls rk4).</summary>
[Part("rk4-three-eighths", "Kutta 1901")]
public sealed record Rk4ThreeEighthsSolver : FixedStepSolver
{
    private protected override OdeMethod Method => OdeMethod.Rk4ThreeEighths;
}

/// <summary>Heun with an embedded Euler step, order 2(1), two evaluations per step.</summary>
[Part("adaptive-heun")]
public sealed record AdaptiveHeunSolver : AdaptiveSolver
{
    private protected override OdeMethod Method => OdeMethod.AdaptiveHeun;
}

/// <summary>Order 3(2), three evaluations per step.</summary>
[Part("bosh3", "Bogacki and Shampine 1989")]
public sealed record Bosh3Solver : AdaptiveSolver
{
    private protected override OdeMethod Method => OdeMethod.Bosh3;
}

/// <summary>Order 5(4), six evaluations per step: the solver to begin with.</summary>
[Part("dopri5", "Dormand and Prince 1980")]
public sealed record Dopri5Solver : AdaptiveSolver
{
    private protected override OdeMethod Method => OdeMethod.Dopri5;
}

/// <summary>Order 5(4), six evaluations per step, with smaller error constants than dopri5.</summary>
[Part("tsit5", "Tsitouras 2011")]
public sealed record Tsit5Solver : AdaptiveSolver
{
    private protected override OdeMethod Method => OdeMethod.Tsit5;
}

/// <summary>Order 8(7), thirteen evaluations per step: for small tolerances.</summary>
[Part("dopri8", "Prince and Dormand 1981")]
public sealed record Dopri8Solver : AdaptiveSolver
{
    private protected override OdeMethod Method => OdeMethod.Dopri8;
}

/// <summary>
/// RODAS, a Rosenbrock method of order 4(3) for stiff problems: a Jacobian and six linear systems per step. The rows of a state are taken
/// to be independent samples.
/// </summary>
[Part("rodas4", "Hairer and Wanner 1996")]
public sealed record Rodas4Solver : OdeSolver
{
    /// <summary>Error allowed in proportion to the state and near zero.</summary>
    public double Tolerance { get; init; } = 1e-5;

    /// <summary>Most steps tried before giving up.</summary>
    public int MaxSteps { get; init; } = 1_000_000;

    /// <inheritdoc/>
    public override OdeOptions ToOptions() =>
        OdeOptions.Dopri5(Tolerance) with { Method = OdeMethod.Rodas4, MaxSteps = MaxSteps, IndependentRows = true };

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Positive(Tolerance, "A tolerance of zero can never be met.")
        .AtLeast(MaxSteps, 1);
}
