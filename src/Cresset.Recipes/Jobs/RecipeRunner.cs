using Cresset.Data;
using Cresset.Distributed;
using Cresset.Rl.Deep;
using Cresset.Runs;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>Runs recipes into a store: begins or resumes a run, lets the job work, records how it ended.</summary>
/// <param name="store">Where runs are kept; null for one that only looks at runs whose folders are named.</param>
/// <param name="catalog">Where jobs are found.</param>
public sealed partial class RecipeRunner(RunStore? store, RecipeCatalog catalog)
{
    private const string ConfigFile = "config.yaml";

    /// <summary>The processes that run recipes together. Rank 0 alone has a store; the others follow it.</summary>
    public ICommunicator Ranks { get; init; } = OneProcess.Instance;

    /// <summary>
    /// Opens the store when the first run is begun, for a runner that was given none: a training that is refused makes no store. Gives the
    /// same store every time; whoever sets it disposes that.
    /// </summary>
    public Func<RunStore>? OpenStore { get; init; }

    private RunStore Store => store ?? OpenStore?.Invoke() ?? throw new InvalidOperationException("This needs a store of runs.");

    /// <summary>Begins a new run.</summary>
    public RecipeResult Train(ResolvedRecipe recipe, Action<Run>? started = null, IProgress<TrainingReport>? progress = null,
        CancellationToken cancellation = default)
        => Train(recipe, [], started, progress, cancellation);

    /// <summary>Begins a new run with labels.</summary>
    public RecipeResult Train(ResolvedRecipe recipe, IReadOnlyList<string> tags, Action<Run>? started = null,
        IProgress<TrainingReport>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        recipe.Job.Check(recipe);
        RankedStart.CompareRecipes(Ranks, recipe);
        if (Ranks.Rank > 0) return Follow(recipe, cancellation);
        using var prepared = Prepare(recipe, progress, cancellation);
        using var run = Store.Begin(new RunDescription
        {
            Environment = RunSurroundings.AtBeginning(recipe),
            Tags = tags,
            Name = recipe.Name,
            Kind = "train",
            Config = recipe.Flatten(),
            ConfigText = recipe.ToYaml(),
            ConfigFileName = ConfigFile,
        });
        started?.Invoke(run);
        return Work(run, recipe, null, false, prepared, progress, cancellation);
    }

    /// <summary>
    /// Goes on with a run that was stopped, killed or is to be extended, with its own recipe and what <paramref name="overrides"/> change
    /// in it.
    /// </summary>
    /// <param name="runName">The run.</param>
    /// <param name="overrides">Settings to change, such as <c>trainer.steps=6000</c>.</param>
    /// <param name="started">Called with the run.</param>
    /// <param name="progress">Who watches.</param>
    /// <param name="cancellation">Finish the current step, save and stop.</param>
    /// <exception cref="InvalidDataException">The run's recipe is missing, or its state does not fit the new settings; then the run is as
    /// before.</exception>
    /// <exception cref="ConfigException">An override is not valid, or cannot change in this run.</exception>
    public RecipeResult Resume(string runName, IReadOnlyList<string>? overrides = null, Action<Run>? started = null,
        IProgress<TrainingReport>? progress = null, CancellationToken cancellation = default)
    {
        if (Ranks.Rank > 0) return Follow(null, cancellation);
        var info = Store.Find(runName);
        var recipe = RecipeOf(info, overrides);
        RankedStart.CheckJob(Ranks, recipe);
        var before = RecipeOf(info).Flatten();
        string[] changed = [.. recipe.Flatten().Where(f => !before.TryGetValue(f.Key, out var value) || value != f.Value)
            .Select(f => f.Key)];
        if (changed.Length > 0)
        {
            RefuseFewerSteps(recipe, info, changed);
            (recipe.Job as Job)?.CheckChanges(new JobContext(recipe, NullRunRecorder.Instance, info.Folder, progress, cancellation),
                changed);
        }
        var recorded = Store.EnvironmentOf(info.Id);
        using var run = Store.Resume(info.Id);
        started?.Invoke(run);
        if (RunSurroundings.Difference(recorded, RunSurroundings.Of(recipe)) is { } difference)
            progress?.Report(new NoticeReport(difference));
        foreach (var key in changed)
            progress
                ?.Report(
                    new NoticeReport($"{key} is {recipe.Flatten()[key]} from here on; it was {before.GetValueOrDefault(key, "not set")}."));
        return Work(run, recipe, info, changed.Length > 0, null, progress, cancellation);
    }

