using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>
/// A wrapper that can be named: in a recipe (<c>wrappers: [normalize-observation, {kind: frame-stack, count: 4}]</c>) and in code alike.
/// </summary>
[PartKind("wrapper")]
public abstract record WrapperSource : IOptionsRecord
{
    /// <summary>Puts the wrapper around an environment.</summary>
    /// <exception cref="ArgumentException">It does not fit the environment.</exception>
    public abstract IEnvironment Wrap(IEnvironment environment);

    /// <inheritdoc/>
    public virtual IEnumerable<OptionProblem> Validate() => [];

    /// <summary>Why the wrapper cannot stand around an environment.</summary>
    private protected ArgumentException Refuse(IEnvironment environment, string needed)
        => new($"The wrapper {PartCatalog.NameOf(GetType())} needs {needed}; {environment.Name} has "
            + $"{EnvironmentElements.Describe(environment)}.");
}
