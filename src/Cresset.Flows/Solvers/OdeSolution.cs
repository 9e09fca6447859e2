using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>The states at the requested times.</summary>
public sealed class OdeSolution : IDisposable
{
    internal OdeSolution(double[] times, Tensor states, OdeStatistics statistics)
    {
        Times = times;
        States = states;
        Statistics = statistics;
    }

    /// <summary>The requested times, the first is the start.</summary>
    public IReadOnlyList<double> Times { get; }

    /// <summary>The states [times, ...state].</summary>
    public Tensor States { get; }

    /// <summary>What the solve cost.</summary>
    public OdeStatistics Statistics { get; }

    /// <summary>The state at the last time: a new view the caller owns.</summary>
    public Tensor Final => States[-1];

    /// <inheritdoc/>
    public void Dispose() => States.Dispose();
}

/// <summary>Where an event function crossed zero.</summary>
public sealed class OdeEvent : IDisposable
{
    internal OdeEvent(double time, Tensor timeTensor, Tensor state, OdeStatistics statistics)
    {
        Time = time;
        TimeTensor = timeTensor;
        State = state;
        Statistics = statistics;
    }

    /// <summary>The time of the event.</summary>
    public double Time { get; }

    /// <summary>The time as a scalar float64 tensor with its gradient.</summary>
    public Tensor TimeTensor { get; }

    /// <summary>The state at that time; its gradient holds that the time moves too.</summary>
    public Tensor State { get; }

    /// <summary>What the solve cost.</summary>
    public OdeStatistics Statistics { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        State.Dispose();
        TimeTensor.Dispose();
    }
}