    /// <summary>Evaluates a run's best checkpoint.</summary>
    /// <param name="runName">The run, or the path of its folder.</param>
    /// <param name="progress">Who watches.</param>
    /// <param name="overrides">Where its data lie now (<c>data.path=PLACE</c>), and the device.</param>
    /// <param name="cancellation">Stop soon.</param>
    /// <exception cref="ConfigException">An override would judge another model than the run's, or by another division of its
    /// data.</exception>
    public RecipeResult Evaluate(string runName, IProgress<TrainingReport>? progress = null, IReadOnlyList<string>? overrides = null,
        CancellationToken cancellation = default)
    {
        var info = Find(runName);
        var recipe = RecipeOf(info, overrides);
        if (overrides is { Count: > 0 }) RefuseOtherQuestions(recipe, RecipeOf(info));
        try
        {
            return new RecipeResult(info.Id, info.Folder, recipe.Job.Evaluate(ContextOf(recipe, info, progress, cancellation)));
        }
        catch (IOException e) when (e is FileNotFoundException or DirectoryNotFoundException
            && recipe.Options.GetValueOrDefault("data") is DataSource)
        {
            throw new FileNotFoundException($"{e.Message} 'cresset eval' judges the model on the held-out part of its data: say where "
                + "they are now (data.path=PLACE). 'cresset sample', 'predict' and 'export' do without them.", e);
        }
    }

    /// <summary>The functions of a run's best model, for files that other programs run.</summary>
    /// <param name="runName">The run, or the path of its folder.</param>
    /// <param name="progress">Who watches.</param>
    /// <exception cref="NotSupportedException">Its job makes no model that a file could hold.</exception>
    public (RunInfo Run, ResolvedRecipe Recipe, ExportedModel Model) OpenExport(string runName, IProgress<TrainingReport>? progress = null)
    {
        var info = Find(runName);
        var recipe = RecipeOf(info);
        return (recipe.Job is IChoosesJob either ? either.Chosen(recipe) : recipe.Job) is Job job
            ? (info, recipe, job.OpenExport(ContextOf(recipe, info, progress, default)))
            : throw new NotSupportedException($"'{recipe.Job.Name}' is a job of its own kind and says nothing about export.");
    }

    /// <summary>Draws from a run's best checkpoint.</summary>
    /// <param name="runName">The run, or the path of its folder.</param>
    /// <param name="request">What to draw.</param>
    /// <param name="progress">Who watches.</param>
    /// <param name="cancellation">Stop soon.</param>
    public RecipeResult Sample(string runName, SampleRequest request, IProgress<TrainingReport>? progress = null,
        CancellationToken cancellation = default)
    {
        var info = Find(runName);
        var recipe = RecipeOf(info);
        if (recipe.Job is not IWritesText) request.RefuseTextOptions(recipe.Job.Name);
        if (recipe.Job is not IDrawsGuided) request.RefuseGuidance(recipe.Job.Name);
        return new RecipeResult(info.Id, info.Folder, recipe.Job.Sample(ContextOf(recipe, info, progress, cancellation), request));
    }

    /// <summary>Plays an episode with the best policy of a run in which an agent learned; null for runs of other kinds.</summary>
    /// <param name="runName">The run.</param>
    /// <param name="seed">Seed of the episode.</param>
    /// <param name="maxSteps">Longest episode.</param>
    public IEnumerable<PlayedStep>? Play(string runName, ulong seed, int maxSteps = 1000)
    {
        var info = Find(runName);
        return File.Exists(Path.Combine(info.Folder, ConfigFile)) && RecipeOf(info) is { Job: IAgentJob job } recipe
            ? job.Play(new JobContext(recipe, NullRunRecorder.Instance, info.Folder, null, default), seed, maxSteps)
            : null;
    }

