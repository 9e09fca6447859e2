using System.Globalization;
using Cresset.Distributed;
using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Rl.Deep;
using Cresset.Runs;
using Cresset.Tensors;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>
/// A job in which an agent learns in an environment. A kind of agent derives from it, names its options and makes the agent; running,
/// resuming, evaluating and filming are common.
/// </summary>
/// <typeparam name="TAgent">The record of the recipe's <c>agent</c> section.</typeparam>
/// <typeparam name="TAction">int for choices, float for continuous actions.</typeparam>
public abstract class AgentJob<TAgent, TAction> : Job, IAgentJob, IPredictingJob
    where TAgent : class, IOptionsRecord, new()
    where TAction : unmanaged
{
    private const string AgentSection = "agent";
    private const string TrainingSection = "training";
    private const string BestFile = ModelFile.PolicyName;
    private const string FinalFile = "policy-final.safetensors";

    /// <summary>Defaults of the <c>training</c> section.</summary>
    protected virtual AgentLoopOptions TrainingDefaults => new();

    /// <summary>Defaults of the <c>agent</c> section.</summary>
    protected virtual TAgent AgentDefaults => new();

    /// <inheritdoc/>
    public override IReadOnlyList<OptionsSection> Sections => [new(AgentSection, AgentDefaults), new(TrainingSection, TrainingDefaults)];

    /// <inheritdoc/>
    public override string Evaluates => "the return of its best policy over at least 100 new episodes";

    /// <inheritdoc/>
    public override string Samples => "films of episodes of its best policy";

    internal override bool RunsOnRanks => true;

    /// <summary>Makes the agent at the start of its first episodes; everything follows from the seed.</summary>
    protected abstract IAgent<TAction> CreateAgent(VectorEnvironment<float, TAction> environments, TAgent options, ulong seed);

    /// <summary>The options for an agent that is made to see whether it can be: without files, since nothing may be written yet.</summary>
    protected virtual TAgent WithoutFiles(TAgent options) => options;

    /// <summary>
    /// The options for an agent that only plays: what learning alone needs is left out, so that nothing of a training under way is touched.
    /// </summary>
    protected virtual TAgent ForPlaying(TAgent options) => WithoutFiles(options);

    /// <summary>Makes an agent that only plays a policy.</summary>
    protected virtual IAgent<TAction> CreatePlayer(VectorEnvironment<float, TAction> environments, TAgent options, ulong seed) =>
        CreateAgent(environments, ForPlaying(options), seed);

    /// <inheritdoc/>
    public override void Check(ResolvedRecipe recipe)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        var options = (AgentLoopOptions)recipe.Options[TrainingSection];
        using var agent = Make(options, WithoutFiles((TAgent)recipe.Options[AgentSection]), CreateAgent);
    }

    /// <inheritdoc/>
    protected override JobOutcome Work(JobContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var options = context.Options<AgentLoopOptions>(TrainingSection);
        var settings = context.Options<TAgent>(AgentSection);
        // Every rank has the same experience; only the first keeps it in a file.
        using var agent = Make(options, context.Ranks.Rank == 0 ? settings : WithoutFiles(settings), CreateAgent, context.Ranks);
        int? cap = options.EvaluationSteps == 0 ? null : options.EvaluationSteps;
        var loop = new AgentLoop(agent, (episodes, seed, token) => EpisodeEvaluation.Run(agent, Maker(options), episodes, seed, cap, token),
            options, context.Recorder)
        {
            Stops = context.Ranks.Size == 1 ? null : token => context.Ranks.Any(token.IsCancellationRequested),
        };
        var state = new LearningState(agent, loop);
        GoOn(context, state, options.Steps);
        var watcher = new Watcher(context, agent, state, options);
        var completed = loop.Run(watcher, context.Cancellation);
        if (!completed) return JobOutcome.Stopped;
        if (context.Ranks.Rank > 0) return new JobOutcome(true, new Dictionary<string, double>(), []);
        Keep(context, agent, FinalFile);
        var metrics = Metrics(context, agent, loop, options);
        var pictures = new List<string>();
        var curve = context.Recorder.Picture("learning-curve", options.Steps,
            LearningCurve.Draw(loop, $"{Name} on {options.Environment.Name}"),
            "Mean return of the last 100 episodes while learning; greedy evaluations.");
        if (curve is not null) pictures.Add(curve);
        // A world without pictures is learned in all the same.
        if (IsDrawn(options)) pictures.Add(Film(agent, options, options.Seed, Path.Combine(context.Folder, "episode.gif")));
        else context.Progress
            ?.Report(
                new NoticeReport($"{options.Environment.Name} draws no pictures (it is not {nameof(IRenderable)}), so there is no film."));
        return new JobOutcome(true, metrics, pictures);
    }

    /// <inheritdoc/>
    public override JobOutcome Evaluate(JobContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var options = context.Options<AgentLoopOptions>(TrainingSection);
        using var agent = MakePlayer(context, options);
        return new JobOutcome(true, Scores(Fresh(agent, options, context.Cancellation)), []);
    }

    /// <summary>Films episodes of the best policy.</summary>
    public override JobOutcome Sample(JobContext context, SampleRequest request)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(request);
        request.RefuseWhatIsNotTaken(Name, takesTemperature: false, takesConditions: false);
        request.RefuseNumbers(Name);
        var options = context.Options<AgentLoopOptions>(TrainingSection);
        using var agent = MakePlayer(context, options);
        var films = new List<string>();
        for (var i = 0; i < Math.Max(1, request.Count); i++)
        {
            var path = Path.Combine(request.OutputFolder ?? Path.Combine(context.Folder, "samples"),
                string.Create(CultureInfo.InvariantCulture, $"episode-{request.Seed}-{i}.gif"));
            films.Add(Film(agent, options, request.Seed + (ulong)i, path));
        }
        return new JobOutcome(true, new Dictionary<string, double>(), films);
    }

    /// <inheritdoc/>
    public IEnumerable<PlayedStep> Play(JobContext context, ulong seed, int maxSteps)
    {
        ArgumentNullException.ThrowIfNull(context);
        var options = context.Options<AgentLoopOptions>(TrainingSection);
        using var agent = MakePlayer(context, options);
        var environment = Maker(options)();
        try
        {
            foreach (var step in Episode(agent, environment, seed, maxSteps)) yield return step;
        }
        finally
        {
            environment.End();
        }
    }

    /// <inheritdoc/>
    public TransitionData Record(JobContext context, int episodes, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(context);
        var options = context.Options<AgentLoopOptions>(TrainingSection);
        using var agent = MakePlayer(context, options);
        var environment = Maker(options)();
        try
        {
            return TransitionData.Record(agent, environment, episodes, seed, context.Cancellation);
        }
        finally
        {
            environment.End();
        }
    }

    internal override ExportedModel OpenExport(JobContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var options = context.Options<AgentLoopOptions>(TrainingSection);
        using var agent = MakePlayer(context, options);
        var environment = Maker(options)();
        try
        {
            var exports = PolicyExports.Of(agent, context.Options<TAgent>(AgentSection), environment,
                Path.Combine(context.Folder, BestFile));
            return new ExportedModel(exports, exports);
        }
        finally
        {
            environment.End();
        }
    }

    private static IEnumerable<PlayedStep> Episode(IAgent<TAction> agent, IEnvironment<float, TAction> environment, ulong seed,
        int maxSteps)
    {
        environment = EpisodeEvaluation.Prepare(agent, environment);
        var observation = environment.Reset(seed);
        yield return new PlayedStep(0, 0, environment);
        var action = new TAction[environment.ActionSpace.Size];
        var masks = ActionMasks.Of(environment);
        var mask = new bool[masks is null ? 0 : ActionMasks.SizeOf(environment.ActionSpace)];
        var memory = new float[agent.MemorySize];
        for (var step = 1; step <= maxSteps; step++)
        {
            masks?.WriteActionMask(mask);
            agent.Act(observation, 1, action, mask, memory);
            var outcome = environment.Step(action, observation);
            yield return new PlayedStep(step, outcome.Reward, environment);
            if (outcome.Ended) yield break;
        }
    }

    private static string Film(IAgent<TAction> agent, AgentLoopOptions options, ulong seed, string path)
    {
        var environment = Maker(options)();
        try
        {
            EpisodeFilm.Save(path, Episode(agent, environment, seed, 1000));
            return path;
        }
        finally
        {
            environment.End();
        }
    }

    private static bool IsDrawn(AgentLoopOptions options)
    {
        var environment = options.Environment.Create();
        environment.End();
        return environment.Unwrapped is IRenderable;
    }

    private static Func<IEnvironment<float, TAction>> Maker(AgentLoopOptions options) => options.Environment.Create<float, TAction>;

    private static PolicyScore Fresh(IAgent<TAction> agent, AgentLoopOptions options, CancellationToken cancellation)
        => EpisodeEvaluation.Run(agent, Maker(options), Math.Max(100, options.EvaluationEpisodes),
            unchecked(options.Seed + 0x1234_5678_9abcUL), options.EvaluationSteps == 0 ? null : options.EvaluationSteps, cancellation);

    private static Dictionary<string, double> Scores(PolicyScore score) => new()
    {
        ["return"] = score.Mean,
        ["deviation"] = score.Deviation,
        ["minimum"] = score.Minimum,
        ["length"] = score.Lengths.Average(),
    };

    // A policy's file says what it is a policy of: it is all that is needed to use it.
    private static void Keep(JobContext context, ILearner agent, string file)
    {
        using var state = new Snapshot();
        agent.SavePolicy(state);
        state.Put(ModelFile.JobKey, context.Recipe.Job.Name);
        state.Put(ModelFile.RecipeKey, context.Recipe.ToYaml());
        state.Write(Path.Combine(context.Folder, file));
    }

    // Final figures: the best evaluation, that policy on new starts, the last policy on the same starts. The agent is left with its best
    // policy.
    private static Dictionary<string, double> Metrics(JobContext context, IAgent<TAction> agent, AgentLoop loop, AgentLoopOptions options)
    {
        var final = Fresh(agent, options, default);
        using (var best = Snapshot.Read(Path.Combine(context.Folder, BestFile))) agent.LoadPolicy(best);
        var metrics = new Dictionary<string, double>
        {
            ["best_evaluation"] = loop.BestReturn,
            ["best_step"] = loop.BestStep,
            ["best_policy_return"] = Fresh(agent, options, default).Mean,
            ["final_return"] = final.Mean,
        };
        // There is no such mean before a hundred episodes have ended.
        if (double.IsFinite(agent.Episodes.BestMeanReturn)) metrics["training_mean_100"] = agent.Episodes.BestMeanReturn;
        if (loop.SolvedStep is { } solved) metrics["solved_step"] = solved;
        return metrics;
    }

    private static IAgent<TAction> Make(AgentLoopOptions options, TAgent agent,
        Func<VectorEnvironment<float, TAction>, TAgent, ulong, IAgent<TAction>> create, ICommunicator? ranks = null)
    {
        VectorEnvironment<float, TAction> environments = ranks is { Size: > 1 }
            ? new RankedEnvironments<TAction>(ranks, options.Environments, Maker(options))
            : new SyncVectorEnvironment<float, TAction>(options.Environments, Maker(options), AutoresetMode.SameStep);
        try
        {
            return create(environments, agent, options.Seed);
        }
        catch
        {
            (environments as IDisposable)?.Dispose();
            throw;
        }
    }

    Predictor IPredictingJob.Open(StoredModel stored)
    {
        var recipe = stored.Recipe();
        var options = (AgentLoopOptions)recipe.Options[TrainingSection];
        var agent = Make(options, (TAgent)recipe.Options[AgentSection], CreatePlayer);
        var environment = Maker(options)();
        try
        {
            return new PolicyPredictor<TAction>(agent, environment, stored.File);
        }
        catch
        {
            agent.Dispose();
            throw;
        }
        finally
        {
            environment.End();
        }
    }

    private IAgent<TAction> MakePlayer(JobContext context, AgentLoopOptions options)
    {
        var path = Path.Combine(context.Folder, BestFile);
        if (!File.Exists(path)) throw new InvalidDataException($"{path} is missing: the run has not been evaluated yet. Train it first.");
        var agent = Make(options, context.Options<TAgent>(AgentSection), CreatePlayer);
        try
        {
            using var best = Snapshot.Read(path);
            agent.LoadPolicy(best);
            return agent;
        }
        catch
        {
            agent.Dispose();
            throw;
        }
    }

    // Agent and loop stand side by side in a checkpoint.
    private sealed class LearningState(ILearner agent, AgentLoop loop) : ISaved
    {
        public void Save(Snapshot state)
        {
            agent.Save(state);
            loop.Save(state);
        }

        public void Load(Snapshot state)
        {
            agent.Load(state);
            loop.Load(state);
        }
    }

    private sealed class Watcher(JobContext context, ILearner agent, ISaved learning, AgentLoopOptions options) : IAgentLoopWatcher
    {
        private static readonly HeadlineMetric Headline = new("return", HigherIsBetter: true);

        public void Stepped(long step, double loss, double stepsPerSecond)
        {
            var figures = new List<string> { string.Create(CultureInfo.InvariantCulture, $"{agent.Episodes.Count} episodes") };
            if (agent.Episodes.Count > 0)
                figures.Add(
                    string.Create(CultureInfo.InvariantCulture,
                        $"return {agent.Episodes.MeanReturn:0.##}  length {agent.Episodes.MeanLength:0.#}"));
            if (double.IsFinite(loss)) figures.Add(string.Create(CultureInfo.InvariantCulture, $"loss {loss:0.####}"));
            figures.Add(string.Create(CultureInfo.InvariantCulture, $"{stepsPerSecond:0} steps/s"));
            context.Progress
                ?.Report(
                    new WorkReport((int)step, options.Steps, "step", string.Join("  ", figures),
                        TimeSpan.FromSeconds((options.Steps - step) / stepsPerSecond)));
        }

        public void Evaluated(long step, PolicyScore score, bool isBest)
        {
            if (isBest && context.Ranks.Rank == 0) Keep(context, agent, BestFile);
            var figures = new Dictionary<string, double> { ["return"] = score.Mean, ["minimum"] = score.Minimum };
            if (agent.Episodes.Count > 0) figures["training_mean_100"] = agent.Episodes.MeanReturn;
            context.Progress?.Report(new EvaluationReport((int)step, figures, isBest));
        }

        public void Checkpoint(long step)
        {
            using var state = new Snapshot();
            // All ranks give the states of their copies.
            learning.Save(state);
            if (context.Ranks.Rank > 0) return;
            context.Progress?.Report(new CheckpointReport(context.Checkpoints.Save((int)step, state, null, options.KeepLast, Headline)));
        }
    }
}
