using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>
/// The base rate times StartFactor for the first Steps, then the base rate. By default a constant rate; PyTorch's ConstantLR starts at 1/3
/// for 5 steps.
/// </summary>
[Part("constant")]
public sealed record ConstantSchedule : FactorSchedule
{
    /// <summary>Factor at the start, in [0, 1].</summary>
    public double StartFactor { get; init; } = 1;

    /// <summary>Length of the start, at least 0.</summary>
    public double Steps { get; init; }

    /// <summary>The base rate for ever.</summary>
    public static ConstantSchedule Flat { get; } = new();

    /// <inheritdoc/>
    public override double Factor(double position) => position < Steps ? StartFactor : 1;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks) => checks?.Within(StartFactor, 0, 1).AtLeast(Steps, 0.0);
}
