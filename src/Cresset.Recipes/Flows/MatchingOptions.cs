using Cresset.Flows;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>What is learned between the two clouds.</summary>
internal enum MatchingMethod
{
    /// <summary>The velocity of flow matching.</summary>
    Velocity,

    /// <summary>The average velocity between two times: samples in one step or in a few (Geng et al. 2025).</summary>
    MeanFlow,

    /// <summary>
    /// Velocity and score of a Schroedinger bridge: samples by an ordinary or a stochastic equation (SF2M, Tong et al. 2024).
    /// </summary>
    Bridge,
}

/// <summary>Flow matching between two clouds in the plane, or from noise to digits.</summary>
internal sealed record MatchingOptions : IOptionsRecord
{
    /// <summary>Learn class-conditional digits with a U-Net; otherwise eight Gaussians to moons with a perceptron.</summary>
    public bool Digits { get; init; }

    /// <summary>What is learned; other than the velocity in the plane alone.</summary>
    public MatchingMethod Method { get; init; }

    /// <summary>Deviation of the Brownian motion of a bridge; its batches are paired by the entropic plan that belongs to it.</summary>
    public double BridgeDeviation { get; init; } = 1;

    /// <summary>How source and data of a batch are paired; a bridge pairs by its own plan.</summary>
    public SampleCoupling Coupling { get; init; } = new OptimalTransportCoupling();

    /// <summary>The path between them (without noise about it where a recipe for digits names none).</summary>
    public MatchingPath Path { get; init; } = new StraightPath();

    /// <summary>The solver that carries points of the plane along the learned field, for figures and samples.</summary>
    public OdeSolver Solver { get; init; } = new Dopri5Solver { Tolerance = 1e-4 };

    /// <summary>Width of the network.</summary>
    public int Width { get; init; } = 64;

    /// <summary>Share of labels dropped in training, for guidance.</summary>
    public double LabelDropout { get; init; } = 0.1;

    /// <summary>Guidance scale of pictures.</summary>
    public double Guidance { get; init; } = 2;

    /// <summary>
    /// After this many steps the field in the plane makes pairs and is trained on them (2-rectified flow, Liu et al. 2023); 0 never.
    /// </summary>
    public int ReflowAfter { get; init; }

    /// <summary>Pairs made for that.</summary>
    public int ReflowPairs { get; init; } = 20_000;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Defined(Method)
        .Must(Method == MatchingMethod.Velocity || !Digits, Method, "velocity with Digits",
            "Mean flows and bridges are shown in the plane.")
        .Must(Method == MatchingMethod.Velocity || ReflowAfter == 0, Method, "velocity with ReflowAfter", "Reflow straightens a velocity.")
        .Must(Method == MatchingMethod.Velocity || Path is null || Path.Equals(new StraightPath()), Path,
            "the straight path with this method", "A mean flow and a bridge have paths of their own.", nameof(Path))
        .Positive(BridgeDeviation)
        .Must(Coupling is not null, Coupling, "a coupling (cresset list --couplings)")
        .Must(Path is not null, Path, "a path (cresset list --paths)")
        .Nested(Path)
        .Must(Solver is not null, Solver, "a solver (cresset list --solvers)")
        .Nested(Solver)
        .Within(Width, 8, 4096)
        .Within(LabelDropout, 0, 1, includeMax: false)
        .AtLeast(ReflowAfter, 0)
        .Must(!(Digits && ReflowAfter > 0), ReflowAfter, "0 with Digits", "Reflow is shown in the plane.")
        .Within(ReflowPairs, 1, 10_000_000)
        .AtLeast(Guidance, 0);
}
