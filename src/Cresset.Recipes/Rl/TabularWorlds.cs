using Cresset.Numerics;
using Cresset.Rl;

namespace Cresset.Recipes;

/// <summary>Worlds for methods that need states they can count.</summary>
internal static class TabularWorlds
{
    /// <summary>A learner with the choices of <paramref name="options"/> for an environment.</summary>
    public static ActionValueLearner Make(TabularLearner method, RlSolveOptions options, EnvironmentSource spec, RandomStream random)
    {
        var table = spec.CreateTable();
        var environment = Countable(spec, table);
        try
        {
            return method.Build(
                new LearnerPlace(environment.StateCount(), environment.ActionCount(), options.Control, Available(environment, table),
                    random));
        }
        finally
        {
            environment.End();
        }
    }

    /// <summary>
    /// The environment with a limit of steps: its own where it has one, unless <paramref name="force"/> asks for the given one.
    /// </summary>
    public static IEnvironment<int, int> Limited(EnvironmentSource spec, int limit, bool force)
    {
        if (spec.CreateTable() is { } table)
            return new TimeLimit<int, int>(Countable(spec, table), force ? limit : spec.MaxEpisodeSteps ?? limit);
        var environment = Countable(spec, null);
        if (!force && environment.MaxEpisodeSteps is not null) return environment;
        environment.End();
        return Countable(spec with { MaxEpisodeSteps = limit }, null);
    }

    private static IEnvironment<int, int> Countable(EnvironmentSource spec, TableEnvironment? table)
    {
        var environment = table ?? spec.Create() as IEnvironment<int, int>
            ?? throw new ArgumentException(
                $"{spec.Name} has continuous observations or actions; tabular methods need states that can be counted. The wrappers "
                    + $"discretize-observation and discretize-action make such of it; sarsa-tiles drives a mountain car.");
        return environment.ObservationSpace is Discrete ? environment
            : throw new ArgumentException(
                $"{spec.Name} observes {environment.ObservationSpace}; tabular methods need single state numbers.");
    }

    private static Func<int, int, bool>? Available(IEnvironment<int, int> environment, TableEnvironment? table)
    {
        if (table?.Model is not { } model) return environment.Unwrapped is MaximizationBias ? (s, a) => s == 1 || a < 2 : null;
        var gaps = Enumerable.Range(0, model.StateCount * model.ActionCount).Any(i => model.Offsets[i + 1] == model.Offsets[i]);
        return gaps ? (s, a) => model.IsAvailable(s, a) || model.IsAbsorbing(s) : null;
    }
}
