using Cresset.Numerics;

namespace Cresset.Diffusion;

/// <summary>Variants of the second order.</summary>
public enum SolverVariant
{
    /// <summary>Midpoint (DPM-Solver++), B2 (UniPC).</summary>
    Standard,

    /// <summary>Heun (DPM-Solver++), B1 (UniPC).</summary>
    Alternative,
}

/// <summary>A sampler of flow models by its options: what <c>--sampler</c> and a recipe name.</summary>
[PartKind("sampler")]
public abstract record SamplerOptions : IOptionsRecord
{
    /// <inheritdoc/>
    public virtual IEnumerable<OptionProblem> Validate() => [];

    /// <summary>The noise levels that the sampler walks down.</summary>
    protected internal virtual NoiseTable Table(ScheduleOptions schedule, int steps, double? mu)
        => NoiseTable.FlowMatch(schedule, steps, mu);

    /// <summary>Makes the sampler of one run.</summary>
    protected internal abstract Sampler Make(NoiseTable table);
}

/// <summary>Euler steps along the velocity: SD3's own choice.</summary>
[Part("euler", "Esser et al. 2024, arXiv:2403.03206")]
public sealed record EulerSamplerOptions : SamplerOptions
{
    /// <inheritdoc/>
    protected internal override Sampler Make(NoiseTable table) => new EulerSampler(table, stochastic: false);
}

/// <summary>Heun's method, two evaluations per step.</summary>
[Part("heun", "Karras et al. 2022, arXiv:2206.00364")]
public sealed record HeunSamplerOptions : SamplerOptions
{
    /// <inheritdoc/>
    protected internal override Sampler Make(NoiseTable table) => new HeunSampler(table);
}

/// <summary>Euler steps to the predicted data with fresh noise, as consistency models sample.</summary>
[Part("stochastic-euler", "Song et al. 2023, arXiv:2303.01469", Aliases = ["stochasticeuler"])]
public sealed record StochasticEulerSamplerOptions : SamplerOptions
{
    /// <inheritdoc/>
    protected internal override Sampler Make(NoiseTable table) => new EulerSampler(table, stochastic: true);
}

/// <summary>A sampler that remembers earlier evaluations.</summary>
public abstract record MultistepSamplerOptions : SamplerOptions
{
    /// <summary>Order, 1 to 3.</summary>
    public int Order { get; init; } = 2;

    /// <summary>Variant of the second order.</summary>
    public SolverVariant Variant { get; init; }

    /// <summary>
    /// Walk down SD3's own table with exact times; false takes the coarser one with whole times that diffusers gives these samplers.
    /// </summary>
    public bool UseFlowTable { get; init; } = true;

    /// <inheritdoc/>
    public sealed override IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Order, 1, 3).Defined(Variant);

    /// <inheritdoc/>
    protected internal sealed override NoiseTable Table(ScheduleOptions schedule, int steps, double? mu) =>
        UseFlowTable ? base.Table(schedule, steps, mu) : WholeTimes(schedule, steps);

    private protected virtual NoiseTable WholeTimes(ScheduleOptions schedule, int steps) => NoiseTable.DpmSolver(schedule, steps);
}

/// <summary>DPM-Solver++ multistep.</summary>
[Part("dpm++2m", "Lu et al. 2022, arXiv:2211.01095", Aliases = ["dpm-solver", "dpmsolver"])]
public sealed record DpmSolverOptions : MultistepSamplerOptions
{
    /// <inheritdoc/>
    protected internal override Sampler Make(NoiseTable table) => new DpmSolverSampler(table, Order, Variant, stochastic: false);
}

/// <summary>DPM-Solver++ multistep of the third order.</summary>
[Part("dpm++3m", "Lu et al. 2022, arXiv:2211.01095")]
public sealed record ThirdOrderDpmSolverOptions : MultistepSamplerOptions
{
    /// <summary>The third order.</summary>
    public ThirdOrderDpmSolverOptions() => Order = 3;

    /// <inheritdoc/>
    protected internal override Sampler Make(NoiseTable table) => new DpmSolverSampler(table, Order, Variant, stochastic: false);
}

/// <summary>DPM-Solver++ for stochastic differential equations.</summary>
[Part("dpm++2m-sde", "Lu et al. 2022, arXiv:2211.01095", Aliases = ["stochastic-dpm-solver", "stochasticdpmsolver"])]
public sealed record StochasticDpmSolverOptions : MultistepSamplerOptions
{
    /// <inheritdoc/>
    protected internal override Sampler Make(NoiseTable table) => new DpmSolverSampler(table, Order, Variant, stochastic: true);
}

/// <summary>UniPC: predictor and corrector.</summary>
[Part("unipc", "Zhao et al. 2023, arXiv:2302.04867", Aliases = ["uni-pc"])]
public sealed record UniPcOptions : MultistepSamplerOptions
{
    /// <inheritdoc/>
    protected internal override Sampler Make(NoiseTable table) => new UniPcSampler(table, Order, Variant);

    private protected override NoiseTable WholeTimes(ScheduleOptions schedule, int steps) => NoiseTable.UniPc(schedule, steps);
}

/// <summary>DPM-Solver++ 2M in Stability's own form, which overshoots in 10 steps or fewer.</summary>
[Part("dpm++2m-stability", "Lu et al. 2022, arXiv:2211.01095", Aliases = ["dpm-solver2-m", "dpmsolver2m"])]
public sealed record StabilityDpmSolverOptions : SamplerOptions
{
    /// <inheritdoc/>
    protected internal override Sampler Make(NoiseTable table) => new StabilityDpmSampler(table);
}
