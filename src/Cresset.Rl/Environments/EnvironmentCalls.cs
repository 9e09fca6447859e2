using System.Runtime.CompilerServices;

namespace Cresset.Rl;

/// <summary>Shorter calls for the common cases: one number as action, one number or an array as observation.</summary>
public static class EnvironmentCalls
{
    /// <summary>Starts an episode and returns the first observation in a new array.</summary>
    public static TObservation[] Reset<TObservation, TAction>(this IEnvironment<TObservation, TAction> environment, ulong? seed = null)
        where TObservation : unmanaged
        where TAction : unmanaged
    {
        var observation = new TObservation[environment.ObservationSpace.Size];
        environment.Reset(observation, seed);
        return observation;
    }

    /// <summary>
    /// Frees what an environment holds beyond memory: a world in another process (<see cref="ProcessSource"/>) or one of your own that is
    /// <see cref="IDisposable"/> is disposed, whatever stands around it.
    /// </summary>
    public static void End(this IEnvironment environment)
    {
        ArgumentNullException.ThrowIfNull(environment);
        (environment.Unwrapped as IDisposable)?.Dispose();
    }

    /// <summary>Takes the action made of a single number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static StepOutcome Step<TObservation, TAction>(this IEnvironment<TObservation, TAction> environment, TAction action,
        Span<TObservation> observation)
        where TObservation : unmanaged
        where TAction : unmanaged
        => environment.Step(new ReadOnlySpan<TAction>(in action), observation);

    /// <summary>Starts an episode of an environment whose observation is a state number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int ResetState(this IEnvironment<int, int> environment, ulong? seed = null)
    {
        var state = 0;
        environment.Reset(new Span<int>(ref state), seed);
        return state;
    }

    /// <summary>Takes an action in an environment whose observation is a state number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static StepOutcome Step(this IEnvironment<int, int> environment, int action, out int state)
    {
        state = 0;
        return environment.Step(new ReadOnlySpan<int>(in action), new Span<int>(ref state));
    }

    /// <summary>Number of states of an environment that shows its state number.</summary>
    /// <exception cref="ArgumentException">The observation is not a single state number.</exception>
    public static int StateCount(this IEnvironment<int, int> environment)
        => environment.ObservationSpace is Discrete space ? space.Count
            : throw new ArgumentException(
                $"{environment.Name} observes {environment.ObservationSpace}; a single state number (Discrete) is needed here.",
                nameof(environment));

    /// <summary>Number of actions of an environment with a single choice.</summary>
    /// <exception cref="ArgumentException">The action is not a single choice.</exception>
    public static int ActionCount<TObservation>(this IEnvironment<TObservation, int> environment)
        where TObservation : unmanaged
        => environment.ActionSpace is Discrete space ? space.Count
            : throw new ArgumentException($"{environment.Name} takes {environment.ActionSpace}; a single choice (Discrete) is needed here.",
                nameof(environment));
}
