using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Walks a given grid of times.</summary>
internal sealed class FixedStepIntegrator : Integrator
{
    private readonly double[] _grid;
    private int _next = 1;

    public FixedStepIntegrator(VelocityField field, Tensor initial, double[] grid, OdeOptions options)
        : base(field, initial, grid[0], options)
        => _grid = grid;

    /// <summary>The grid of the options over the requested times.</summary>
    public static double[] Grid(IReadOnlyList<double> times, OdeOptions options)
    {
        double start = times[0], end = times[^1];
        if (options is { Steps: 0, StepSize: 0 }) return [.. times];
        var count = options.Steps > 0 ? options.Steps : Math.Max(1, (int)Math.Ceiling(Math.Abs(end - start) / options.StepSize - 1e-9));
        var step = options.Steps > 0 ? (end - start) / count : Math.Sign(end - start) * options.StepSize;
        var grid = new double[count + 1];
        for (var i = 0; i < count; i++) grid[i] = start + i * step;
        grid[count] = end;
        return grid;
    }

    public override void Advance(Action<StepInterpolant>? accepted)
    {
        using var scope = NewDisposeScope();
        double t0 = Time, t1 = _grid[_next++], step = t1 - t0;
        var slope = StartSlope();
        var (state, slopes) = RungeKuttaStep.Take(Tableau, Evaluate, t0, t1, step, State, slope);
        Tensor? end = null;
        using var inside = new StepInterpolant(Tableau, Evaluate, t0, t1, step, State, state, slopes,
            () => end = Evaluate(t1, state).alias().DetachFromDisposeScope());
        accepted?.Invoke(inside);
        Carry(t1, state, end);
        end?.Dispose();
    }
}
