namespace Cresset.Rl;

/// <summary>
/// Numbers states and actions from 0, as tables are: state or action <c>Start + i</c> of the environment inside is row or column i. What
/// plays with tables puts it around environments whose spaces start elsewhere by itself.
/// </summary>
internal sealed class ZeroBasedStates(IEnvironment<int, int> inner) : Wrapper<int, int>(inner, new Discrete(inner.StateCount()))
{
    private readonly int _start = ((Discrete)inner.ObservationSpace).Start;

    public override void Reset(Span<int> observation, ulong? seed = null)
    {
        Inner.Reset(observation, seed);
        observation[0] -= _start;
    }

    public override StepOutcome Step(ReadOnlySpan<int> action, Span<int> observation)
    {
        var outcome = Inner.Step(action, observation);
        observation[0] -= _start;
        return outcome;
    }
}

/// <summary>Numbers actions from 0.</summary>
/// <typeparam name="TObservation">Element of an observation.</typeparam>
internal sealed class ZeroBasedActions<TObservation>(IEnvironment<TObservation, int> inner)
    : Wrapper<TObservation, int>(inner, actionSpace: new Discrete(inner.ActionCount()))
    where TObservation : unmanaged
{
    private readonly int _start = ((Discrete)inner.ActionSpace).Start;

    public override StepOutcome Step(ReadOnlySpan<int> action, Span<TObservation> observation) =>
        Inner.Step([action[0] + _start], observation);
}

/// <summary>Puts the wrappers around environments that need them.</summary>
internal static class ZeroBased
{
    public static IEnvironment<int, int> FromZero(this IEnvironment<int, int> environment)
    {
        if (environment.ObservationSpace is Discrete { Start: not 0 }) environment = new ZeroBasedStates(environment);
        return environment.ActionsFromZero();
    }

    public static IEnvironment<TObservation, int> ActionsFromZero<TObservation>(this IEnvironment<TObservation, int> environment)
        where TObservation : unmanaged
        => environment.ActionSpace is Discrete { Start: not 0 } ? new ZeroBasedActions<TObservation>(environment) : environment;
}
