namespace Cresset.Numerics;

/// <summary>
/// Simultaneous perturbation stochastic approximation (Spall 1992): all coordinates are perturbed at once by a random sign vector,
/// so a gradient estimate costs two observations in any dimension: <c>g_i = (F(x + c D) - F(x - c D)) / (2 c D_i)</c>.
/// Signs are needed: a normal or uniform perturbation has no finite E[1/D].
/// </summary>
public sealed class Spsa : StochasticApproximation
{
    private readonly NoisyObjective _objective;
    private readonly Action<Span<double>> _perturbation;
    private readonly int _gradientAverages;
    private readonly double[] _delta;
    private readonly double[] _probe;

    /// <summary>Spall's gains: a_k = a/(k+1+A)^0.602 with a stability constant A of a tenth of the planned updates.</summary>
    public static StepSizeRule Gains(double a, long plannedUpdates) => StepSizeRule.Power(a, 0.602, 0.1 * plannedUpdates);

    /// <summary>Spall's widths: c_k = c/(k+1)^0.101; c is about the standard deviation of the noise.</summary>
    public static StepSizeRule Widths(double c) => StepSizeRule.Power(c, 0.101);

    /// <summary>Minimises <paramref name="objective"/> with random signs from <paramref name="random"/>.</summary>
    /// <param name="objective">The noisy function.</param>
    /// <param name="start">Where to start.</param>
    /// <param name="random">The source of the signs.</param>
    /// <param name="options">Step sizes and the rest; <c>Gains(0.1, 1000)</c> by default.</param>
    /// <param name="widths">Widths c_k; <c>Widths(0.1)</c> by default.</param>
    /// <param name="gradientAverages">Gradient estimates averaged for one update, at least 1.</param>
    public Spsa(NoisyObjective objective, ReadOnlySpan<double> start, RandomStream random, ApproximationOptions? options = null, StepSizeRule? widths = null, int gradientAverages = 1)
        : this(objective, start, SpsaPerturbation.Signs(random), options, widths, gradientAverages)
    {
    }

    /// <summary>The same with perturbations from the caller: fills a vector with numbers whose inverse has a finite mean, symmetric about zero.</summary>
    public Spsa(NoisyObjective objective, ReadOnlySpan<double> start, Action<Span<double>> perturbation, ApproximationOptions? options = null, StepSizeRule? widths = null, int gradientAverages = 1)
        : base(start, options ?? new ApproximationOptions { Steps = Gains(0.1, 1000) })
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
    }

    /// <summary>The widths c_k.</summary>
    public StepSizeRule Width { get; }

    private protected override void Observe(ReadOnlySpan<double> x, Span<double> direction)
    {
        direction.Clear();
        var width = Width.At(Step);
        for (var n = 0; n < _gradientAverages; n++)
        {
            _perturbation(_delta);
            var above = SpsaPerturbation.At(_objective, x, _delta, width, _probe);
            var below = SpsaPerturbation.At(_objective, x, _delta, -width, _probe);
            for (var i = 0; i < direction.Length; i++) direction[i] += (above - below) / (2 * width * _delta[i]) / _gradientAverages;
        }
        Evaluations += 2 * _gradientAverages;
    }
}