    /// <summary>Plays episodes with the best policy of a run in which an agent learned, and keeps every transition.</summary>
    /// <param name="runName">The run.</param>
    /// <param name="episodes">How many.</param>
    /// <param name="seed">Seed of the first.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <exception cref="ArgumentException">No agent learned in the run.</exception>
    public TransitionData Record(string runName, int episodes, ulong seed, CancellationToken cancellation = default)
    {
        var info = Find(runName);
        return RecipeOf(info) is { Job: IAgentJob job } recipe
            ? job.Record(new JobContext(recipe, NullRunRecorder.Instance, info.Folder, null, cancellation), episodes, seed)
            : throw new ArgumentException(
                $"Run '{runName}' has no agent; transitions are recorded of runs in which one learned, such as ppo-cartpole.");
    }

    /// <summary>The resolved recipe that a run was begun with, and what <paramref name="overrides"/> change in it.</summary>
    public ResolvedRecipe RecipeOf(RunInfo run, IReadOnlyList<string>? overrides = null)
    {
        ArgumentNullException.ThrowIfNull(run);
        var path = Path.Combine(run.Folder, ConfigFile);
        if (!Directory.Exists(run.Folder))
            throw new InvalidDataException(
                $"The folder of run '{run.Id}', {run.Folder}, is gone: it was moved, renamed or deleted. A folder can be named by its path "
                    + $"wherever it lies.");
        if (!File.Exists(path)) throw new InvalidDataException($"{run.Folder} holds no {ConfigFile}: this run was not made by a recipe.");
        return catalog.Read(path, run.Name).Resolve(overrides);
    }

    // A folder by itself is enough to look at a run.
    private RunInfo Find(string run) => Path.IsPathFullyQualified(run) && RunFolder.Is(run) ? RunFolder.Read(run) : Store.Find(run);

    private static JobContext ContextOf(ResolvedRecipe recipe, RunInfo info, IProgress<TrainingReport>? progress,
        CancellationToken cancellation)
        => new(recipe, NullRunRecorder.Instance, info.Folder, progress, cancellation) { Summary = info.Summary };

    // What is wrong with data, weights or device is found here, before there is a run.
    private Preparation Prepare(ResolvedRecipe recipe, IProgress<TrainingReport>? progress, CancellationToken cancellation)
        => new((recipe.Job as Job)
            ?.Prepare(
                new JobContext(recipe, NullRunRecorder.Instance, "", progress, cancellation)
                {
                    FolderOfRun = FolderOfOther,
                    Ranks = Ranks
                }));

    // In a dry run the store is a scratch one, and init_from means a run of the real one.
    private string FolderOfOther(string name)
        => _foldersOfOthers is { } others ? others(name)
            : store is null && OpenStore is not null
            ? throw new FileNotFoundException($"trainer.init_from is '{name}': there is no such file or folder, and no run yet.")
            : Store.Find(name).Folder;

    // What was done cannot be taken back: a run that says 10 steps and holds the weights of 30 would be a lie.
    private static void RefuseFewerSteps(ResolvedRecipe recipe, RunInfo info, string[] changed)
    {
        const string Stage = "_trainer";
        foreach (var (section, options) in recipe.Options)
        {
            int? wanted = options switch { TrainerOptions trainer => trainer.Steps, AgentLoopOptions agent => agent.Steps, _ => null };
            if (wanted is not { } steps || !changed.Contains($"{section}.steps")) continue;
            var stage = section.EndsWith(Stage, StringComparison.Ordinal) ? section[..^Stage.Length] : "";
            var done = new CheckpointFolder(Path.Combine(info.Folder, stage, "checkpoints")).List().Select(c => c.Step).DefaultIfEmpty(0)
                .Max();
            if (steps >= done) continue;
            throw new ConfigException(ConfigSource.CommandLine,
                $"{section}.steps is {steps}, and the run has done {done} steps: they are not taken back. Name more than {done} to extend "
                    + $"the run; for a shorter training begin a new one.");
        }
    }

