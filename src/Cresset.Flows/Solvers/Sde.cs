using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>A method for stochastic differential equations.</summary>
public enum SdeMethod
{
    /// <summary>Euler and Maruyama: Ito's solution, strong order 1/2, order 1 where the noise does not depend on the state.</summary>
    EulerMaruyama,

    /// <summary>
    /// Heun's predictor and corrector of the drift (Stratonovich where the noise depends on the state), two evaluations; its drift is of
    /// order 2.
    /// </summary>
    Heun,
}

/// <summary>Solves dy = f(t, y) dt + g(t, y) dW with noise of its own for each value.</summary>
public static class Sde
{
    /// <summary>Walks a grid of times.</summary>
    /// <param name="drift">f, of the state's shape.</param>
    /// <param name="diffusion">g, a tensor that broadcasts to the state.</param>
    /// <param name="initial">State at the first time.</param>
    /// <param name="times">Strictly monotone times; all are steps and all are returned. Against the direction of time the noise has the
    /// same size.</param>
    /// <param name="method">The method.</param>
    /// <param name="generator">Source of the noise.</param>
    /// <param name="cancellation">Stops between two steps.</param>
    /// <returns>The states [times, ...].</returns>
    /// <exception cref="OdeStepException">A state is not finite.</exception>
    public static Tensor Solve(VelocityField drift, Func<double, Tensor, Tensor> diffusion, Tensor initial, IReadOnlyList<double> times,
        SdeMethod method = SdeMethod.EulerMaruyama, Generator? generator = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(diffusion);
        if (!Enum.IsDefined(method))
            throw new ArgumentOutOfRangeException(nameof(method), method,
                $"Unknown method; allowed: {string.Join(", ", Enum.GetNames<SdeMethod>())}.");
        Ode.Check(drift, initial, times);
        using var scope = NewDisposeScope();
        if (HalfStates.Are(initial))
        {
            var type = initial.dtype;
            return Solve(HalfStates.Widened(drift, type), (time, state) => diffusion(time, state.to(type)).to(ScalarType.Float32),
                initial.to(ScalarType.Float32), times, method, generator, cancellation).to(type).MoveToOuterDisposeScope();
        }
        List<Tensor> states = [initial.alias()];
        for (var i = 1; i < times.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var step = NewDisposeScope();
            var next = Step(drift, diffusion, states[^1], times[i - 1], times[i], method, generator);
            if (!next.isfinite().all().ToBoolean())
                throw new OdeStepException(
                    $"{method}: the state is not finite at t = {times[i]:g10}: the step of {times[i] - times[i - 1]:g3} is too long, or "
                        + $"the drift is not finite.", times[i], times[i] - times[i - 1]);
            states.Add(next.MoveToOtherDisposeScope(scope));
        }
        return stack(states).MoveToOuterDisposeScope();
    }

    private static Tensor Step(VelocityField drift, Func<double, Tensor, Tensor> diffusion, Tensor state, double from, double to,
        SdeMethod method, Generator? generator)
    {
        var h = to - from;
        var noise = randn(state.shape, dtype: state.dtype, generator: generator).to(state.device) * Math.Sqrt(Math.Abs(h));
        Tensor slope = drift(from, state), spread = diffusion(from, state);
        if (!slope.shape.SequenceEqual(state.shape))
            throw Cresset.Tensors.Shape.Wrong(slope, $"{Cresset.Tensors.Shape.Text(state)}, the state's",
                "The drift is one slope for each value of the state.", "the drift", nameof(Sde));
        if (!Broadcasts(spread, state))
            throw Cresset.Tensors.Shape.Wrong(spread, $"a shape that broadcasts to the state's {Cresset.Tensors.Shape.Text(state)}",
                "The diffusion is one number, or one for each value of the state.", "the diffusion", nameof(Sde));
        var predicted = state + slope * h + spread * noise;
        if (method == SdeMethod.EulerMaruyama) return predicted;
        return state + (slope + drift(to, predicted)) * (0.5 * h) + (spread + diffusion(to, predicted)) * 0.5 * noise;
    }

    private static bool Broadcasts(Tensor spread, Tensor state)
    {
        long[] own = spread.shape, wanted = state.shape;
        return own.Length <= wanted.Length && own.Reverse().Zip(wanted.Reverse()).All(p => p.First == 1 || p.First == p.Second);
    }
}
