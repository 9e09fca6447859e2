using Cresset.Flows;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>Kinds of flows over vectors.</summary>
public enum FlowFamily
{
    /// <summary>Additive couplings.</summary>
    Nice,

    /// <summary>Affine couplings.</summary>
    RealNvp,

    /// <summary>Rational-quadratic spline couplings.</summary>
    SplineCoupling,

    /// <summary>Autoregressive affine transforms.</summary>
    Maf,

    /// <summary>Autoregressive rational-quadratic splines.</summary>
    Spline,

    /// <summary>A continuous flow with the exact trace.</summary>
    Ffjord,

    /// <summary>Glow; images only.</summary>
    Glow,
}

/// <summary>A flow that learns a density in the plane.</summary>
public sealed record PlaneFlowOptions : IOptionsRecord
{
    /// <summary>The density.</summary>
    public PlaneDensity Density { get; init; } = PlaneDensity.Moons;

    /// <summary>The flow; not Glow.</summary>
    public FlowFamily Family { get; init; } = FlowFamily.RealNvp;

    /// <summary>Number of transforms.</summary>
    public int Transforms { get; init; } = 8;

    /// <summary>Width of the hidden layers.</summary>
    public int Width { get; init; } = 128;

    /// <summary>Number of hidden layers.</summary>
    public int Layers { get; init; } = 2;

    /// <summary>Bins of a spline.</summary>
    public int Bins { get; init; } = 8;

    /// <summary>Splines act on [-bound, bound].</summary>
    public double Bound { get; init; } = 5;

    /// <summary>Tolerance of the solver of a continuous flow.</summary>
    public double Tolerance { get; init; } = 1e-4;

    /// <summary>Widths and heights of bins are scaled down by the root of the width, as in Durkan et al. 2019: splines then start near even bins.</summary>
    public bool ScaleBins { get; init; }

    /// <summary>A safetensors file with the points to judge by, named moons, 8gaussians and checkerboard [N, 2]; empty draws 5,000.</summary>
    public string TestPoints { get; init; } = "";

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Defined(Density)
        .Must(Enum.IsDefined(Family) && Family != FlowFamily.Glow, Family, "a family over vectors", "Glow learns images: see glow-digits.")
        .Within(Transforms, 1, 1000)
        .Within(Width, 1, 100_000)
        .Within(Layers, 1, 100)
        .Within(Bins, 2, 256)
        .Positive(Bound)
        .Positive(Tolerance);

    internal DensityModel Create(int features)
    {
        var hidden = Enumerable.Repeat(Width, Layers).ToArray();
        if (Family == FlowFamily.Ffjord)
        {
            var field = new MlpVelocity(new MlpVelocityOptions { Features = features, Hidden = hidden, Activation = FlowActivation.Softplus });
            return new ContinuousFlow(field, new NormalBase(features), new CnfOptions { Solver = OdeOptions.Dopri5(Tolerance) });
        }
        var options = new VectorFlowOptions { Features = features, Transforms = Transforms, Hidden = hidden, Spline = SplineOptions.Bounded(Bound, Bins) with { RawScale = ScaleBins ? 1 / Math.Sqrt(Width) : 1 } };
        return Family switch
        {
            FlowFamily.Nice => new Nice(options),
            FlowFamily.RealNvp => new RealNvp(options),
            FlowFamily.SplineCoupling => new NeuralSplineCouplingFlow(options),
            FlowFamily.Maf => new Maf(options),
            FlowFamily.Spline => new NeuralSplineFlow(options),
            _ => throw new ArgumentOutOfRangeException(nameof(features), Family, "Unknown family."),
        };
    }
}
