using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// Solves dy/dt = f(t, y) with explicit Runge-Kutta methods, and with a Rosenbrock method where it is stiff. With gradients enabled the
/// steps are part of the graph (discretise, then optimise). States of 16 bits are carried in float32 between the calls of the field; dense
/// solutions, events and steps give them so.
/// </summary>
public static partial class Ode
{
    /// <summary>Solves from the first to the last of <paramref name="times"/>, which may run forwards or backwards.</summary>
    /// <param name="field">The field; called with states of the shape of <paramref name="initial"/>.</param>
    /// <param name="initial">State at the first time, any shape, floating point.</param>
    /// <param name="times">At least two times, strictly increasing or strictly decreasing.</param>
    /// <param name="options">Settings; null takes dopri5 at 1e-5.</param>
    /// <returns>The states at all times; the caller disposes it.</returns>
    /// <exception cref="OdeStepException">The step underflowed, <see cref="OdeOptions.MaxSteps"/> were used up, or the last state is not
    /// finite.</exception>
    /// <exception cref="ArgumentException">Times are not monotone, or the initial state is not finite.</exception>
    public static OdeSolution Solve(VelocityField field, Tensor initial, IReadOnlyList<double> times, OdeOptions? options = null)
        => Solve(field, initial, times, (options ?? new OdeOptions()).ThrowIfInvalid(), null);

    /// <summary>The state at <paramref name="end"/> alone, and what it cost.</summary>
    /// <inheritdoc cref="Solve(VelocityField, Tensor, IReadOnlyList{double}, OdeOptions)"/>
    public static (Tensor State, OdeStatistics Statistics) Final(VelocityField field, Tensor initial, double start, double end,
        OdeOptions? options = null)
    {
        using var scope = NewDisposeScope();
        var solution = Solve(field, initial, [start, end], options);
        return (solution.Final.MoveToOuterDisposeScope(), solution.Statistics);
    }

    /// <summary>
    /// Solves until <paramref name="condition"/> changes its sign and finds the time by bisection of the step's interpolant.
    /// </summary>
    /// <param name="field">The field.</param>
    /// <param name="initial">State at <paramref name="start"/>; a zero of the condition there is no event.</param>
    /// <param name="start">The first time.</param>
    /// <param name="limit">The event must happen before this time; it also gives the direction.</param>
    /// <param name="condition">The event function g(t, y); the event is its first change of sign. Where the state needs a gradient, g is
    /// differentiated by differences: give the function as a tensor for exact ones.</param>
    /// <param name="options">Settings; fixed-step methods need Steps or StepSize.</param>
    /// <exception cref="OdeStepException">No event up to <paramref name="limit"/>, or the solve failed.</exception>
    public static OdeEvent SolveUntil(VelocityField field, Tensor initial, double start, double limit,
        Func<double, Tensor, double> condition, OdeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(condition);
        return SolveUntil(field, initial, start, limit, new NumberCondition(condition).Evaluate, options);
    }

    /// <summary>As above, for an event function that gives a tensor of one element and is differentiable.</summary>
    public static OdeEvent SolveUntil(VelocityField field, Tensor initial, double start, double limit,
        Func<double, Tensor, Tensor> condition, OdeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(condition);
        using var scope = NewDisposeScope();
        var solved = SolveEvents(field, initial, start, limit, [new OdeEventFunction(condition)], options);
        if (!solved.EndedByEvent)
        {
            using var quiet = no_grad();
            double first = condition(start, initial).to(ScalarType.Float64).flatten()[0].ToDouble(),
                last = condition(limit, solved.EndState).to(ScalarType.Float64).flatten()[0].ToDouble();
            throw new OdeStepException(
                $"No event between t = {start:g6} and {limit:g6}: the condition kept its sign ({first:g3} at the start, {last:g3} at the "
                    + $"end).", limit, 0);
        }
        var event_ = solved.Crossings[^1];
        return new OdeEvent(event_.Time, event_.TimeTensor.MoveToOuterDisposeScope(), event_.State.MoveToOuterDisposeScope(),
            solved.Statistics);
    }

