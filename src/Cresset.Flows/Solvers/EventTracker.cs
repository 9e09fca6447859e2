using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Follows the signs of event functions from step to step, and finds the times where they change.</summary>
internal sealed class EventTracker
{
    // Points inside a step where signs are looked at: two crossings between two of them go unseen.
    private static readonly double[] Looks = [0.2, 0.4, 0.6, 0.8, 1];

    private readonly VelocityField _field;
    private readonly IReadOnlyList<OdeEventFunction> _functions;
    private readonly double _direction;
    private readonly int[][] _signs;
    private readonly bool[][] _seen;

    public EventTracker(VelocityField field, IReadOnlyList<OdeEventFunction> functions, Tensor initial, double start, double limit)
    {
        (_field, _functions, _direction) = (field, functions, limit < start ? -1 : 1);
        _signs = new int[functions.Count][];
        _seen = new bool[functions.Count][];
        for (var i = 0; i < functions.Count; i++)
        {
            var values = Values(i, start, initial);
            _signs[i] = FirstSigns(i, values, initial, start, Math.Abs(limit - start));
            _seen[i] = new bool[values.Length];
        }
    }

    /// <summary>Whether every element of a terminal function has had its event.</summary>
    public bool IsOver { get; private set; }

    /// <summary>The crossings inside a step in their order, up to the one that ends the solve; their tensors are the caller's.</summary>
    public List<OdeCrossing> In(StepInterpolant step)
    {
        var found = new List<(double Time, int Function, int Element)>();
        double from = step.Start;
        foreach (var look in Looks)
        {
            var to = look == 1 ? step.End : step.Start + look * (step.End - step.Start);
            for (var i = 0; i < _functions.Count; i++)
            {
                int[] now = SignsAt(i, to, step);
                for (var k = 0; k < now.Length; k++)
                {
                    if (now[k] == 0 || now[k] == _signs[i][k]) continue;
                    var before = _signs[i][k];
                    _signs[i][k] = now[k];
                    // A value that was zero until now has left zero, not crossed it.
                    if (before == 0 || !Counts(_functions[i].Direction, now[k])) continue;
                    found.Add((Bisect(step, i, k, from, to, before), i, k));
                }
            }
            from = to;
        }
        List<OdeCrossing> crossings = [];
        foreach (var (time, function, element) in found.OrderBy(f => f.Time * _direction).ThenBy(f => f.Function).ThenBy(f => f.Element))
        {
            crossings.Add(Crossing(step, time, function, element));
            _seen[function][element] = true;
            if (!_functions[function].Terminal || !Array.TrueForAll(_seen[function], s => s)) continue;
            IsOver = true;
            break;
        }
        return crossings;
    }

    private static bool Counts(EventDirection direction, int now)
        => direction switch { EventDirection.Rising => now > 0, EventDirection.Falling => now < 0, _ => true };

    private double[] Values(int function, double time, Tensor state)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var values = _functions[function].Condition(time, state)
            ?? throw new ArgumentException($"Event function {function} returned null at t = {time:g10}.");
        var numbers = values.to(ScalarType.Float64).cpu().flatten().contiguous().data<double>().ToArray();
        if (_seen[function] is { } seen && seen.Length != numbers.Length)
            throw new ArgumentException(
                $"Event function {function} returned {numbers.Length} values at t = {time:g10} and {seen.Length} at the start.");
        for (var k = 0; k < numbers.Length; k++)
        {
            if (double.IsNaN(numbers[k]))
                throw new OdeStepException(
                    $"Event function {function} is NaN at t = {time:g10} (element {k} of {numbers.Length}): it must be a number on the "
                        + $"whole path.", time, 0);
        }
        return numbers;
    }

    // A start on an event, to within rounding, is not an event: the sign is that of where the solve goes from there.
    private int[] FirstSigns(int function, double[] values, Tensor initial, double start, double span)
    {
        var signs = Array.ConvertAll(values, Math.Sign);
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var slope = _field(start, initial);
        // A little way along the tangent, short enough for the rate and long enough to be seen in the state's precision.
        var (way, close) = initial.dtype == ScalarType.Float64 ? (1e-6 * span, 1e-11 * span) : (1e-3 * span, 1e-5 * span);
        var ahead = Values(function, start + _direction * way, initial + slope * (_direction * way));
        for (var k = 0; k < values.Length; k++)
        {
            var rate = (ahead[k] - values[k]) / way;
            if (values[k] == 0 || (rate != 0 && Math.Abs(values[k] / rate) <= close)) signs[k] = Math.Sign(rate);
        }
        return signs;
    }

    private int[] SignsAt(int function, double time, StepInterpolant step)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        return Array.ConvertAll(Values(function, time, time == step.End ? step.EndState : step.At(time)), Math.Sign);
    }

    private double Bisect(StepInterpolant step, int function, int element, double low, double high, int before)
    {
        using var quiet = no_grad();
        for (var i = 0; i < 80; i++)
        {
            using var scope = NewDisposeScope();
            var middle = 0.5 * (low + high);
            if (middle == low || middle == high) break;
            if (Math.Sign(Values(function, middle, step.At(middle))[element]) == before) low = middle;
            else high = middle;
        }
        return 0.5 * (low + high);
    }

    // The implicit function theorem: dt = -dg / (g_t + g_y f), and the state moves along its slope with the time.
    private OdeCrossing Crossing(StepInterpolant step, double time, int function, int element)
    {
        using var scope = NewDisposeScope();
        var state = step.At(time);
        var instant = tensor(time, dtype: ScalarType.Float64);
        if (!is_grad_enabled())
            return new OdeCrossing(function, element, time, instant.MoveToOuterDisposeScope(), state.MoveToOuterDisposeScope());
        var value = _functions[function].Condition(time, state).flatten()[element];
        if (!state.requires_grad && !value.requires_grad)
            return new OdeCrossing(function, element, time, instant.MoveToOuterDisposeScope(), state.MoveToOuterDisposeScope());
        Tensor slope;
        using (no_grad()) slope = _field(time, state).detach();
        var rate = Rate(function, element, time, state, slope);
        if (rate == 0 || !double.IsFinite(rate))
            throw new OdeStepException(
                $"Event function {function} touches zero at t = {time:g10} without crossing it at a speed: the time of the event has no "
                    + $"gradient. Take the solve under no_grad, or another event function.", time, 0);
        var shift = (value - value.detach()) / -rate;
        instant = instant.to(state.device) + shift.to(ScalarType.Float64);
        return new OdeCrossing(function, element, time, instant.MoveToOuterDisposeScope(),
            (state + slope * shift.to(state.dtype)).MoveToOuterDisposeScope());
    }

    // The total derivative of g along the path.
    private double Rate(int function, int element, double time, Tensor state, Tensor slope)
    {
        using var scope = NewDisposeScope();
        var asked = state.detach().requires_grad_(true);
        double along = 0;
        using (enable_grad())
        {
            var value = _functions[function].Condition(time, asked).flatten()[element];
            if (value.requires_grad && Derivatives.Of([value], [asked])[0] is { } gradient)
                along = (gradient * slope).sum().to(ScalarType.Float64).ToDouble();
        }
        // Time is a plain number: its partial derivative by a central difference.
        var h = 1e-6 * Math.Max(1, Math.Abs(time));
        var partial = (Values(function, time + h, asked)[element] - Values(function, time - h, asked)[element]) / (2 * h);
        return along + partial;
    }
}
