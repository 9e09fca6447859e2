namespace Cresset.Numerics;

/// <summary>
/// Simultaneous perturbation stochastic approximation (Spall 1992): all coordinates are perturbed at once by a random sign vector, so a
/// gradient estimate costs two observations in any dimension: <c>g_i = (F(x + c D) - F(x - c D)) / (2 c D_i)</c>.
/// Signs are needed: a normal or uniform perturbation has no finite E[1/D].
/// </summary>
public sealed class Spsa : StochasticApproximation
{
    private readonly NoisyObjective _objective;
    private readonly Action<Span<double>> _perturbation;
    private readonly int _gradientAverages;
    private readonly double[] _delta;
    private readonly double[] _probe;
    private readonly double[] _centre;

    /// <summary>Spall's gains: a_k = a/(k+1+A)^0.602 with a stability constant A of a tenth of the planned updates.</summary>
    public static StepSizeRule Gains(double a, long plannedUpdates) => StepSizeRule.Power(a, 0.602, 0.1 * plannedUpdates);

    /// <summary>Spall's widths: c_k = c/(k+1)^0.101; c is about the standard deviation of the noise.</summary>
    public static StepSizeRule Widths(double c) => StepSizeRule.Power(c, 0.101);

    /// <summary>Minimises <paramref name="objective"/> with random signs from <paramref name="random"/>.</summary>
    /// <param name="objective">The noisy function.</param>
    /// <param name="start">Where to start.</param>
    /// <param name="random">The source of the signs.</param>
    /// <param name="options">Step sizes and the rest; without them the steps are those of <c>Gains(0.1, 1000)</c> and no move is longer
    /// than a tenth of the start's length (at least 0.1).</param>
    /// <param name="widths">Widths c_k; <c>Widths(0.1)</c> by default.</param>
    /// <param name="gradientAverages">Gradient estimates averaged for one update, at least 1.</param>
    public Spsa(NoisyObjective objective, ReadOnlySpan<double> start, RandomStream random, ApproximationOptions? options = null,
        StepSizeRule? widths = null, int gradientAverages = 1)
        : this(objective, start, SpsaPerturbation.Signs(random), options, widths, gradientAverages)
    {
    }

    /// <summary>
    /// The same with perturbations from the caller: fills a vector with numbers whose inverse has a finite mean, symmetric about zero.
    /// </summary>
    public Spsa(NoisyObjective objective, ReadOnlySpan<double> start, Action<Span<double>> perturbation,
        ApproximationOptions? options = null, StepSizeRule? widths = null, int gradientAverages = 1)
        : base(start,
            options ?? new ApproximationOptions
            {
                Steps = Gains(0.1, 1000),
                MaximumMove = 0.1 * Math.Max(1, Math.Sqrt(SquaredLength(start)))
            })
    {
        ArgumentNullException.ThrowIfNull(objective);
        ArgumentNullException.ThrowIfNull(perturbation);
        ArgumentOutOfRangeException.ThrowIfLessThan(gradientAverages, 1);
        _objective = objective;
        _perturbation = perturbation;
        _gradientAverages = gradientAverages;
        Width = (widths ?? Widths(0.1)).ThrowIfInvalid();
        _delta = new double[start.Length];
        _probe = new double[start.Length];
        _centre = new double[start.Length];
    }

    /// <summary>The widths c_k.</summary>
    public StepSizeRule Width { get; }

    /// <summary>
    /// Step sizes whose first moves are about <paramref name="move"/> long in each coordinate (Spall 1998, section 3.3): the numerator
    /// follows from the mean size of gradient estimates at the start.
    /// </summary>
    /// <param name="objective">The noisy function.</param>
    /// <param name="start">Where to start.</param>
    /// <param name="random">The source of the signs.</param>
    /// <param name="plannedUpdates">Updates that are planned; the stability constant is a tenth of them.</param>
    /// <param name="move">Wanted first change of a coordinate.</param>
    /// <param name="options">Bounds that the probes keep to; null for none.</param>
    /// <param name="widths">Widths c_k; <c>Widths(0.1)</c> by default.</param>
    /// <param name="samples">Gradient estimates, of two observations each.</param>
    /// <exception cref="ArithmeticException">The objective is not finite, or does not change at all.</exception>
    public static StepSizeRule Calibrate(NoisyObjective objective, ReadOnlySpan<double> start, RandomStream random, long plannedUpdates,
        double move = 0.1, ApproximationOptions? options = null, StepSizeRule? widths = null, int samples = 20)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(plannedUpdates);
        ArgumentOutOfRangeException.ThrowIfLessThan(samples, 1);
        if (!(move > 0) || !double.IsFinite(move))
            throw new ArgumentOutOfRangeException(nameof(move), move, "The wanted move must be a positive number.");
        var probe = new Spsa(objective, start, random, options, widths);
        var (direction, sum) = (new double[start.Length], 0.0);
        for (var n = 0; n < samples; n++)
        {
            probe.Observe(start, direction);
            sum += direction.Average(Math.Abs);
        }
        if (sum == 0)
            throw new ArithmeticException(
                "The objective is the same at all probes around the start: there is nothing to take a step size from. Use larger widths or "
                    + "another start.");
        return Gains(move * Math.Pow(1 + (0.1 * plannedUpdates), 0.602) / (sum / samples), plannedUpdates);
    }

    private static double SquaredLength(ReadOnlySpan<double> x)
    {
        var sum = 0.0;
        foreach (var value in x) sum += value * value;
        return sum;
    }

    private protected override NoisyObjective? Objective => _objective;

    private protected override void Observe(ReadOnlySpan<double> x, Span<double> direction)
    {
        direction.Clear();
        var width = Width.At(Step);
        for (var n = 0; n < _gradientAverages; n++)
        {
            _perturbation(_delta);
            x.CopyTo(_centre);
            SpsaPerturbation.Fit(Box, _centre, width, _delta);
            SpsaPerturbation.Place(Box, _centre, _delta, width, _probe);
            var above = Ask(_objective, _probe);
            SpsaPerturbation.Place(Box, _centre, _delta, -width, _probe);
            var below = Ask(_objective, _probe);
            for (var i = 0; i < direction.Length; i++) direction[i] += (above - below) / (2 * width * _delta[i]) / _gradientAverages;
        }
        Evaluations += 2 * _gradientAverages;
    }
}
