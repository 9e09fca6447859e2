using Cresset.Runs;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>Runs recipes into a store: begins or resumes a run, lets the job work, records how it ended.</summary>
/// <param name="store">Where runs are kept.</param>
/// <param name="catalog">Where jobs are found.</param>
public sealed class RecipeRunner(RunStore store, RecipeCatalog catalog)
{
    private const string ConfigFile = "config.yaml";

    /// <summary>Begins a new run.</summary>
    public RecipeResult Train(ResolvedRecipe recipe, Action<Run>? started = null, IProgress<TrainingReport>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        using var run = store.Begin(new RunDescription
        {
            Name = recipe.Name,
            Kind = "train",
            Config = recipe.Flatten(),
            ConfigText = recipe.ToYaml(),
            ConfigFileName = ConfigFile,
        });
        started?.Invoke(run);
        return Work(run, recipe, progress, cancellation);
    }

    /// <summary>Goes on with a run that was stopped or killed, with its own recipe.</summary>
    /// <exception cref="InvalidDataException">The run's recipe is missing.</exception>
    public RecipeResult Resume(string runName, Action<Run>? started = null, IProgress<TrainingReport>? progress = null, CancellationToken cancellation = default)
    {
        var recipe = RecipeOf(store.Find(runName));
        using var run = store.Resume(runName);
        started?.Invoke(run);
        return Work(run, recipe, progress, cancellation);
    }

    /// <summary>Evaluates a run's best checkpoint.</summary>
    public RecipeResult Evaluate(string runName, IProgress<TrainingReport>? progress = null, CancellationToken cancellation = default)
    {
        var info = store.Find(runName);
        var recipe = RecipeOf(info);
        return new RecipeResult(info.Id, info.Folder, recipe.Job.Evaluate(new JobContext(recipe, NullRunRecorder.Instance, info.Folder, progress, cancellation)));
    }

    /// <summary>Draws from a run's best checkpoint.</summary>
    public RecipeResult Sample(string runName, SampleRequest request, IProgress<TrainingReport>? progress = null, CancellationToken cancellation = default)
    {
        var info = store.Find(runName);
        var recipe = RecipeOf(info);
        return new RecipeResult(info.Id, info.Folder, recipe.Job.Sample(new JobContext(recipe, NullRunRecorder.Instance, info.Folder, progress, cancellation), request));
    }

    /// <summary>Plays an episode with the best policy of a run in which an agent learned; null for runs of other kinds.</summary>
    /// <param name="runName">The run.</param>
    /// <param name="seed">Seed of the episode.</param>
    /// <param name="maxSteps">Longest episode.</param>
    public IEnumerable<PlayedStep>? Play(string runName, ulong seed, int maxSteps = 1000)
    {
        var info = store.Find(runName);
        return File.Exists(Path.Combine(info.Folder, ConfigFile)) && RecipeOf(info) is { Job: IAgentJob job } recipe
            ? job.Play(new JobContext(recipe, NullRunRecorder.Instance, info.Folder, null, default), seed, maxSteps)
            : null;
    }

    /// <summary>The resolved recipe that a run was begun with.</summary>
    public ResolvedRecipe RecipeOf(RunInfo run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var path = Path.Combine(run.Folder, ConfigFile);
        if (!File.Exists(path)) throw new InvalidDataException($"{run.Folder} holds no {ConfigFile}: this run was not made by a recipe.");
        return catalog.Read(path, run.Name).Resolve();
    }

    private static RecipeResult Work(Run run, ResolvedRecipe recipe, IProgress<TrainingReport>? progress, CancellationToken cancellation)
    {
        try
        {
            var outcome = recipe.Job.Run(new JobContext(recipe, run, run.Folder, progress, cancellation));
            run.Finish(outcome.Completed ? RunStatus.Finished : RunStatus.Stopped, outcome.Metrics, outcome.Completed ? null : "Cancelled; resume it to go on.");
            return new RecipeResult(run.Id, run.Folder, outcome);
        }
        catch (Exception e)
        {
            TryFinish(run, e);
            throw;
        }
    }

    private static void TryFinish(Run run, Exception cause)
    {
        try
        {
            run.Finish(cause is OperationCanceledException ? RunStatus.Stopped : RunStatus.Failed, null, cause.Message.Split('\n')[0]);
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
public sealed record RecipeResult(string RunId, string Folder, JobOutcome Outcome);
