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
        _evaluations++;
        return _field(time, state);
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
