using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>Kinds of weight averages.</summary>
public enum WeightAverageKind
{
    /// <summary>a = decay a + (1 - decay) p.</summary>
    Exponential,

    /// <summary>
    /// The mean of all weights taken: Polyak averaging when updated every step, SWA (Izmailov et al. 2018) when updated once per cycle or
    /// epoch.
    /// </summary>
    Uniform,
}

/// <summary>Options of <see cref="WeightAverage"/>.</summary>
public sealed record WeightAverageOptions : IOptionsRecord
{
    /// <summary>The kind.</summary>
    public WeightAverageKind Kind { get; init; }

    /// <summary>Decay of the exponential average, in [0, 1).</summary>
    public double Decay { get; init; } = 0.999;

    /// <summary>Use min(decay, (1 + t) / (10 + t)) at update t, so that the start is forgotten quickly.</summary>
    public bool WarmUp { get; init; }

    /// <summary>
    /// Start from zero and divide by 1 - decay^t when read (Adam's correction) instead of starting from the first weights.
    /// </summary>
    public bool Debias { get; init; }

    /// <summary>Polyak averaging over all steps.</summary>
    public static WeightAverageOptions Polyak { get; } = new() { Kind = WeightAverageKind.Uniform };

    /// <summary>Stochastic weight averaging: the same mean, meant to be updated once per cycle.</summary>
    public static WeightAverageOptions Swa { get; } = new() { Kind = WeightAverageKind.Uniform };

    /// <summary>An exponential average as diffusion and detection models use it.</summary>
    public static WeightAverageOptions Ema(double decay) => new() { Decay = decay };

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Defined(Kind)
        .Within(Decay, 0, 1, includeMax: false)
        .Must(!(Debias && (WarmUp || Kind == WeightAverageKind.Uniform)), Debias, "false with WarmUp or a uniform average",
            field: nameof(Debias));

    internal double WeightAt(long count)
    {
        if (Debias) return 1 - Decay;
        if (count == 0) return 1;
        if (Kind == WeightAverageKind.Uniform) return 1.0 / (count + 1);
        return 1 - (WarmUp ? Math.Min(Decay, (1.0 + count) / (10 + count)) : Decay);
    }
}
