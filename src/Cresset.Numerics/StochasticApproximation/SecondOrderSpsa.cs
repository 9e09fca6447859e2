namespace Cresset.Numerics;

/// <summary>Options of <see cref="SecondOrderSpsa"/>.</summary>
public sealed record SecondOrderSpsaOptions : IOptionsRecord
{
    /// <summary>Widths c_k of the gradient estimate.</summary>
    public StepSizeRule Widths { get; init; } = StepSizeRule.Power(0.1, 0.101);

    /// <summary>Widths of the second perturbation that gives the Hessian.</summary>
    public StepSizeRule HessianWidths { get; init; } = StepSizeRule.Power(0.1, 0.101);

    /// <summary>Updates that only collect the Hessian and move as plain SPSA.</summary>
    public long HessianBurnIn { get; init; } = 10;

    /// <summary>Smallest eigenvalue allowed in the Hessian used, relative to its largest (and absolute); greater than 0.</summary>
    public double Regularization { get; init; } = 0.01;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Nested(Widths)
        .Nested(HessianWidths)
        .AtLeast(HessianBurnIn, 0L)
        .Positive(Regularization);
}

/// <summary>
/// Adaptive (second-order) SPSA (Spall 2000): four observations an update give a gradient and a Hessian estimate in any dimension;
/// Hessian estimates are averaged, made positive definite and used as a Newton step <c>x -= a_k H^-1 g</c>.
/// </summary>
public sealed class SecondOrderSpsa : StochasticApproximation
{
    private readonly NoisyObjective _objective;
    private readonly Action<Span<double>> _perturbation;
    private readonly SecondOrderSpsaOptions _second;
    private readonly double[,] _hessian;
    private readonly double[] _delta;
    private readonly double[] _delta2;
    private readonly double[] _gradient;
    private readonly double[] _probe;
    private readonly double[] _shifted;
    private readonly double[] _centre;

    /// <summary>
    /// Minimises <paramref name="objective"/>; both perturbations are random signs from <paramref name="random"/>. Step sizes near
    /// 1/k^0.602 suit a Newton step; that is the default.
    /// </summary>
    public SecondOrderSpsa(NoisyObjective objective, ReadOnlySpan<double> start, RandomStream random, ApproximationOptions? options = null,
        SecondOrderSpsaOptions? second = null)
        : base(start, options ?? new ApproximationOptions { Steps = StepSizeRule.Power(1, 0.602, 10) })
    {
        ArgumentNullException.ThrowIfNull(objective);
        _objective = objective;
        _perturbation = SpsaPerturbation.Signs(random);
        _second = (second ?? new SecondOrderSpsaOptions()).ThrowIfInvalid();
        var d = start.Length;
        _hessian = new double[d, d];
        (_delta, _delta2, _gradient, _probe, _shifted, _centre) = (new double[d], new double[d], new double[d], new double[d],
            new double[d], new double[d]);
    }

    /// <summary>A copy of the averaged Hessian estimate, symmetric [d, d], before it is made positive definite.</summary>
    public double[,] Hessian => (double[,])_hessian.Clone();

    private protected override NoisyObjective? Objective => _objective;

    private protected override void Observe(ReadOnlySpan<double> x, Span<double> direction)
    {
        var d = direction.Length;
        var c = _second.Widths.At(Step);
        var c2 = _second.HessianWidths.At(Step);
        _perturbation(_delta);
        _perturbation(_delta2);
        x.CopyTo(_centre);
        SpsaPerturbation.Fit(Box, _centre, c, _delta, c2, _delta2);
        var above = At(_centre, _delta, c);
        var below = At(_centre, _delta, -c);
        var aboveShifted = Shifted(c, c2);
        var belowShifted = Shifted(-c, c2);
        Evaluations += 4;

        // One-sided gradients at x + cD and x - cD along the second perturbation; their difference is H D (Spall 2000, eq. 2.4).
        var change = (aboveShifted - above - belowShifted + below) / c2;
        var weight = 1.0 / (Step + 1);
        for (var i = 0; i < d; i++)
        {
            _gradient[i] = (above - below) / (2 * c * _delta[i]);
            for (var j = 0; j <= i; j++)
            {
                var estimate = change / (4 * c) * ((1 / (_delta2[i] * _delta[j])) + (1 / (_delta2[j] * _delta[i])));
                _hessian[i, j] += weight * (estimate - _hessian[i, j]);
                _hessian[j, i] = _hessian[i, j];
            }
        }
        if (Step < _second.HessianBurnIn)
        {
            // Too few Hessian estimates yet: a short gradient step, scaled by the trace so that units agree.
            var trace = 0.0;
            for (var i = 0; i < d; i++) trace += Math.Abs(_hessian[i, i]);
            var scale = d / (trace + d);
            for (var i = 0; i < d; i++) direction[i] = scale * _gradient[i];
            return;
        }
        SymmetricEigen.Of(_hessian).SolvePositive(_gradient, _second.Regularization, direction);
    }

    private double At(ReadOnlySpan<double> x, ReadOnlySpan<double> delta, double width)
    {
        SpsaPerturbation.Place(Box, x, delta, width, _probe);
        return Ask(_objective, _probe);
    }

    private double Shifted(double c, double c2)
    {
        for (var i = 0; i < _shifted.Length; i++) _shifted[i] = _centre[i] + (c * _delta[i]);
        return At(_shifted, _delta2, c2);
    }
}
