namespace Cresset.Numerics;

/// <summary>
/// The minimum of a function that can only be observed with noise (Kiefer and Wolfowitz 1952; several dimensions: Blum 1954):
/// the gradient is replaced by central differences <c>(F(x + c_k e_i) - F(x - c_k e_i)) / (2 c_k)</c>, 2 d observations an update.
/// </summary>
public sealed class KieferWolfowitz : StochasticApproximation
{
    private readonly NoisyObjective _objective;
    private readonly double[] _probe;

    /// <summary>The usual widths c_k = 1/k^(1/3).</summary>
    public static StepSizeRule DefaultWidths { get; } = StepSizeRule.Power(1, 1.0 / 3);

    /// <summary>Minimises <paramref name="objective"/>; negate it to maximise.</summary>
    /// <param name="objective">The noisy function.</param>
    /// <param name="start">Where to start.</param>
    /// <param name="options">Step sizes a_k and the rest; 1/k by default.</param>
    /// <param name="widths">Widths c_k of the differences.</param>
    public KieferWolfowitz(NoisyObjective objective, ReadOnlySpan<double> start, ApproximationOptions? options = null,
        StepSizeRule? widths = null)
        : base(start, options ?? new ApproximationOptions { Steps = StepSizeRule.SampleMean })
    {
        ArgumentNullException.ThrowIfNull(objective);
        _objective = objective;
        Widths = (widths ?? DefaultWidths).ThrowIfInvalid();
        _probe = new double[start.Length];
    }

    /// <summary>The widths c_k.</summary>
    public StepSizeRule Widths { get; }

    /// <summary>Which of the conditions of convergence hold for steps and widths.</summary>
    public KieferWolfowitzConditions Conditions => KieferWolfowitzConditions.Of(Options.Steps, Widths);

    private protected override NoisyObjective? Objective => _objective;

    private protected override void Observe(ReadOnlySpan<double> x, Span<double> direction)
    {
        var width = Widths.At(Step);
        x.CopyTo(_probe);
        for (var i = 0; i < direction.Length; i++)
        {
            // Within the box: narrower, and about the nearest point that has room on both sides.
            var half = Box.HalfWidth(i, width);
            var centre = Box.Centre(i, x[i], half);
            _probe[i] = Box.Clamp(i, centre + half);
            var above = Ask(_objective, _probe);
            _probe[i] = Box.Clamp(i, centre - half);
            var below = Ask(_objective, _probe);
            _probe[i] = x[i];
            direction[i] = (above - below) / (2 * half);
        }
        Evaluations += 2 * direction.Length;
    }
}
