using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// A solution that can be asked for any time between its ends, by the interpolants of its steps; keeps the states of all steps.
/// </summary>
public sealed class DenseSolution : IDisposable
{
    private readonly List<StepInterpolant> _steps;
    private readonly double _direction;

    internal DenseSolution(List<StepInterpolant> steps, OdeStatistics statistics)
    {
        (_steps, Statistics) = (steps, statistics);
        (Start, End) = (steps[0].Start, steps[^1].End);
        _direction = End < Start ? -1 : 1;
    }

    /// <summary>The first time.</summary>
    public double Start { get; }

    /// <summary>The last time; below <see cref="Start"/> for a solve backwards.</summary>
    public double End { get; }

    /// <summary>The times at which steps ended, the first one included.</summary>
    public IReadOnlyList<double> StepTimes => [Start, .. _steps.Select(s => s.End)];

    /// <summary>What the solve cost, without the evaluations that questions may cost (Dopri8 alone).</summary>
    public OdeStatistics Statistics { get; }

    /// <summary>The state at a time; with gradients where the solve was made with them.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The time lies outside.</exception>
    public Tensor At(double time)
    {
        if (!((time - Start) * _direction >= 0 && (End - time) * _direction >= 0))
            throw new ArgumentOutOfRangeException(nameof(time), time, $"The solution runs from {Start:g9} to {End:g9}.");
        int low = 0, high = _steps.Count - 1;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if ((_steps[middle].End - time) * _direction >= 0) high = middle;
            else low = middle + 1;
        }
        return _steps[low].At(time);
    }

    /// <summary>The states at several times [times, ...].</summary>
    public Tensor At(IReadOnlyList<double> times)
    {
        ArgumentNullException.ThrowIfNull(times);
        using var scope = NewDisposeScope();
        return stack(times.Select(t => At(t))).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var step in _steps) step.DisposeKept();
    }
}
