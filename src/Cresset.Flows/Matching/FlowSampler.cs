using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Carries source samples along a velocity field to data: any solver, any number of steps.</summary>
public static class FlowSampler
{
    /// <summary>Samples at t = 1 from source samples at t = 0. The field is never asked outside [0, 1].</summary>
    /// <param name="field">The field.</param>
    /// <param name="source">Source samples [N, ...].</param>
    /// <param name="options">Solver; null takes dopri5 at 1e-4.</param>
    /// <param name="end">The last time: below 1 for paths whose velocity is infinite there.</param>
    public static (Tensor Samples, OdeStatistics Statistics) Sample(VelocityField field, Tensor source, OdeOptions? options = null,
        double end = 1)
    {
        if (!(end > 0 && end <= 1)) throw new ArgumentOutOfRangeException(nameof(end), end, "The last time must lie in (0, 1].");
        using var noGrad = no_grad();
        return Ode.Final(field, source, 0, end, Bounded(options));
    }

    /// <summary>The states at the given times: a picture of how particles move. States [times, N, ...].</summary>
    public static OdeSolution Trajectory(VelocityField field, Tensor source, IReadOnlyList<double> times, OdeOptions? options = null)
    {
        using var noGrad = no_grad();
        return Ode.Solve(field, source, times, Bounded(options));
    }

    /// <summary>Data back to the source: the way of sampling backwards.</summary>
    public static (Tensor Source, OdeStatistics Statistics) Encode(VelocityField field, Tensor data, OdeOptions? options = null)
    {
        using var noGrad = no_grad();
        return Ode.Final(field, data, 1, 0, Bounded(options));
    }

    /// <summary>Samples along a grid of times with a fixed-step method, as few-step samplers do.</summary>
    /// <param name="field">The field.</param>
    /// <param name="source">Source samples at the grid's first time.</param>
    /// <param name="grid">Increasing times, see <see cref="Grid"/>.</param>
    /// <param name="method">A fixed-step method.</param>
    /// <param name="progress">Told the number of steps done.</param>
    /// <param name="cancellation">Stops between two steps.</param>
    public static Tensor Sample(VelocityField field, Tensor source, IReadOnlyList<double> grid, OdeMethod method = OdeMethod.Euler,
        IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        if (method.IsAdaptive())
            throw new ArgumentException(
                $"{method} chooses its own steps; a grid needs a fixed-step method such as Euler, Heun or Midpoint.", nameof(method));
        Ode.Check(field, source, grid);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var type = source.dtype;
        if (HalfStates.Are(source)) (field, source) = (HalfStates.Widened(field, type), source.to(ScalarType.Float32));
        using var integrator = new FixedStepIntegrator(field, source, [.. grid], new OdeOptions { Method = method });
        for (var i = 1; i < grid.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            integrator.Advance(null);
            progress?.Report(i);
        }
        Ode.RequireFinite(integrator.State, [integrator.State], [integrator.Time], method);
        return integrator.State.to(type).alias().MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Times 0 .. 1 in <paramref name="steps"/> steps; a shift above 1 spends more of them near the noise, as high resolutions need (Esser
    /// et al. 2024, equation 23).
    /// </summary>
    public static double[] Grid(int steps, double shift = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        if (!(shift > 0) || !double.IsFinite(shift))
            throw new ArgumentOutOfRangeException(nameof(shift), shift, "The shift must be finite and greater than 0.");
        // The paper's time runs from the noise at 1: s = 1 - t, shifted to a s / (1 + (a - 1) s).
        return [.. Enumerable.Range(0, steps + 1).Select(i =>
        {
            var noise = 1 - (double)i / steps;
            return 1 - shift * noise / (1 + (shift - 1) * noise);
        })];
    }

    private static OdeOptions Bounded(OdeOptions? options)
    {
        options ??= OdeOptions.Dopri5(1e-4);
        return options.Output == OdeOutput.Automatic ? options with { Output = OdeOutput.Landing } : options;
    }
}
