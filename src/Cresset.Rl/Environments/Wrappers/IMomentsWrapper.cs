namespace Cresset.Rl;

/// <summary>
/// A wrapper that scales by running moments. The moments belong to the policy that learns behind them: a vector environment shares one set
/// among its copies, an agent saves them with its policy, and evaluation and play freeze them.
/// </summary>
public interface IMomentsWrapper
{
    /// <summary>The moments.</summary>
    RunningMoments Moments { get; set; }

    /// <summary>Whether observations are scaled, which a policy then depends on; otherwise rewards.</summary>
    bool ScalesObservations { get; }

    /// <summary>Whether what is seen still changes the moments.</summary>
    bool IsUpdating { get; set; }

    /// <summary>
    /// Whether what is seen waits for <see cref="Commit"/>: copies that share moments are stepped by several threads, and the result must
    /// not depend on their order.
    /// </summary>
    bool IsDeferred { get; set; }

    /// <summary>Takes in what has waited, oldest first.</summary>
    void Commit();
}

/// <summary>Walks through the wrappers of an environment.</summary>
public static class WrapperChain
{
    /// <summary>The environment and everything inside it, outermost first.</summary>
    public static IEnumerable<IEnvironment> Of(IEnvironment environment)
    {
        ArgumentNullException.ThrowIfNull(environment);
        yield return environment;
        while (environment is IWrapper wrapper)
        {
            environment = wrapper.Inner;
            yield return environment;
        }
    }

    /// <summary>The wrappers with running moments, outermost first.</summary>
    public static IReadOnlyList<IMomentsWrapper> MomentsOf(IEnvironment environment) => [.. Of(environment).OfType<IMomentsWrapper>()];
}
