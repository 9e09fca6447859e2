using Cresset.Numerics;
using Cresset.Runs;
using Cresset.Training;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// What live computations work with: the runs of a store, and the model that was asked for last, kept for the next question.
/// </summary>
public sealed class LiveContext : IDisposable
{
    private readonly string _folder;
    private readonly RecipeCatalog _catalog;
    private OpenModel? _model;

    /// <summary>Looks at the runs of a folder.</summary>
    /// <param name="folder">Folder of the store.</param>
    /// <param name="catalog">Where jobs are found.</param>
    public LiveContext(string folder, RecipeCatalog catalog) => (_folder, _catalog) = (folder, catalog);

    /// <summary>The recipe of a run.</summary>
    /// <exception cref="RunNotFoundException">There is no such run.</exception>
    public (RunInfo Run, ResolvedRecipe Recipe) Open(string run)
    {
        if (string.IsNullOrWhiteSpace(run)) throw new ArgumentException("No run is named.", nameof(run));
        using var store = RunStore.OpenReadOnly(_folder);
        var info = store.Get(run);
        return (info, new RecipeRunner(store, _catalog).RecipeOf(info));
    }

    /// <summary>
    /// Lets <paramref name="look"/> look at the best model of a run in evaluation mode, without gradients; tensors it makes are freed.
    /// </summary>
    /// <typeparam name="TTask">The task of the run's job.</typeparam>
    /// <typeparam name="T">The answer.</typeparam>
    /// <exception cref="ArgumentException">The run's job has another task.</exception>
    /// <exception cref="InvalidDataException">The run has no usable checkpoint yet.</exception>
    public T Look<TTask, T>(string run, Func<TTask, EvaluationContext, T> look)
        where TTask : class, ITrainingTask
    {
        ArgumentNullException.ThrowIfNull(look);
        var (info, recipe) = Open(run);
        var context = new JobContext(recipe, NullRunRecorder.Instance, info.Folder, null, default) { Summary = info.Summary };
        var newest = context.Checkpoints.List().Select(c => c.Step).DefaultIfEmpty(-1).Max();
        if (_model is null || _model.Run != info.Id || _model.Newest != newest)
        {
            _model?.Dispose();
            _model = null;
            var stage = (recipe.Job as Job)?.StageToTrain(context)
                ?? throw new ArgumentException($"Run '{run}' is of the job '{recipe.Job.Name}', which keeps no single model to look into.",
                    nameof(run));
            _model = new OpenModel(info.Id, newest, stage.OpenBest());
        }
        var (task, evaluation) = _model.Best;
        if (task is not TTask wanted)
            throw new ArgumentException($"Run '{run}' is of the job '{recipe.Job.Name}'; this needs another kind of model.", nameof(run));
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        return look(wanted, evaluation);
    }

    /// <inheritdoc/>
    public void Dispose() => _model?.Dispose();

    private sealed record OpenModel(string Run, int Newest, (ITrainingTask Task, EvaluationContext Context) Best) : IDisposable
    {
        public void Dispose()
        {
            Best.Task.Dispose();
            Best.Context.Generator.Dispose();
        }
    }
}
