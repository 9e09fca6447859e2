using Cresset.Data;
using Cresset.Numerics;
using Cresset.Tensors;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>
/// A job that learns from a data set: any <see cref="DataSource"/>, named in the recipe's section <c>data</c>. What a model must know about
/// its data is stored in its file; what the run learned from is noted in its folder, and a difference on resuming is said.
/// </summary>
/// <typeparam name="TModel">The record of the recipe's <c>model</c> section.</typeparam>
public abstract class DataJob<TModel> : TrainingJob<TModel>, IUpgradesRecipes
    where TModel : class, IOptionsRecord, new()
{
    /// <summary>The data set of a recipe that names none.</summary>
    protected virtual DataSource DataDefaults => new DigitsData();

    /// <inheritdoc/>
    public override IReadOnlyList<OptionsSection> Sections => [new("data", DataDefaults), .. base.Sections];

    /// <summary>What the job needs of its data.</summary>
    protected abstract DataUse Use(TModel options);

    /// <summary>Makes the task, which takes the data over.</summary>
    protected abstract ITrainingTask CreateTask(TModel options, DataSplit data, TrainerOptions trainer);

    /// <inheritdoc/>
    protected override ITrainingTask CreateTask(TModel options, TrainerOptions trainer) => CreateTask(options, DataDefaults, trainer);

    private protected override ITrainingTask CreateTask(ResolvedRecipe recipe)
        => CreateTask((TModel)recipe.Options["model"], (DataSource)recipe.Options["data"], (TrainerOptions)recipe.Options["trainer"]);

    private protected override ITrainingTask? CreateWithoutData(JobContext context)
    {
        var options = context.Options<TModel>("model");
        return RunData.Kept(context, () => context.Options<DataSource>("data").Open(Use(options))) is { } data
            ? CreateTask(options, context.Options<TrainerOptions>("trainer"), data) : null;
    }

    private protected override void Opened(ITrainingTask task, JobContext context)
    {
        if (task is not ILearnsFromData learner) return;
        RankedStart.CompareData(context.Ranks, learner.Data);
        RunData.Compare(context, learner.Data);
    }

    private protected override void Export(ITrainingTask task, JobContext context)
    {
        if (task is not ILearnsFromData learner)
        {
            base.Export(task, context);
            return;
        }
        var metadata = ModelFile.Metadata(Name, context.Options<TModel>("model"), learner.Data.Facts);
        Describe(task, metadata);
        StateDict.Save(task.Module, Path.Combine(context.Folder, ModelFile.Name), metadata);
    }

    /// <summary>What else a model file must say; called with the finished model in evaluation mode.</summary>
    private protected virtual void Describe(ITrainingTask task, IDictionary<string, string> metadata)
    {
    }

    void IUpgradesRecipes.Upgrade(ConfigMap recipe) => Upgrade(recipe);

    string? IUpgradesRecipes.Earlier(string key) => Earlier(key);

    private protected virtual void Upgrade(ConfigMap recipe) => OldDataKeys.Move(recipe, "model");

    private protected virtual string? Earlier(string key) => null;

    private ITrainingTask CreateTask(TModel options, DataSource source, TrainerOptions trainer) =>
        CreateTask(options, trainer, source.Open(Use(options)));

    private ITrainingTask CreateTask(TModel options, TrainerOptions trainer, DataSplit data)
    {
        try
        {
            return CreateTask(options, data, trainer);
        }
        catch
        {
            data.Dispose();
            throw;
        }
    }
}

/// <summary>A task that knows its data set.</summary>
public interface ILearnsFromData
{
    /// <summary>The data set; owned by the task.</summary>
    DataSplit Data { get; }
}