    /// <summary>
    /// Solves from <paramref name="start"/> to <paramref name="limit"/> and records the events of several functions, with the gradients of
    /// their times and states; ends early once every element of a terminal function has had an event.
    /// </summary>
    /// <param name="field">The field.</param>
    /// <param name="initial">State at <paramref name="start"/>.</param>
    /// <param name="start">The first time.</param>
    /// <param name="limit">The last time; may lie before the first.</param>
    /// <param name="events">The event functions, looked at five times per step: two crossings closer than that go unseen (bound
    /// <see cref="OdeOptions.MaxStep"/>).</param>
    /// <param name="options">Settings; fixed-step methods need Steps or StepSize.</param>
    /// <exception cref="OdeStepException">The solve failed, or an event function is NaN.</exception>
    public static OdeEvents SolveEvents(VelocityField field, Tensor initial, double start, double limit,
        IReadOnlyList<OdeEventFunction> events, OdeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(events);
        if (events.Count == 0)
            throw new ArgumentException("events is empty; give at least one event function, or use Solve.", nameof(events));
        options = (options ?? new OdeOptions()).ThrowIfInvalid();
        Check(field, initial, [start, limit]);
        using var scope = NewDisposeScope();
        if (HalfStates.Are(initial)) (field, initial) = (HalfStates.Widened(field, initial.dtype), initial.to(ScalarType.Float32));
        var tracker = new EventTracker(field, events, initial, start, limit);
        List<OdeCrossing> crossings = [];
        using var integrator = Make(field, initial, [start, limit], options with { Output = OdeOutput.Landing }, null);
        while (!tracker.IsOver && integrator.Time != limit)
        {
            integrator.Advance(step =>
            {
                foreach (var crossing in tracker.In(step))
                {
                    crossing.TimeTensor.MoveToOtherDisposeScope(scope);
                    crossing.State.MoveToOtherDisposeScope(scope);
                    crossings.Add(crossing);
                }
            });
        }
        foreach (var crossing in crossings)
        {
            crossing.TimeTensor.MoveToOuterDisposeScope();
            crossing.State.MoveToOuterDisposeScope();
        }
        RequireFinite(integrator.State, [integrator.State], [integrator.Time], options.Method);
        var end = tracker.IsOver ? crossings[^1].State.alias() : integrator.State.alias();
        return new OdeEvents(crossings, tracker.IsOver ? crossings[^1].Time : limit, end.MoveToOuterDisposeScope(), tracker.IsOver,
            integrator.Statistics);
    }

    /// <summary>As the public one; <paramref name="norm"/> replaces the error norm.</summary>
    internal static OdeSolution Solve(VelocityField field, Tensor initial, IReadOnlyList<double> times, OdeOptions options,
        Func<Tensor, double>? norm)
    {
        Check(field, initial, times);
        using var scope = NewDisposeScope();
        if (HalfStates.Are(initial))
        {
            var wide = Solve(HalfStates.Widened(field, initial.dtype), initial.to(ScalarType.Float32), times, options, norm);
            return new OdeSolution([.. times], wide.States.to(initial.dtype).MoveToOuterDisposeScope(), wide.Statistics);
        }
        if (initial.numel() == 0)
            return new OdeSolution([.. times], stack([.. times.Select(_ => initial)]).MoveToOuterDisposeScope(), default);
        var states = new Tensor[times.Count];
        states[0] = initial.alias();
        var direction = Math.Sign(times[^1] - times[0]);
        var next = 1;
        using var integrator = Make(field, initial, times, options, norm);
        while (next < states.Length)
        {
            integrator.Advance(step =>
            {
                while (next < states.Length && (times[next] - step.End) * direction <= 0)
                {
                    states[next] = step.At(times[next]).MoveToOuterDisposeScope();
                    next++;
                }
            });
        }
        RequireFinite(states[^1], states, times, options.Method);
        return new OdeSolution([.. times], stack(states).MoveToOuterDisposeScope(), integrator.Statistics);
    }

