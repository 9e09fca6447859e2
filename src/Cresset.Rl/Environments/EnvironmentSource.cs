using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>
/// An environment that can be named: in a recipe (<c>environment: {kind: thermostat, target: 19}</c>), on the command line and in code
/// alike. A user's own record derives from it, says its options as properties and makes the environment in <see cref="Make"/>.
/// </summary>
[PartKind("environment")]
public abstract record EnvironmentSource : IOptionsRecord
{
    /// <summary>Steps after which an episode is cut; null takes the environment's own limit.</summary>
    public int? MaxEpisodeSteps { get; init; }

    /// <summary>Wrappers around the environment and its time limit, the innermost first.</summary>
    public IReadOnlyList<WrapperSource> Wrappers { get; init; } = [];

    /// <summary>What it is called in titles and lists.</summary>
    public virtual string Name => PartCatalog.NameOf(GetType()) ?? GetType().Name;

    /// <summary>The heading under which it is listed.</summary>
    public virtual string Group => "own";

    /// <summary>Mean return at which the task counts as solved; null leaves that to the environment.</summary>
    protected internal virtual double? SolvedAt => null;

    /// <summary>Makes the bare environment.</summary>
    public abstract IEnvironment Make();

    /// <summary>Makes the environment with its time limit and its wrappers.</summary>
    /// <exception cref="ArgumentException">A wrapper does not fit what it is put around.</exception>
    public IEnvironment Create()
    {
        var environment = Make();
        try
        {
            if ((MaxEpisodeSteps ?? environment.MaxEpisodeSteps) is { } limit)
                environment = EnvironmentElements.Visit(environment, new Limit(limit, SolvedAt));
            foreach (var wrapper in Wrappers) environment = wrapper.Wrap(environment);
            return environment;
        }
        catch
        {
            environment.End();
            throw;
        }
    }

    /// <summary>Makes the environment with its time limit and its wrappers, with these elements.</summary>
    /// <exception cref="ArgumentException">It has other observations or actions.</exception>
    public IEnvironment<TObservation, TAction> Create<TObservation, TAction>()
        where TObservation : unmanaged
        where TAction : unmanaged
    {
        var made = Create();
        if (made is IEnvironment<TObservation, TAction> environment) return environment;
        made.End();
        throw new ArgumentException(
            $"{Name} has {EnvironmentElements.Describe(made)}; wanted are observations of {EnvironmentElements.Word<TObservation>()} and "
                + $"actions of {EnvironmentElements.Word<TAction>()}.{Advice<TObservation>(made)}");
    }

    /// <summary>The environment as a sampled table with a known model (blackjack as its exact process); null when it has none.</summary>
    public virtual TableEnvironment? CreateTable() => Wrappers.Count > 0 ? null : Make() as TableEnvironment;

    /// <inheritdoc/>
    public virtual IEnumerable<OptionProblem> Validate()
    {
        var checks = new OptionChecks().Must(MaxEpisodeSteps is null or > 0, MaxEpisodeSteps, "at least 1, or null",
            field: nameof(MaxEpisodeSteps));
        foreach (var wrapper in Wrappers) checks.Nested(wrapper, field: nameof(Wrappers));
        return checks;
    }

    private static string Advice<TObservation>(IEnvironment made) => made switch
    {
        _ when typeof(TObservation) == typeof(float) && made is IEnvironment<int, int> =>
            " The wrapper flatten-observation makes rows of numbers of choices.",
        _ when typeof(TObservation) == typeof(int) && made is IEnvironment<float, int> =>
            " The wrapper discretize-observation makes states that can be counted of numbers.",
        _ => "",
    };

    private sealed class Limit(int steps, double? solvedAt) : IEnvironmentVisitor<IEnvironment>
    {
        public IEnvironment Visit<TObservation, TAction>(IEnvironment<TObservation, TAction> environment)
            where TObservation : unmanaged
            where TAction : unmanaged
            => new TimeLimit<TObservation, TAction>(environment, steps, solvedAt);
    }
}
