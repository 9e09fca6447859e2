namespace Cresset.Numerics;

/// <summary>
/// Root finding on the line that learns the slope on the way (Venter 1967): <c>x_(k+1) = x_k - (mean of Y at x_k + c_k and x_k - c_k -
/// target) / (k B_k)</c>, where B_k is the mean slope seen so far, kept between two bounds. With the right slope the step 1/(k M'(root)) is
/// the best there is, and nobody has to know it beforehand.
/// </summary>
public sealed class Venter : StochasticApproximation
{
    private readonly Func<double, double> _function;
    private readonly double _target;
    private readonly double _least;
    private readonly double _most;
    private double _slopes;

    /// <summary>Finds where M(x) = <paramref name="target"/>; pass the negated function when M decreases.</summary>
    /// <param name="function">The noisy function.</param>
    /// <param name="start">Where to start.</param>
    /// <param name="options">Bounds and the rest; the steps are 1/k unless others are given, and are divided by the slope.</param>
    /// <param name="target">The wanted value.</param>
    /// <param name="widths">Widths c_k; 1/k^(1/4) by default (Venter asks for a power between 0 and 1/2).</param>
    /// <param name="leastSlope">Lower bound of the slope, greater than 0.</param>
    /// <param name="mostSlope">Upper bound of the slope.</param>
    /// <exception cref="ArgumentOutOfRangeException">The bounds of the slope are none.</exception>
    public Venter(Func<double, double> function, double start, ApproximationOptions? options = null, double target = 0,
        StepSizeRule? widths = null, double leastSlope = 0.01, double mostSlope = 1e6)
        : base([start], options ?? new ApproximationOptions { Steps = StepSizeRule.SampleMean })
    {
        ArgumentNullException.ThrowIfNull(function);
        if (!(leastSlope > 0)) throw new ArgumentOutOfRangeException(nameof(leastSlope), leastSlope, "Allowed: greater than 0.");
        if (!(mostSlope > leastSlope))
            throw new ArgumentOutOfRangeException(nameof(mostSlope), mostSlope, $"Allowed: greater than leastSlope ({leastSlope}).");
        (_function, _target, _least, _most) = (function, target, leastSlope, mostSlope);
        Widths = (widths ?? StepSizeRule.Power(1, 0.25)).ThrowIfInvalid();
    }

    /// <summary>The widths c_k.</summary>
    public StepSizeRule Widths { get; }

    /// <summary>The slope in use: the mean of those seen, within its bounds; the lower bound before the first update.</summary>
    public double Slope => Step == 0 ? _least : Math.Clamp(_slopes / Step, _least, _most);

    private protected override void Observe(ReadOnlySpan<double> x, Span<double> direction)
    {
        var half = Box.HalfWidth(0, Widths.At(Step));
        var centre = Box.Centre(0, x[0], half);
        var above = Ask(at => _function(at[0]), [Box.Clamp(0, centre + half)]);
        var below = Ask(at => _function(at[0]), [Box.Clamp(0, centre - half)]);
        Evaluations += 2;
        _slopes += (above - below) / (2 * half);
        direction[0] = (((above + below) / 2) - _target) / Math.Clamp(_slopes / (Step + 1), _least, _most);
    }
}
