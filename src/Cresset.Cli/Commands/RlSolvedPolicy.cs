using System.Text.Json;
using Cresset.Rl;
using Cresset.Runs;

namespace Cresset.Cli.Commands;

/// <summary>A step of a played episode.</summary>
/// <param name="Step">Its number, 0 for the start.</param>
/// <param name="Reward">What it paid.</param>
/// <param name="View">The environment after it.</param>
internal readonly record struct PlayedStep(int Step, double Reward, IRenderable View);

/// <summary>What 'solve' keeps of its result: enough to play.</summary>
/// <param name="Environment">Name in the catalog.</param>
/// <param name="Algorithm">How it was found.</param>
/// <param name="Actions">The action of each state; empty for tile coding.</param>
/// <param name="Values">The value of each state; empty for tile coding.</param>
/// <param name="Weights">Weights of tile coding; empty for tables.</param>
internal sealed record SolvedPolicy(string Environment, string Algorithm, int[] Actions, double[] Values, double[] Weights)
{
    private const string FileName = "policy.json";

    public static SolvedPolicy Load(string run, string runsFolder)
    {
        var path = Path.Combine(run, FileName);
        if (!File.Exists(path))
        {
            using var store = RunStore.OpenReadOnly(runsFolder);
            path = Path.Combine(store.FolderOf(store.Find(run).Id), FileName);
        }
        if (!File.Exists(path)) throw new FileNotFoundException($"Run '{run}' has no {FileName}: give a run that 'cresset rl solve' wrote.");
        try
        {
            return JsonSerializer.Deserialize<SolvedPolicy>(File.ReadAllText(path)) ?? throw new InvalidDataException($"{path} is empty.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path} is damaged at line {e.LineNumber + 1}: {e.Message}");
        }
    }

    public void Save(string folder)
    {
        var temporary = Path.Combine(folder, FileName + ".tmp");
        using (var stream = new FileStream(temporary, FileMode.Create))
        {
            JsonSerializer.Serialize(stream, this);
            stream.Flush(flushToDisk: true);
        }
        File.Move(temporary, Path.Combine(folder, FileName), overwrite: true);
    }

    public IEnumerable<PlayedStep> Play(ulong seed, int maxSteps)
    {
        var spec = EnvironmentCatalog.Find(Environment);
        return Weights.Length > 0 ? PlayTiles(spec, seed, maxSteps) : spec.Make() is Blackjack ? PlayBlackjack(spec, seed) : PlayTable(spec, seed, maxSteps);
    }

    private IEnumerable<PlayedStep> PlayTable(EnvironmentSpec spec, ulong seed, int maxSteps)
    {
        var environment = spec.Create<int, int>();
        if (environment.StateCount() != Actions.Length) throw new InvalidDataException($"The policy has {Actions.Length} actions; {spec.Name} has {environment.StateCount()} states.");
        var view = View(environment);
        var state = environment.ResetState(seed);
        yield return new PlayedStep(0, 0, view);
        for (var step = 1; step <= maxSteps; step++)
        {
            var outcome = environment.Step(Math.Max(0, Actions[state]), out state);
            yield return new PlayedStep(step, outcome.Reward, view);
            if (outcome.Ended) yield break;
        }
    }

    private IEnumerable<PlayedStep> PlayBlackjack(EnvironmentSpec spec, ulong seed)
    {
        var environment = spec.Create<int, int>();
        var observation = environment.Reset(seed);
        yield return new PlayedStep(0, 0, View(environment));
        for (var step = 1; ; step++)
        {
            var action = Actions[BlackjackModel.State(observation[0], observation[1], observation[2] == 1)];
            var outcome = environment.Step(action, observation.AsSpan());
            yield return new PlayedStep(step, outcome.Reward, View(environment));
            if (outcome.Ended) yield break;
        }
    }

    private IEnumerable<PlayedStep> PlayTiles(EnvironmentSpec spec, ulong seed, int maxSteps)
    {
        var environment = spec.Create<float, int>();
        var learner = RlSolveCommand.TileLearner(0);
        Weights.CopyTo(learner.Weights, 0);
        var observation = environment.Reset(seed);
        yield return new PlayedStep(0, 0, View(environment));
        for (var step = 1; step <= maxSteps; step++)
        {
            var outcome = environment.Step(learner.GreedyAction(observation), observation.AsSpan());
            yield return new PlayedStep(step, outcome.Reward, View(environment));
            if (outcome.Ended) yield break;
        }
    }

    private static IRenderable View(IEnvironment environment)
        => environment.Unwrapped as IRenderable ?? throw new NotSupportedException($"{environment.Name} has no picture.");
}
