using Cresset.Numerics;

namespace Cresset.Diffusion;

/// <summary>How strongly and in which way samples follow the prompt.</summary>
public sealed record GuidanceOptions : IOptionsRecord
{
    /// <summary>
    /// Classifier-free guidance (Ho and Salimans 2022): v = v0 + scale (v1 - v0). 1 or less turns it off, and one evaluation less is made.
    /// </summary>
    public double Scale { get; init; } = 5;

    /// <summary>Rescaling of the guided velocity to the spread of the conditional one (Lin et al. 2023), 0 (none) to 1.</summary>
    public double Rescale { get; init; }

    /// <summary>CFG-zero* (Fan et al. 2025): project the unconditional velocity on the conditional one before guiding.</summary>
    public bool ZeroStar { get; init; }

    /// <summary>With <see cref="ZeroStar"/>: first steps whose velocity is set to zero.</summary>
    public int ZeroSteps { get; init; } = 1;

    /// <summary>Blocks to leave out for skip-layer guidance; empty turns it off. Stability advises 7, 8, 9 for SD3.5 medium.</summary>
    public IReadOnlyList<int> SkipLayers { get; init; } = [];

    /// <summary>Weight of the difference to the network without those blocks.</summary>
    public double SkipScale { get; init; } = 2.8;

    /// <summary>Part of the steps after which skip-layer guidance begins (exclusive).</summary>
    public double SkipStart { get; init; } = 0.01;

    /// <summary>Part of the steps at which it stops (exclusive).</summary>
    public double SkipStop { get; init; } = 0.2;

    /// <summary>True when an unconditional evaluation is made.</summary>
    public bool IsOn => Scale > 1;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(double.IsFinite(Scale) && Scale >= 0, Scale, "0 or more", field: nameof(Scale))
        .Within(Rescale, 0, 1)
        .AtLeast(ZeroSteps, 0)
        .Must(double.IsFinite(SkipScale), SkipScale, "a finite number", field: nameof(SkipScale))
        .Within(SkipStart, 0, 1)
        .Within(SkipStop, 0, 1);
}
