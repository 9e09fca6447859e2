using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

public static partial class Ode
{
    /// <summary>Solves and keeps what is needed to ask for the state at any time.</summary>
    /// <param name="field">The field.</param>
    /// <param name="initial">State at <paramref name="start"/>.</param>
    /// <param name="start">The first time.</param>
    /// <param name="end">The last time.</param>
    /// <param name="options">Settings; fixed-step methods need Steps or StepSize.</param>
    public static DenseSolution SolveDense(VelocityField field, Tensor initial, double start, double end, OdeOptions? options = null)
    {
        options = (options ?? new OdeOptions()).ThrowIfInvalid();
        Check(field, initial, [start, end]);
        List<StepInterpolant> steps = [];
        using var scope = NewDisposeScope();
        if (HalfStates.Are(initial)) (field, initial) = (HalfStates.Widened(field, initial.dtype), initial.to(ScalarType.Float32));
        using var integrator = Make(field, initial, [start, end], options with { Output = OdeOutput.Landing }, null);
        while (integrator.Time != end) integrator.Advance(step => steps.Add(step.Keep()));
        RequireFinite(integrator.State, [integrator.State], [end], options.Method);
        return new DenseSolution(steps, integrator.Statistics);
    }

    /// <summary>
    /// The steps of a solve one by one: time and state after each accepted step, the start first. States are the caller's.
    /// </summary>
    /// <param name="field">The field.</param>
    /// <param name="initial">State at <paramref name="start"/>.</param>
    /// <param name="start">The first time.</param>
    /// <param name="end">The last time.</param>
    /// <param name="options">Settings; fixed-step methods need Steps or StepSize.</param>
    public static IEnumerable<(double Time, Tensor State)> Steps(VelocityField field, Tensor initial, double start, double end,
        OdeOptions? options = null)
    {
        options = (options ?? new OdeOptions()).ThrowIfInvalid();
        Check(field, initial, [start, end]);
        return HalfStates.Are(initial)
            ? Walk(HalfStates.Widened(field, initial.dtype), initial.to(ScalarType.Float32), start, end, options)
            : Walk(field, initial, start, end, options);
    }

    /// <summary>Solves a system over several tensors, each of its own shape.</summary>
    /// <param name="field">The slopes of all states at a time, in the states' order and shapes.</param>
    /// <param name="initial">The states at the first time, of one floating-point type.</param>
    /// <param name="times">At least two times, strictly monotone.</param>
    /// <param name="options">Settings; null takes dopri5 at 1e-5. The error norm is the largest of the states' root mean squares.</param>
    /// <returns>Each state at all times [times, ...], and what the solve cost.</returns>
    public static (IReadOnlyList<Tensor> States,
        OdeStatistics Statistics) Solve(Func<double, IReadOnlyList<Tensor>, IReadOnlyList<Tensor>> field, IReadOnlyList<Tensor> initial,
            IReadOnlyList<double> times, OdeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(field);
        ArgumentNullException.ThrowIfNull(initial);
        if (initial.Count == 0) throw new ArgumentException("initial is empty; give one state at least.", nameof(initial));
        if (initial.FirstOrDefault(s => s.dtype != initial[0].dtype || s.device_type != initial[0].device_type) is { } other)
            throw new ArgumentException(
                $"initial holds {initial[0].dtype} on {initial[0].device} and {other.dtype} on {other.device}; the states of a system "
                    + $"share one type and device.", nameof(initial));
        using var scope = NewDisposeScope();
        long[][] shapes = [.. initial.Select(s => s.shape)];
        long[] lengths = [.. initial.Select(s => s.numel())];
        Tensor Flat(double time, Tensor flat)
        {
            using var inner = NewDisposeScope();
            var slopes = field(time, Parts(flat));
            if (slopes.Count != shapes.Length)
                throw new ArgumentException($"The field returned {slopes.Count} slopes for {shapes.Length} states.");
            for (var i = 0; i < shapes.Length; i++)
            {
                if (!slopes[i].shape.SequenceEqual(shapes[i]))
                    throw Cresset.Tensors.Shape.Wrong(slopes[i], Cresset.Tensors.Shape.Text(shapes[i]),
                        "One slope for each state, of its shape.", $"slope {i}", nameof(Ode));
            }
            return cat([.. slopes.Select(s => s.flatten())]).MoveToOuterDisposeScope();
        }
        Tensor[] Parts(Tensor flat) => [.. flat.split(lengths, -1).Select((p, i) => p.reshape([.. flat.shape[..^1], .. shapes[i]]))];
        var solution = Solve(Flat, cat([.. initial.Select(s => s.flatten())]), times, (options ?? new OdeOptions()).ThrowIfInvalid(),
            ErrorNorms.Mixed(lengths));
        return ([.. Parts(solution.States).Select(s => s.MoveToOuterDisposeScope())], solution.Statistics);
    }

    /// <summary>
    /// Solves at times that have gradients: the states' gradients reach the times (a later end moves the state along its slope, a later
    /// start moves it back).
    /// </summary>
    /// <param name="field">The field.</param>
    /// <param name="initial">State at the first time.</param>
    /// <param name="times">Strictly monotone times, a floating-point tensor [T].</param>
    /// <param name="options">Settings; null takes dopri5 at 1e-5.</param>
    /// <returns>The states [T, ...] and what the solve cost.</returns>
    public static (Tensor States, OdeStatistics Statistics) SolveAt(VelocityField field, Tensor initial, Tensor times,
        OdeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(field);
        ArgumentNullException.ThrowIfNull(times);
        if (times.dim() != 1 || !times.is_floating_point()) throw Cresset.Tensors.Shape.Wrong(times, "[T] of a floating-point type");
        using var scope = NewDisposeScope();
        double[] values;
        using (no_grad()) values = times.detach().to(ScalarType.Float64).cpu().contiguous().data<double>().ToArray();
        Check(field, initial, values);
        var moved = (times - times.detach()).to(initial.dtype).to(initial.device);
        Tensor SlopeAt(int i, Tensor state)
        {
            using var quiet = no_grad();
            return field(values[i], state.detach()).detach();
        }
        var asked = is_grad_enabled() && times.requires_grad;
        var start = asked ? initial - SlopeAt(0, initial) * moved[0] : initial;
        var solution = Solve(field, start, values, options);
        if (!asked) return (solution.States.MoveToOuterDisposeScope(), solution.Statistics);
        // At the start itself the state is the given one whatever the time.
        var states = Enumerable.Range(0, values.Length)
            .Select(i => i == 0 ? initial : solution.States[i] + SlopeAt(i, solution.States[i]) * moved[i]);
        return (stack(states).MoveToOuterDisposeScope(), solution.Statistics);
    }

    private static IEnumerable<(double Time, Tensor State)> Walk(VelocityField field, Tensor initial, double start, double end,
        OdeOptions options)
    {
        yield return (start, initial.alias());
        using var integrator = Make(field, initial, [start, end], options with { Output = OdeOutput.Landing }, null);
        while (integrator.Time != end)
        {
            integrator.Advance(null);
            yield return (integrator.Time, integrator.State.alias());
        }
    }
}
