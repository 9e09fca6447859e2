namespace Cresset.Rl;

/// <summary>What an environment offers, without knowing its elements.</summary>
/// <param name="Observations">Its observation space in words.</param>
/// <param name="Actions">Its action space in words.</param>
/// <param name="HasActionMask">Whether it forbids some of its actions in some states.</param>
/// <param name="MaxEpisodeSteps">Steps after which episodes are cut; null for none.</param>
/// <param name="RewardThreshold">Mean return at which it counts as solved; null where none is usual.</param>
public sealed record EnvironmentFacts(string Observations, string Actions, bool HasActionMask, int? MaxEpisodeSteps,
    double? RewardThreshold)
{
    /// <summary>The facts of an environment with its limit and wrappers.</summary>
    public static EnvironmentFacts Of(EnvironmentSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        var environment = source.Create();
        try
        {
            return EnvironmentElements.Visit(environment, new Facts());
        }
        finally
        {
            environment.End();
        }
    }

    // The bounds of a picture's values would fill pages.
    private static string Words<T>(Space<T> space)
        where T : unmanaged
        => space is Box { Shape: var shape } box ? shape.Length == 0 ? $"Box({box.Size})" : $"Box({string.Join(", ", shape.ToArray())})"
            : space.ToString()!;

    private sealed class Facts : IEnvironmentVisitor<EnvironmentFacts>
    {
        public EnvironmentFacts Visit<TObservation, TAction>(IEnvironment<TObservation, TAction> environment)
            where TObservation : unmanaged
            where TAction : unmanaged
            => new(Words(environment.ObservationSpace), Words(environment.ActionSpace), ActionMasks.Of(environment) is not null,
                environment.MaxEpisodeSteps, environment.RewardThreshold);
    }
}
