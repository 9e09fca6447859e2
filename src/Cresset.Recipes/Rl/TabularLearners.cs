using Cresset.Numerics;
using Cresset.Rl;

namespace Cresset.Recipes;

/// <summary>Makes tabular learners and environments by name.</summary>
internal static class TabularLearners
{
    /// <summary>The learner of <see cref="RlSolveOptions.Algorithm"/> for an environment.</summary>
    public static ActionValueLearner Make(RlSolveOptions options, EnvironmentSource spec, RandomStream random)
    {
        var table = spec.CreateTable();
        var environment = Countable(spec, table);
        var (states, actions) = (environment.StateCount(), environment.ActionCount());
        var available = Available(environment, table);
        ControlOptions control = new() { Gamma = options.Gamma, StepSize = options.StepSize(), Exploration = options.Behaviour };
        return options.Algorithm switch
        {
            "mc-exploring-starts" => new MonteCarloControl(states, actions, control with { StepSize = StepSizeRule.SampleMean, Exploration = Exploration.None }, isAvailable: available),
            "mc-epsilon-greedy" => new MonteCarloControl(states, actions, control, isAvailable: available),
            "sarsa" => new Sarsa(states, actions, control, available),
            "expected-sarsa" => new ExpectedSarsa(states, actions, control, available),
            "q-learning" => new QLearning(states, actions, control, available),
            "double-q-learning" => new DoubleQLearning(states, actions, random, control, available),
            "n-step-sarsa" => new NStepControl(states, actions, options.N, NStepKind.Sarsa, control, available),
            "tree-backup" => new NStepControl(states, actions, options.N, NStepKind.TreeBackup, control, available),
            "q-sigma" => new NStepControl(states, actions, options.N, NStepKind.QSigma, control, available, 0.5),
            "sarsa-lambda" => new SarsaLambda(states, actions, options.Lambda, TraceKind.Replacing, control, available),
            "q-lambda" => new WatkinsQLambda(states, actions, options.Lambda, TraceKind.Replacing, control, available),
            "dyna-q" => new DynaQ(states, actions, options.PlanningSteps, random, 0, control, available),
            "dyna-q-plus" => new DynaQ(states, actions, options.PlanningSteps, random, 1e-3, control, available),
            "prioritized-sweeping" => new PrioritizedSweeping(states, actions, options.PlanningSteps, 1e-4, control, available),
            _ => throw new ArgumentException($"'{options.Algorithm}' is no learner of tables."),
        };
    }

    /// <summary>The environment with a limit of steps: its own where it has one, unless <paramref name="force"/> asks for the given one.</summary>
    public static IEnvironment<int, int> Limited(EnvironmentSource spec, int limit, bool force)
    {
        if (spec.CreateTable() is { } table) return new TimeLimit<int, int>(Countable(spec, table), force ? limit : spec.MaxEpisodeSteps ?? limit);
        var own = force || (spec.MaxEpisodeSteps ?? spec.Make().MaxEpisodeSteps) is null ? spec with { MaxEpisodeSteps = limit } : spec;
        return Countable(own, null);
    }

    private static IEnvironment<int, int> Countable(EnvironmentSource spec, TableEnvironment? table)
    {
        var environment = table ?? spec.Create() as IEnvironment<int, int> ?? throw new ArgumentException($"{spec.Name} has continuous observations or actions; tabular methods need states that can be counted. The wrappers discretize-observation and discretize-action make such of it; sarsa-tiles drives a mountain car.");
        return environment.ObservationSpace is Discrete ? environment : throw new ArgumentException($"{spec.Name} observes {environment.ObservationSpace}; tabular methods need single state numbers.");
    }

    private static Func<int, int, bool>? Available(IEnvironment<int, int> environment, TableEnvironment? table)
    {
        if (table?.Model is not { } model) return environment.Unwrapped is MaximizationBias ? (s, a) => s == 1 || a < 2 : null;
        var gaps = Enumerable.Range(0, model.StateCount * model.ActionCount).Any(i => model.Offsets[i + 1] == model.Offsets[i]);
        return gaps ? (s, a) => model.IsAvailable(s, a) || model.IsAbsorbing(s) : null;
    }
}
