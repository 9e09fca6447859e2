using Cresset.Data;
using Cresset.Runs;
using Cresset.Tensors;
using Cresset.Training;

namespace Cresset.Recipes;

public sealed partial class RecipeRunner
{
    /// <summary>A range test of learning rates for a recipe; records nothing.</summary>
    /// <exception cref="NotSupportedException">The job does not train one module with the common trainer.</exception>
    public static RateRange FindRate(ResolvedRecipe recipe, CancellationToken cancellation = default) => WithStage(recipe, stage =>
    {
        Seeding.Apply(stage.Options.Seed);
        using var task = stage.Create();
        return RateFinder.Run(task, stage.Options, stage.Optimization, cancellation: cancellation);
    });

    /// <summary>Trials of batch sizes for a recipe; records nothing.</summary>
    /// <exception cref="NotSupportedException">The job does not train one module with the common trainer.</exception>
    public static IReadOnlyList<BatchTrial> FindBatch(ResolvedRecipe recipe, CancellationToken cancellation = default) =>
        WithStage(recipe, stage =>
    {
        var trials = BatchFinder.Run(stage.Create, stage.Options, stage.Optimization, cancellation: cancellation);
        return trials.Count > 0 ? trials
            : throw new DataMismatchException("The data set has fewer examples than the smallest batch that is tried (8).");
    });

    private static T WithStage<T>(ResolvedRecipe recipe, Func<TrainingStage, T> work)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        var folder = Directory.CreateTempSubdirectory("cresset-trial-").FullName;
        try
        {
            var context = new JobContext(recipe, NullRunRecorder.Instance, folder, null, default);
            var stage = (recipe.Job as Job)?.StageToTrain(context)
                ?? throw new NotSupportedException(
                    $"'{recipe.Job.Name}' does not train one module with the common trainer, so there is no rate or batch to find.");
            return work(stage);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
