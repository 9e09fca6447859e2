using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Chooses its steps by the estimated error.</summary>
internal sealed class AdaptiveIntegrator : Integrator
{
    // Gustafsson's exponents, as shares of 1 / order.
    private const double Proportional = 0.85, Integral = 0.2;

    private readonly double _direction;
    private readonly double _span;
    private readonly Func<Tensor, double> _norm;
    private readonly IReadOnlyList<double> _stops;
    private int _nextStop;
    private double _step;
    private double _lastRatio = 1;
    private bool _afterRejection;

    /// <param name="field">The field.</param>
    /// <param name="initial">The state at <paramref name="start"/>.</param>
    /// <param name="start">The first time.</param>
    /// <param name="end">Gives the direction and the scale of time.</param>
    /// <param name="stops">Times that a step must end at, in the direction of integration.</param>
    /// <param name="options">Settings.</param>
    /// <param name="norm">Norm of a scaled error; null takes the options' norm.</param>
    public AdaptiveIntegrator(VelocityField field, Tensor initial, double start, double end, IReadOnlyList<double> stops,
        OdeOptions options, Func<Tensor, double>? norm)
        : base(field, initial, start, options)
    {
        _direction = end < start ? -1 : 1;
        _span = Math.Abs(end - start);
        _stops = stops;
        _norm = norm ?? ErrorNorms.Of(options.Norm);
        _step = options.FirstStep > 0 ? options.FirstStep : FirstStep();
    }

    public override void Advance(Action<StepInterpolant>? accepted)
    {
        while (!Try(accepted))
        {
            if (Accepted + Rejected >= Options.MaxSteps)
            {
                throw new OdeStepException(
                    $"{Options.Method}: {Options.MaxSteps} steps reached only t = {Time:g6}. Loosen the tolerances, raise MaxSteps, or, "
                        + $"where the problem is stiff, use Rodas4.", Time, _direction * _step);
            }
        }
    }

    private bool Try(Action<StepInterpolant>? accepted)
    {
        _step = Math.Clamp(double.IsFinite(_step) ? _step : Options.MinStep, Options.MinStep, Options.MaxStep);
        var t0 = Time;
        var t1 = t0 + _direction * _step;
        var landed = _nextStop < _stops.Count && (t1 - _stops[_nextStop]) * _direction > 0 && (_stops[_nextStop] - t0) * _direction > 0;
        if (landed)
        {
            t1 = _stops[_nextStop];
            _step = Math.Abs(t1 - t0);
        }
        var step = _direction * _step;
        using var scope = NewDisposeScope();
        var slope = StartSlope();
        Tensor state, error;
        Tensor[] slopes;
        if (Options.Method == OdeMethod.Rodas4)
        {
            (state, error) = RosenbrockStep.Take(Evaluate, t0, step, State, slope, Options.IndependentRows);
            slopes = [slope];
        }
        else
        {
            (state, slopes) = RungeKuttaStep.Take(Tableau, Evaluate, t0, t1, step, State, slope);
            using (no_grad()) error = RungeKuttaStep.Combine(null, slopes, Tableau.Error!, step);
        }
        Tensor? end = Tableau.FirstSameAsLast ? slopes[^1] : null;
        var ratio = ErrorRatio(state, error);
        var accept = ratio <= 1 || (_step <= Options.MinStep && double.IsFinite(ratio));
        if (!accept
            && (t0 + step * Options.MinFactor == t0 || _step * Options.MinFactor < 1e-16 * _span
                || (_step <= Options.MinStep && !double.IsFinite(ratio))))
        {
            throw Underflow(t0, step, ratio, slopes, error);
        }
        if (accept)
        {
            end ??= Evaluate(t1, state);
            using var inside = new StepInterpolant(Tableau, Evaluate, t0, t1, step, State, state, slopes, () => end);
            accepted?.Invoke(inside);
            Carry(t1, state, end);
            while (_nextStop < _stops.Count && (_stops[_nextStop] - t1) * _direction <= 0) _nextStop++;
        }
        else
        {
            Rejected++;
        }
        _step *= Factor(ratio, accept);
        return accept;
    }

    private double Factor(double ratio, bool accept)
    {
        if (!double.IsFinite(ratio)) return Options.MinFactor;
        if (ratio == 0) return Options.MaxFactor;
        var exponent = 1.0 / Tableau.Order;
        double factor;
        if (Options.Control == StepControl.Integral || !accept)
        {
            factor = Options.Safety / Math.Pow(ratio, exponent);
            if (ratio < 1) factor = Math.Max(factor, 1);
        }
        else
        {
            factor = Options.Safety * Math.Pow(ratio, -Proportional * exponent) * Math.Pow(_lastRatio, Integral * exponent);
            // Right after a rejection the error is known to be near its limit: growing would be rejected again.
            if (_afterRejection) factor = Math.Min(factor, 1);
        }
        if (accept) _lastRatio = Math.Max(ratio, 1e-4);
        _afterRejection = !accept;
        return Math.Min(Options.MaxFactor, Math.Max(factor, Options.MinFactor));
    }

    private double ErrorRatio(Tensor state, Tensor error)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var tolerance = maximum(State.abs(), state.abs()).mul_(Options.RelativeTolerance).add_(Options.AbsoluteTolerance);
        return _norm(error / tolerance);
    }

    // Hairer, Norsett and Wanner, Solving Ordinary Differential Equations I, II.4.
    private double FirstStep()
    {
        // The slope belongs to the graph of the solve when there is one; the step size does not.
        var slope = StartSlope();
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var scale = State.abs().mul_(Options.RelativeTolerance).add_(Options.AbsoluteTolerance);
        double d0 = _norm(State / scale), d1 = _norm(slope / scale);
        var h0 = d0 < 1e-5 || d1 < 1e-5 || !double.IsFinite(d1) ? 1e-6 : 0.01 * d0 / d1;
        var next = Evaluate(Time + _direction * h0, State + slope * (_direction * h0));
        var d2 = _norm((next - slope) / scale) / h0;
        var h1 = d1 <= 1e-15 && d2 <= 1e-15 ? Math.Max(1e-6, h0 * 1e-3) : Math.Pow(0.01 / Math.Max(d1, d2), 1.0 / Tableau.Order);
        return double.IsFinite(h1) ? Math.Min(100 * h0, h1) : h0;
    }

    private OdeStepException Underflow(double time, double step, double ratio, Tensor[] slopes, Tensor estimate)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var where = $"{Options.Method}: the step underflowed at t = {time:g10} (step {step:g3}, {Accepted} steps taken, {Rejected} "
            + $"rejected)";
        foreach (var slope in slopes)
        {
            var bad = slope.isfinite().logical_not_().flatten().to(ScalarType.Int32);
            if (bad.sum().ToInt64() == 0) continue;
            var index = bad.argmax().ToInt64();
            return new OdeStepException($"{where}: the field is not finite; first bad component {index} of {slope.numel()}.", time, step);
        }
        var error = estimate.detach().abs().flatten();
        var largest = error.argmax().ToInt64();
        return new OdeStepException(
            $"{where}: the error stays {ratio:g3} times the tolerance, most in component {largest} of {error.numel()}. The problem is "
                + $"stiff or the field jumps here: loosen the tolerances, set MinStep, or use a fixed-step method, or Rodas4 where it is "
                + $"stiff.",
            time,
            step);
    }
}
