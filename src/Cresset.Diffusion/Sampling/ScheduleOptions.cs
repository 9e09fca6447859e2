using Cresset.Numerics;

namespace Cresset.Diffusion;

/// <summary>How noise levels between the first and the last are spread.</summary>
public enum NoiseSpacing
{
    /// <summary>As the shift gives them.</summary>
    Shifted,

    /// <summary>Karras et al. 2022, rho 7, between the shifted ends.</summary>
    Karras,

    /// <summary>Evenly in the logarithm.</summary>
    Exponential,

    /// <summary>Quantiles of Beta(0.6, 0.6) (Lee et al. 2024).</summary>
    Beta,
}

/// <summary>Form of the shift that depends on the size of the picture.</summary>
public enum DynamicShift
{
    /// <summary>None: the constant <see cref="ScheduleOptions.Shift"/>.</summary>
    None,

    /// <summary>exp(mu) / (exp(mu) + 1/sigma - 1).</summary>
    Exponential,

    /// <summary>mu / (mu + 1/sigma - 1).</summary>
    Linear,
}

/// <summary>The table of noise levels a sampler walks down. Defaults are SD3's.</summary>
public sealed record ScheduleOptions : IOptionsRecord
{
    /// <summary>Times the network was trained on.</summary>
    public int TrainingSteps { get; init; } = 1000;

    /// <summary>Shift s of sigma -> s sigma / (1 + (s - 1) sigma); 3 for 1024-pixel pictures.</summary>
    public double Shift { get; init; } = 3;

    /// <summary>
    /// Shift once only. The released models are run with a table whose ends come from the already shifted training table and are shifted
    /// again, which is the default here too.
    /// </summary>
    public bool ShiftOnce { get; init; }

    /// <summary>A shift that depends on the picture's size instead.</summary>
    public DynamicShift Dynamic { get; init; }

    /// <summary>mu at <see cref="BaseTokens"/> image tokens.</summary>
    public double BaseShift { get; init; } = 0.5;

    /// <summary>mu at <see cref="MaxTokens"/> image tokens.</summary>
    public double MaxShift { get; init; } = 1.15;

    /// <summary>Image tokens for <see cref="BaseShift"/>.</summary>
    public int BaseTokens { get; init; } = 256;

    /// <summary>Image tokens for <see cref="MaxShift"/>.</summary>
    public int MaxTokens { get; init; } = 4096;

    /// <summary>Stretch the table so that its last level before 0 is this; null leaves it.</summary>
    public double? Terminal { get; init; }

    /// <summary>Spacing between the ends.</summary>
    public NoiseSpacing Spacing { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(TrainingSteps, 1)
        .Positive(Shift)
        .Finite(BaseShift)
        .Finite(MaxShift)
        .Defined(Dynamic)
        .Defined(Spacing)
        .Must(MaxTokens != BaseTokens, MaxTokens, "another number than BaseTokens", field: nameof(MaxTokens))
        .Must(Terminal is null or (> 0 and < 1), Terminal, "between 0 and 1, or null", field: nameof(Terminal));

    /// <summary>mu for a number of image tokens, linear between the two settings.</summary>
    public double Mu(long tokens) => BaseShift + ((MaxShift - BaseShift) / (MaxTokens - BaseTokens) * (tokens - BaseTokens));
}
