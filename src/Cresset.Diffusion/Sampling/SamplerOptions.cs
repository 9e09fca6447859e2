using Cresset.Numerics;

namespace Cresset.Diffusion;

/// <summary>Samplers for flow models.</summary>
public enum SamplerKind
{
    /// <summary>Euler steps along the velocity: SD3's own choice.</summary>
    Euler,

    /// <summary>Heun's method, two evaluations a step.</summary>
    Heun,

    /// <summary>DPM-Solver++ multistep (Lu et al. 2022) of order 1 to 3.</summary>
    DpmSolver,

    /// <summary>UniPC (Zhao et al. 2023): predictor and corrector of order 1 to 3.</summary>
    UniPc,

    /// <summary>Euler steps to the predicted data with fresh noise (as consistency models sample).</summary>
    StochasticEuler,

    /// <summary>DPM-Solver++ for stochastic differential equations, order 1 to 3.</summary>
    StochasticDpmSolver,

    /// <summary>DPM-Solver++ 2M in Stability's own form, which overshoots in 10 steps or fewer.</summary>
    DpmSolver2M,
}

/// <summary>Variants of the second order.</summary>
public enum SolverVariant
{
    /// <summary>Midpoint (DPM-Solver++), B2 (UniPC).</summary>
    Standard,

    /// <summary>Heun (DPM-Solver++), B1 (UniPC).</summary>
    Alternative,
}

/// <summary>A sampler and its settings.</summary>
public sealed record SamplerOptions : IOptionsRecord
{
    /// <summary>The sampler.</summary>
    public SamplerKind Kind { get; init; }

    /// <summary>Order of DPM-Solver++ and UniPC.</summary>
    public int Order { get; init; } = 2;

    /// <summary>Variant of DPM-Solver++ and UniPC.</summary>
    public SolverVariant Variant { get; init; }

    /// <summary>
    /// Walk DPM-Solver++ and UniPC down SD3's own table with exact times; otherwise down the coarser one with whole times that
    /// diffusers gives these two.
    /// </summary>
    public bool UseFlowTable { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks().Defined(Kind).Within(Order, 1, 3).Defined(Variant);
}
