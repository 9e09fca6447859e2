using System.Text.Json;
using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Runs;

namespace Cresset.Recipes;

/// <summary>What a solver keeps of its result: enough to play.</summary>
/// <param name="Environment">Name of the environment.</param>
/// <param name="Algorithm">How it was found.</param>
/// <param name="Actions">The action of each state; empty for tile coding.</param>
/// <param name="Values">The value of each state; empty for tile coding.</param>
/// <param name="Weights">Weights of tile coding; empty for tables.</param>
public sealed record SolvedPolicy(string Environment, string Algorithm, int[] Actions, double[] Values, double[] Weights)
{
    /// <summary>The environment with its options as a recipe's text; null for one that its name alone finds.</summary>
    public string? World { get; init; }

    /// <summary>Name of the file in a run's folder.</summary>
    public const string FileName = ModelFile.SolvedName;

    /// <summary>Reads the policy of a run.</summary>
    /// <param name="run">The run's folder, or its name or id in the store.</param>
    /// <param name="runsFolder">Folder of the store.</param>
    /// <exception cref="FileNotFoundException">The run keeps no policy.</exception>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public static SolvedPolicy Load(string run, string runsFolder)
    {
        if (File.Exists(Path.Combine(run, FileName))) return LoadFile(Path.Combine(run, FileName));
        using var store = RunStore.OpenReadOnly(runsFolder);
        var path = Path.Combine(store.FolderOf(store.Find(run).Id), FileName);
        if (!File.Exists(path))
            throw new FileNotFoundException(
                $"Run '{run}' has no {FileName}: give a run that 'cresset rl solve' or a recipe such as qlearning-taxi wrote.");
        return LoadFile(path);
    }

    /// <summary>Reads a policy from its file.</summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public static SolvedPolicy LoadFile(string path)
    {
        try
        {
            var policy = JsonSerializer.Deserialize<SolvedPolicy>(File.ReadAllText(path));
            return policy is { Environment: not null, Actions: not null, Values: not null, Weights: not null } ? policy
                : throw new InvalidDataException($"{path} lacks the environment, its actions, values or weights.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path} is damaged at line {e.LineNumber + 1}: {e.Message}");
        }
    }

    /// <summary>Writes the policy into a run's folder.</summary>
    public void Save(string folder) => AtomicFile.WriteText(Path.Combine(folder, FileName), JsonSerializer.Serialize(this));

    /// <summary>The environment that the policy was found for.</summary>
    /// <param name="parts">Where environments are found.</param>
    /// <exception cref="ArgumentException">It is not among them.</exception>
    public EnvironmentSource FindWorld(PartCatalog parts) => StoredEnvironment.Read(Environment, World, parts);

    /// <summary>Mean return of episodes that follow the policy.</summary>
    /// <param name="world">The environment.</param>
    /// <param name="episodes">Number of episodes, with the seeds from <paramref name="seed"/> on.</param>
    /// <param name="seed">First seed.</param>
    /// <param name="maxSteps">Longest episode.</param>
    public double MeanReturn(EnvironmentSource world, int episodes, ulong seed, int maxSteps)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(episodes);
        ArgumentNullException.ThrowIfNull(world);
        var environment = Open(world);
        try
        {
            var sum = 0.0;
            for (var episode = 0; episode < episodes; episode++)
                sum += Play(environment, seed + (ulong)episode, maxSteps).Sum(step => step.Reward);
            return sum / episodes;
        }
        finally
        {
            environment.End();
        }
    }

    /// <summary>Plays an episode, the start first.</summary>
    /// <param name="world">The environment.</param>
    /// <param name="seed">Seed of the reset.</param>
    /// <param name="maxSteps">Longest episode.</param>
    /// <exception cref="InvalidDataException">The policy does not fit its environment.</exception>
    public IEnumerable<PlayedStep> Play(EnvironmentSource world, ulong seed, int maxSteps)
    {
        ArgumentNullException.ThrowIfNull(world);
        var environment = Open(world);
        try
        {
            foreach (var step in Play(environment, seed, maxSteps)) yield return step;
        }
        finally
        {
            environment.End();
        }
    }

    private IEnvironment Open(EnvironmentSource world) => Weights.Length > 0 ? world.Create<float, int>() : world.Create<int, int>();

    private IEnumerable<PlayedStep> Play(IEnvironment environment, ulong seed, int maxSteps) => environment switch
    {
        IEnvironment<float, int> car => PlayTiles(car, seed, maxSteps),
        IEnvironment<int, int> cards when cards.Unwrapped is Blackjack => PlayBlackjack(cards, seed, maxSteps),
        _ => PlayTable((IEnvironment<int, int>)environment, seed, maxSteps),
    };

    private IEnumerable<PlayedStep> PlayTable(IEnvironment<int, int> environment, ulong seed, int maxSteps)
    {
        if (environment.StateCount() != Actions.Length)
            throw new InvalidDataException(
                $"The policy has {Actions.Length} actions; {environment.Name} has {environment.StateCount()} states.");
        var (firstState, firstAction) = (environment.ObservationSpace is Discrete states ? states.Start : 0,
            environment.ActionSpace is Discrete actions ? actions.Start : 0);
        var masks = ActionMasks.Of(environment);
        var mask = new bool[masks is null ? 0 : ActionMasks.SizeOf(environment.ActionSpace)];
        var state = environment.ResetState(seed);
        yield return new PlayedStep(0, 0, environment);
        for (var step = 1; step <= maxSteps; step++)
        {
            var action = Math.Max(0, Actions[state - firstState]);
            masks?.WriteActionMask(mask);
            // A state that was never visited has no mask in the table: its first allowed action is as good as any.
            if (masks is not null && !mask[action]) action = Array.IndexOf(mask, true);
            var outcome = environment.Step(firstAction + action, out state);
            yield return new PlayedStep(step, outcome.Reward, environment);
            if (outcome.Ended) yield break;
        }
    }

    private IEnumerable<PlayedStep> PlayBlackjack(IEnvironment<int, int> environment, ulong seed, int maxSteps)
    {
        if (Actions.Length <= BlackjackModel.FinalState)
            throw new InvalidDataException(
                $"The policy has {Actions.Length} actions; {environment.Name} has {BlackjackModel.FinalState + 1} states.");
        var observation = environment.Reset(seed);
        yield return new PlayedStep(0, 0, environment);
        for (var step = 1; step <= maxSteps; step++)
        {
            var action = Math.Max(0, Actions[BlackjackModel.State(observation[0], observation[1], observation[2] == 1)]);
            var outcome = environment.Step(action, observation.AsSpan());
            yield return new PlayedStep(step, outcome.Reward, environment);
            if (outcome.Ended) yield break;
        }
    }

    private IEnumerable<PlayedStep> PlayTiles(IEnvironment<float, int> environment, ulong seed, int maxSteps)
    {
        var learner = MountainCarTiles.Stored(Weights);
        var observation = environment.Reset(seed);
        yield return new PlayedStep(0, 0, environment);
        for (var step = 1; step <= maxSteps; step++)
        {
            var outcome = environment.Step(learner.GreedyAction(observation), observation.AsSpan());
            yield return new PlayedStep(step, outcome.Reward, environment);
            if (outcome.Ended) yield break;
        }
    }
}