    // Another division of the data would test the model with what it learned from.
    private static void RefuseOtherQuestions(ResolvedRecipe asked, ResolvedRecipe trained)
    {
        var before = trained.Flatten();
        foreach (var (key, value) in asked.Flatten())
        {
            if (before.TryGetValue(key, out var known) && known == value) continue;
            var divides = key is "data.validation" or "data.test" || key.StartsWith("data.split", StringComparison.Ordinal);
            if ((key.StartsWith("data.", StringComparison.Ordinal) && !divides) || key.EndsWith(".device", StringComparison.Ordinal))
                continue;
            throw new ConfigException(ConfigSource.CommandLine, $"{key} is {known ?? "not set"} in the run, and an evaluation judges the "
                + "run as it was trained. What may change: where its data lie (data.path=PLACE), and the device (trainer.device=cpu).");
        }
    }

    private RecipeResult Work(Run run, ResolvedRecipe recipe, RunInfo? before, bool isChanged, Preparation? prepared,
        IProgress<TrainingReport>? progress, CancellationToken cancellation)
    {
        var hasBegun = false;
        Lead(run, recipe);
        using var log = new RunLog(run, progress);
        using var requests = new UnheardRequests(run, recipe.Job.Name, log, cancellation);
        run.RecordSystem();
        var context = new JobContext(recipe, run, run.Folder, log, requests.Token)
        {
            Ranks = Ranks,
            FolderOfRun = FolderOfOther,
            Prepared = prepared,
            Begun = () =>
            {
                if (!hasBegun && isChanged) Store.SetConfig(run.Id, recipe.Flatten(), recipe.ToYaml(), ConfigFile);
                hasBegun = true;
            },
        };
        try
        {
            var outcome = recipe.Job.Run(context);
            var curves = outcome.Completed ? Curves(run, progress) : [];
            log.Line(outcome.Completed ? "finished" : "stopped before its end");
            run.Finish(outcome.Completed ? RunStatus.Finished : RunStatus.Stopped, outcome.Metrics,
                outcome.Completed ? null : "Stopped before its end; resume it to go on.");
            return new RecipeResult(run.Id, run.Folder, outcome) { Curves = curves };
        }
        catch (Exception e)
        {
            log.Line($"{(e is OperationCanceledException ? "stopped" : "failed")}: {e.Message}");
            // A run that could not be taken up is what it was before.
            if (before is { Status: not (RunStatus.Running or RunStatus.Interrupted) } && !hasBegun)
                TryFinish(run, before.Status, before.Summary, before.Message);
            else TryFinish(run, e is OperationCanceledException ? RunStatus.Stopped : RunStatus.Failed, null, e.Message.Split('\n')[0]);
            throw;
        }
    }

    private static IReadOnlyList<string> Curves(Run run, IProgress<TrainingReport>? progress)
    {
        run.Flush();
        try
        {
            return RunCurves.Save(run.Store, run.Store.Get(run.Id));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The run is complete without them, and they can be drawn again.
            progress?.Report(new NoticeReport($"The curves are not kept: {e.Message}"));
            return [];
        }
    }

    private static void TryFinish(Run run, RunStatus status, IReadOnlyDictionary<string, double>? summary, string message)
    {
        try
        {
            run.Finish(status, summary, message);
        }
        catch (Exception e) when (e is RunStoreException or ObjectDisposedException)
        {
            // The disk may be what failed: the first error is the one to be seen.
        }
    }
}

/// <summary>A run and what came of it.</summary>
/// <param name="RunId">Its id.</param>
/// <param name="Folder">Its folder.</param>
/// <param name="Outcome">Figures and pictures.</param>
public sealed record RecipeResult(string RunId, string Folder, JobOutcome Outcome)
{
    /// <summary>Charts of what the run recorded, as PNG files; each has an SVG file beside it.</summary>
    public IReadOnlyList<string> Curves { get; init; } = [];
}
