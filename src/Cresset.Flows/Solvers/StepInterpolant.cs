using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>The solution inside an accepted step, from t0 to t1. Valid while its step lasts.</summary>
internal sealed class StepInterpolant(ButcherTableau tableau, VelocityField field, double t0, double t1, double step, Tensor state0,
    Tensor state1, Tensor[] slopes, Func<Tensor> endSlope) : IDisposable
{
    // What is made once belongs to the graph of the solve, whoever asks first.
    private readonly bool _building = is_grad_enabled();
    private Tensor? _mid;
    private Tensor? _endSlope;

    public double Start => t0;

    public double End => t1;

    public Tensor EndState => state1;

    public void Dispose()
    {
        _mid?.Dispose();
        _endSlope?.Dispose();
    }

    /// <summary>A copy that outlives its step; <see cref="DisposeKept"/> frees it.</summary>
    public StepInterpolant Keep()
    {
        Tensor Own(Tensor tensor) => tensor.alias().DetachFromDisposeScope();
        Tensor[] own = tableau.Order > 5 ? [Own(slopes[0])] : [.. slopes.Select(Own)];
        _endSlope ??= tableau.Order > 5 ? null : endSlope().alias().DetachFromDisposeScope();
        var end = _endSlope is null ? null : Own(_endSlope);
        return new StepInterpolant(tableau, field, t0, t1, step, Own(state0), Own(state1), own, () => end!);
    }

    /// <summary>Frees the tensors of a copy made by <see cref="Keep"/>.</summary>
    public void DisposeKept()
    {
        state0.Dispose();
        state1.Dispose();
        foreach (var slope in slopes) slope.Dispose();
        if (tableau.Order <= 5) endSlope().Dispose();
        Dispose();
    }

    /// <summary>The state at a time between the two ends. Evaluates the field for methods without an interpolant of their order.</summary>
    public Tensor At(double time)
    {
        var x = (time - t0) / (t1 - t0);
        if (x <= 0) return state0.alias();
        if (x >= 1) return state1.alias();
        if (tableau.Order > 5)
        {
            // No interpolant of order 7: a fresh, shorter step from the start is more accurate than the step itself.
            using var inner = NewDisposeScope();
            return RungeKuttaStep.Take(tableau, field, t0, time, time - t0, state0, slopes[0]).State.MoveToOuterDisposeScope();
        }
        // Made at the first question, inside whatever scope asks: kept out of it, freed with the step.
        using var mode = _building ? enable_grad() : no_grad();
        _endSlope ??= endSlope().alias().DetachFromDisposeScope();
        double x2 = x * x, x3 = x2 * x, x4 = x3 * x;
        if (tableau.Mid is not { } mid)
        {
            return RungeKuttaStep.Combine(
                null,
                [state0, state1, slopes[0], _endSlope],
                [1 - 3 * x2 + 2 * x3, 3 * x2 - 2 * x3, step * (x - 2 * x2 + x3), step * (x3 - x2)],
                1);
        }
        // Quartic through both ends, both slopes and the middle; the weights follow from the five conditions.
        _mid ??= RungeKuttaStep.Combine(state0, slopes, mid, step).DetachFromDisposeScope();
        return RungeKuttaStep.Combine(
            null,
            [state0, state1, _mid, slopes[0], _endSlope],
            [
                1 - 11 * x2 + 18 * x3 - 8 * x4, -5 * x2 + 14 * x3 - 8 * x4, 16 * x2 - 32 * x3 + 16 * x4,
                step * (x - 4 * x2 + 5 * x3 - 2 * x4), step * (x2 - 3 * x3 + 2 * x4),
            ],
            1);
    }
}
