using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Carries a state along a field step by step; the field's calls are counted.</summary>
internal abstract class Integrator : IDisposable
{
    private readonly VelocityField _field;
    private int _evaluations;

    protected Integrator(VelocityField field, Tensor initial, double start, OdeOptions options)
    {
        _field = field;
        Options = options;
        Tableau = ButcherTableau.Of(options.Method);
        Time = start;
        State = initial.alias().DetachFromDisposeScope();
    }

    public double Time { get; protected set; }

    /// <summary>Owned by the integrator.</summary>
    public Tensor State { get; private set; }

    public OdeStatistics Statistics => new(_evaluations, Accepted, Rejected);

    protected OdeOptions Options { get; }

    protected ButcherTableau Tableau { get; }

    protected Tensor? Slope { get; private set; }

    protected int Accepted { get; set; }

    protected int Rejected { get; set; }

    /// <summary>Takes one step; <paramref name="accepted"/> may read the inside of it while the call lasts.</summary>
    public abstract void Advance(Action<StepInterpolant>? accepted);

    public virtual void Dispose()
    {
        State.Dispose();
        Slope?.Dispose();
    }

    protected Tensor Evaluate(double time, Tensor state)
    {
        var slope = _field(time, state);
        // Once: the shape of what a field returns does not change from call to call.
        if (_evaluations++ == 0) CheckSlope(slope, state);
        return slope;
    }

    private static void CheckSlope(Tensor slope, Tensor state)
    {
        if (slope is null) throw new ArgumentException("The field returned null; it must return the slope, a tensor of the state's shape.");
        if (slope.dim() != state.dim() || !slope.shape.AsSpan().SequenceEqual(state.shape))
            throw Cresset.Tensors.Shape.Wrong(slope, $"{Cresset.Tensors.Shape.Text(state)}, the state's",
                "The field returns one slope for each value of the state.", "the field's slope", nameof(Ode));
        if (!slope.is_floating_point())
            throw new ArgumentException($"The field returned a slope of type {slope.dtype}; the state is of type {state.dtype}.");
        if (slope.device_type != state.device_type)
            throw new ArgumentException($"The field returned a slope on {slope.device}; the state is on {state.device}.");
    }

    /// <summary>Slope at the start of the step, from the step before where that is known.</summary>
    protected Tensor StartSlope()
    {
        if (Slope is not null) return Slope;
        using var scope = NewDisposeScope();
        // A field may hand out a tensor of its own: an alias is ours to dispose.
        return Slope = Evaluate(Time, State).alias().DetachFromDisposeScope();
    }

    /// <summary>Moves on to the end of a step.</summary>
    protected void Carry(double time, Tensor state, Tensor? slope)
    {
        State.Dispose();
        Slope?.Dispose();
        Time = time;
        State = state.DetachFromDisposeScope();
        Slope = slope?.alias().DetachFromDisposeScope();
        Accepted++;
    }
}
