using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Solves dy/dt = f(t, y) with explicit Runge-Kutta methods. With gradients enabled the steps are part of the graph (discretise, then optimise).</summary>
public static class Ode
{
    /// <summary>Solves from the first to the last of <paramref name="times"/>, which may run forwards or backwards.</summary>
    /// <param name="field">The field; called with states of the shape of <paramref name="initial"/>.</param>
    /// <param name="initial">State at the first time, any shape, floating point.</param>
    /// <param name="times">At least two times, strictly increasing or strictly decreasing.</param>
    /// <param name="options">Settings; null takes dopri5 at 1e-5.</param>
    /// <returns>The states at all times; the caller disposes it.</returns>
    /// <exception cref="OdeStepException">The step underflowed or <see cref="OdeOptions.MaxSteps"/> were used up.</exception>
    /// <exception cref="ArgumentException">Times are not monotone, or the initial state is not finite.</exception>
    public static OdeSolution Solve(VelocityField field, Tensor initial, IReadOnlyList<double> times, OdeOptions? options = null)
        => Solve(field, initial, times, (options ?? new OdeOptions()).ThrowIfInvalid(), null);

    /// <summary>The state at <paramref name="end"/> alone, and what it cost.</summary>
    /// <inheritdoc cref="Solve(VelocityField, Tensor, IReadOnlyList{double}, OdeOptions)"/>
    public static (Tensor State, OdeStatistics Statistics) Final(VelocityField field, Tensor initial, double start, double end, OdeOptions? options = null)
    {
        using var scope = NewDisposeScope();
        var solution = Solve(field, initial, [start, end], options);
        return (solution.Final.MoveToOuterDisposeScope(), solution.Statistics);
    }

    /// <summary>Solves until <paramref name="condition"/> changes its sign and finds the time by bisection of the step's interpolant.</summary>
    /// <param name="field">The field.</param>
    /// <param name="initial">State at <paramref name="start"/>.</param>
    /// <param name="start">The first time.</param>
    /// <param name="limit">The event must happen before this time; it also gives the direction.</param>
    /// <param name="condition">The event function g(t, y); the event is its first change of sign.</param>
    /// <param name="options">Settings; fixed-step methods need Steps or StepSize.</param>
    /// <exception cref="OdeStepException">No event up to <paramref name="limit"/>, or the solve failed.</exception>
    public static OdeEvent SolveUntil(VelocityField field, Tensor initial, double start, double limit, Func<double, Tensor, double> condition, OdeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(condition);
        options = (options ?? new OdeOptions()).ThrowIfInvalid();
        Check(field, initial, [start, limit]);
        var first = condition(start, initial);
        if (first == 0) return new OdeEvent(start, initial.alias(), default);
        OdeEvent? found = null;
        using var integrator = Make(field, initial, [start, limit], options with { Output = OdeOutput.Landing }, null);
        while (found is null && integrator.Time != limit)
        {
            integrator.Advance(step =>
            {
                if (Math.Sign(condition(step.End, step.EndState)) == Math.Sign(first)) return;
                var time = Bisect(step, condition, Math.Sign(first));
                found = new OdeEvent(time, step.At(time).MoveToOuterDisposeScope(), default);
            });
        }
        return found is null
            ? throw new OdeStepException($"No event between t = {start:g6} and {limit:g6}: the condition kept its sign ({first:g3} at the start, {condition(integrator.Time, integrator.State):g3} at the end).", integrator.Time, 0)
            : new OdeEvent(found.Time, found.State, integrator.Statistics);
    }

    /// <summary>As the public one; <paramref name="norm"/> replaces the error norm.</summary>
    internal static OdeSolution Solve(VelocityField field, Tensor initial, IReadOnlyList<double> times, OdeOptions options, Func<Tensor, double>? norm)
    {
        Check(field, initial, times);
        using var scope = NewDisposeScope();
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
        return new OdeSolution([.. times], stack(states).MoveToOuterDisposeScope(), integrator.Statistics);
    }

    internal static Integrator Make(VelocityField field, Tensor initial, IReadOnlyList<double> times, OdeOptions options, Func<Tensor, double>? norm)
    {
        var tableau = ButcherTableau.Of(options.Method);
        if (tableau.Error is null) return new FixedStepIntegrator(field, initial, FixedStepIntegrator.Grid(times, options), options);
        var landing = options.Output == OdeOutput.Landing || (options.Output == OdeOutput.Automatic && tableau.Order > 5);
        return new AdaptiveIntegrator(field, initial, times[0], times[^1], landing ? [.. times.Skip(1)] : [], options, norm);
    }

    private static double Bisect(StepInterpolant step, Func<double, Tensor, double> condition, int sign)
    {
        using var noGrad = no_grad();
        double low = step.Start, high = step.End;
        for (var i = 0; i < 60 && low != high; i++)
        {
            using var scope = NewDisposeScope();
            var middle = 0.5 * (low + high);
            if (middle == low || middle == high) break;
            if (Math.Sign(condition(middle, step.At(middle))) == sign) low = middle;
            else high = middle;
        }
        return 0.5 * (low + high);
    }

    internal static void Check(VelocityField field, Tensor initial, IReadOnlyList<double> times)
    {
        ArgumentNullException.ThrowIfNull(field);
        ArgumentNullException.ThrowIfNull(initial);
        ArgumentNullException.ThrowIfNull(times);
        if (times.Count < 2) throw new ArgumentException($"times holds {times.Count} values; a solve needs at least a start and an end.", nameof(times));
        for (var i = 0; i < times.Count; i++)
        {
            if (!double.IsFinite(times[i])) throw new ArgumentException($"times[{i}] is {times[i]}; times must be finite.", nameof(times));
        }
        var direction = Math.Sign(times[^1] - times[0]);
        for (var i = 1; i < times.Count; i++)
        {
            if (Math.Sign(times[i] - times[i - 1]) != direction || direction == 0)
            {
                throw new ArgumentException($"times must be strictly increasing or strictly decreasing; times[{i - 1}] = {times[i - 1]:g6} and times[{i}] = {times[i]:g6}.", nameof(times));
            }
        }
        if (!initial.is_floating_point()) throw new ArgumentException($"initial is of type {initial.dtype}; the state must be floating point.", nameof(initial));
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        FiniteValues.Check(initial, nameof(Ode), nameof(initial));
    }
}
