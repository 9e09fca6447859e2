namespace Cresset.Rl;

/// <summary>When a vector environment starts the next episode of a copy whose episode ended (Gymnasium 1.x).</summary>
public enum AutoresetMode
{
    /// <summary>
    /// The step after the end ignores its action and resets: reward 0, first observation. That transition is not a real one:
    /// <see cref="VectorEnvironment{TObservation,TAction}.IsReset"/> marks it, do not store it.
    /// </summary>
    NextStep,

    /// <summary>
    /// The step that ends an episode also resets: the observation is the next episode's first, the last one is in the final observations.
    /// </summary>
    SameStep,

    /// <summary>Nothing is reset; the caller resets by mask before the next step.</summary>
    Disabled,
}
