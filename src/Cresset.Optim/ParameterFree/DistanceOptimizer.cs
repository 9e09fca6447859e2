using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>Options that the optimizers share which estimate their own rate from the distance to the solution.</summary>
public abstract record DistanceOptions : OptimizerOptions
{
    /// <summary>Sets the rate 1: it multiplies the estimate, and schedules act on it.</summary>
    protected DistanceOptions() => LearningRate = 1;

    /// <summary>First guess of the distance from the start to the solution, greater than 0; too small is safe.</summary>
    public double InitialDistance { get; init; } = 1e-6;

    /// <summary>Largest factor by which the estimate grows in a step, greater than 1; infinity for no limit. 1.02 acts as a warm-up.</summary>
    public double GrowthLimit { get; init; } = double.PositiveInfinity;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
        => checks?.Positive(InitialDistance).Must(GrowthLimit > 1, GrowthLimit, "greater than 1", field: nameof(GrowthLimit));
}

/// <summary>
/// An optimizer that needs no rate: it keeps a lower bound of the distance from the starting weights to the solution, which only grows, and
/// scales its steps by it. The bound is one number for all parameters.
/// </summary>
public abstract class DistanceOptimizer : Optimizer
{
    private protected DistanceOptimizer(IEnumerable<ParameterGroupSpec> groups, DistanceOptions options)
        : base(groups, options) => Distance = options.InitialDistance;

    /// <summary>The present estimate of the distance to the solution; times the learning rate it is the size of a step.</summary>
    public double Distance { get; private protected set; }

    /// <summary>The running numerator of the estimate.</summary>
    private protected double Numerator { get; set; }

    private protected override bool Surveys => true;

    /// <summary>Raises the estimate to <paramref name="bound"/> as far as the limit of growth allows; it never falls.</summary>
    private protected void Raise(double bound)
    {
        if (!double.IsFinite(bound)) return;
        Distance = Math.Max(Distance, Math.Min(bound, Distance * ((DistanceOptions)Options).GrowthLimit));
    }

    private protected static double Dot(Tensor a, Tensor b) => (a * b).sum().ToDouble();

    private protected override IEnumerable<(string Name, double Value)> OwnScalars() => [("distance", Distance), ("numerator", Numerator)];

    private protected override void LoadOwnScalars(IReadOnlyDictionary<string, double> scalars)
    {
        Distance = scalars.GetValueOrDefault("distance", Distance);
        Numerator = scalars.GetValueOrDefault("numerator");
    }
}
