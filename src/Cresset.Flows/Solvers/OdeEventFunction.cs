using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Which changes of sign count, seen in the direction of integration.</summary>
public enum EventDirection
{
    /// <summary>Every change of sign.</summary>
    Either,

    /// <summary>From negative to positive.</summary>
    Rising,

    /// <summary>From positive to negative.</summary>
    Falling,
}

/// <summary>
/// An event function g(t, y): an event is where it, or an element of it, crosses zero. A zero at the start of a solve is none.
/// </summary>
/// <param name="Condition">A tensor of any shape; each element has events of its own, so that a condition [N] gives each of N samples its
/// time. Differentiable where gradients are wanted.</param>
public sealed record OdeEventFunction(Func<double, Tensor, Tensor> Condition)
{
    /// <summary>Which crossings count.</summary>
    public EventDirection Direction { get; init; }

    /// <summary>Whether the solve ends once every element has had an event; otherwise events are recorded and the solve goes on.</summary>
    public bool Terminal { get; init; } = true;
}

/// <summary>One crossing of zero.</summary>
/// <param name="Function">Position of its event function in the list that was given.</param>
/// <param name="Element">Element of the condition, in row-major order.</param>
/// <param name="Time">When.</param>
/// <param name="TimeTensor">The time as a scalar float64 tensor with its gradient, that of the implicit equation g(t, y(t)) = 0.</param>
/// <param name="State">The state then; its gradient holds that the time moves too.</param>
public sealed record OdeCrossing(int Function, int Element, double Time, Tensor TimeTensor, Tensor State);

/// <summary>A solve with events.</summary>
public sealed class OdeEvents : IDisposable
{
    internal OdeEvents(IReadOnlyList<OdeCrossing> crossings, double endTime, Tensor endState, bool ended, OdeStatistics statistics)
        => (Crossings, EndTime, EndState, EndedByEvent, Statistics) = (crossings, endTime, endState, ended, statistics);

    /// <summary>The events in the order of integration.</summary>
    public IReadOnlyList<OdeCrossing> Crossings { get; }

    /// <summary>Where the solve ended: the last terminal event, or the limit.</summary>
    public double EndTime { get; }

    /// <summary>The state there.</summary>
    public Tensor EndState { get; }

    /// <summary>Whether a terminal event ended the solve before its limit.</summary>
    public bool EndedByEvent { get; }

    /// <summary>What the solve cost.</summary>
    public OdeStatistics Statistics { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        EndState.Dispose();
        foreach (var crossing in Crossings)
        {
            crossing.TimeTensor.Dispose();
            crossing.State.Dispose();
        }
    }
}