    /// <summary>A method that chooses its steps stops where the field breaks; one of fixed steps would hand NaN on in silence.</summary>
    internal static void RequireFinite(Tensor last, IReadOnlyList<Tensor> states, IReadOnlyList<double> times, OdeMethod method)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        if (last.isfinite().all().ToBoolean()) return;
        var i = 0;
        while (i < states.Count - 1 && states[i].isfinite().all().ToBoolean()) i++;
        throw new OdeStepException(
            $"{method}: the state is not finite at t = {times[i]:g10}: the steps are too long for this field, or the field is not finite "
                + $"on the way there. Take more steps, or a method that chooses them (dopri5).", times[i], 0);
    }

    internal static Integrator Make(VelocityField field, Tensor initial, IReadOnlyList<double> times, OdeOptions options,
        Func<Tensor, double>? norm)
    {
        var tableau = ButcherTableau.Of(options.Method);
        if (tableau.Error is null) return new FixedStepIntegrator(field, initial, FixedStepIntegrator.Grid(times, options), options);
        var landing = options.Output == OdeOutput.Landing || (options.Output == OdeOutput.Automatic && tableau.Order > 5);
        return new AdaptiveIntegrator(field, initial, times[0], times[^1], landing ? [.. times.Skip(1)] : [], options, norm);
    }

    internal static void Check(VelocityField field, Tensor initial, IReadOnlyList<double> times)
    {
        ArgumentNullException.ThrowIfNull(field);
        ArgumentNullException.ThrowIfNull(initial);
        ArgumentNullException.ThrowIfNull(times);
        if (times.Count < 2)
            throw new ArgumentException($"times holds {times.Count} values; a solve needs at least a start and an end.", nameof(times));
        for (var i = 0; i < times.Count; i++)
        {
            if (!double.IsFinite(times[i])) throw new ArgumentException($"times[{i}] is {times[i]}; times must be finite.", nameof(times));
        }
        var direction = Math.Sign(times[^1] - times[0]);
        for (var i = 1; i < times.Count; i++)
        {
            if (Math.Sign(times[i] - times[i - 1]) != direction || direction == 0)
            {
                throw new ArgumentException(
                    $"times must be strictly increasing or strictly decreasing; times[{i - 1}] = {times[i - 1]:g6} and times[{i}] = "
                        + $"{times[i]:g6}.", nameof(times));
            }
        }
        if (!initial.is_floating_point())
            throw new ArgumentException($"initial is of type {initial.dtype}; the state must be floating point.", nameof(initial));
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        FiniteValues.Check(initial, nameof(Ode), nameof(initial));
    }

    // A condition that gives a number: its gradient to the state by central differences, when one is wanted.
    private sealed class NumberCondition(Func<double, Tensor, double> condition)
    {
        private const int Most = 4096;

        public Tensor Evaluate(double time, Tensor state)
        {
            using var scope = NewDisposeScope();
            double value;
            using (no_grad()) value = condition(time, state.detach());
            var result = tensor(value, dtype: ScalarType.Float64);
            if (!is_grad_enabled() || !state.requires_grad) return result.MoveToOuterDisposeScope();
            if (state.numel() > Most)
                throw new NotSupportedException(
                    $"The state has {state.numel()} values and needs gradients, and the event function gives a number: give it as a "
                        + $"tensor, (t, y) => y[0], so that it can be differentiated.");
            var gradient = Differences(time, state.detach()).to(state.dtype).to(state.device);
            var linear = (gradient * (state - state.detach())).sum();
            return (result.to(state.device) + linear.to(ScalarType.Float64)).MoveToOuterDisposeScope();
        }

        private Tensor Differences(double time, Tensor state)
        {
            using var quiet = no_grad();
            var values = state.to(ScalarType.Float64).cpu().flatten().contiguous().data<double>().ToArray();
            var found = new double[values.Length];
            var relative = state.dtype == ScalarType.Float64 ? 6e-6 : 5e-3;
            for (var i = 0; i < values.Length; i++)
            {
                var h = relative * Math.Max(1, Math.Abs(values[i]));
                double At(double moved)
                {
                    using var scope = NewDisposeScope();
                    var point = (double[])values.Clone();
                    point[i] = moved;
                    return condition(time, tensor(point).reshape(state.shape).to(state.dtype).to(state.device));
                }
                found[i] = (At(values[i] + h) - At(values[i] - h)) / (2 * h);
            }
            return tensor(found).reshape(state.shape);
        }
    }
}
