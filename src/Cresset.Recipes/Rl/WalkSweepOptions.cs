using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>Which family of methods is swept over the 19-state walk.</summary>
public enum WalkMethod
{
    /// <summary>n-step TD; the parameter is n.</summary>
    NStep,

    /// <summary>TD(lambda) with accumulating traces.</summary>
    Accumulating,

    /// <summary>TD(lambda) with replacing traces.</summary>
    Replacing,

    /// <summary>True online TD(lambda).</summary>
    TrueOnline,

    /// <summary>The offline lambda-return algorithm.</summary>
    OfflineLambda,
}

/// <summary>A point of a sweep with the book's error.</summary>
/// <param name="Parameter">n or lambda.</param>
/// <param name="StepSize">Alpha.</param>
/// <param name="Value">RMS error over the first episodes.</param>
/// <param name="Tolerance">How far the measured one may be off, standard errors not counted.</param>
public sealed record BookPoint(double Parameter, double StepSize, double Value, double Tolerance);

/// <summary>A sweep over the 19-state walk: figures 7.2 and 12.3 to 12.8 of Sutton and Barto.</summary>
public sealed record WalkSweepOptions : IOptionsRecord
{
    /// <summary>The methods.</summary>
    public WalkMethod Method { get; init; } = WalkMethod.NStep;

    /// <summary>Values of n, or of lambda; empty for the book's.</summary>
    public IReadOnlyList<double> Parameters { get; init; } = [];

    /// <summary>Values of alpha.</summary>
    public IReadOnlyList<double> StepSizes { get; init; } = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

    /// <summary>Runs per point.</summary>
    public int Runs { get; init; } = 100;

    /// <summary>Episodes of a run over which the error is averaged.</summary>
    public int Episodes { get; init; } = 10;

    /// <summary>Seed of the first run.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>The book's errors to compare with.</summary>
    public IReadOnlyList<BookPoint> Book { get; init; } = [];

    /// <summary>The values of n or lambda that are swept.</summary>
    public IReadOnlyList<double> Swept => Parameters.Count > 0 ? Parameters
        : Method == WalkMethod.NStep ? [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] : [0, 0.4, 0.8, 0.9, 0.95, 0.975, 0.99, 1];

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Defined(Method)
        .Must(Swept.All(IsParameter), string.Join(", ", Swept),
            Method == WalkMethod.NStep ? "whole numbers from 1 up (n)" : "values in [0, 1] (lambda)", field: nameof(Parameters))
        .Must(StepSizes.Count > 0 && StepSizes.All(a => a is > 0 and <= 2), string.Join(", ", StepSizes), "values in (0, 2]",
            field: nameof(StepSizes))
        .AtLeast(Runs, 1)
        .AtLeast(Episodes, 1)
        .AtLeast(Seed, 0);

    private bool IsParameter(double value) =>
        Method == WalkMethod.NStep ? value >= 1 && value == Math.Floor(value) : value is >= 0 and <= 1;
}
