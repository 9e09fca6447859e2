using Cresset.Numerics;
using Cresset.Tensors;
using Cresset.Training;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// A job that trains one module with the common trainer. A subject derives from it, says how its task is made from its options, and how to
/// draw from the trained model.
/// </summary>
/// <typeparam name="TModel">The record of the recipe's <c>model</c> section.</typeparam>
public abstract class TrainingJob<TModel> : Job
    where TModel : class, IOptionsRecord, new()
{
    /// <summary>Defaults of the <c>trainer</c> section.</summary>
    protected virtual TrainerOptions TrainerDefaults => new();

    /// <summary>Defaults of the <c>optimization</c> section.</summary>
    protected virtual OptimizationOptions OptimizationDefaults => new();

    /// <inheritdoc/>
    public override IReadOnlyList<OptionsSection> Sections =>
        [new("model", new TModel()), new("trainer", TrainerDefaults), new("optimization", OptimizationDefaults)];

    /// <inheritdoc/>
    public override string Evaluates => "figures and pictures of the best checkpoint on held-out data";

    /// <summary>
    /// Makes module, data and loss. libtorch's global stream is seeded before the call, so initial weights follow the seed.
    /// </summary>
    protected abstract ITrainingTask CreateTask(TModel options, TrainerOptions trainer);

    /// <summary>
    /// Draws from a trained task (in evaluation mode, without gradients); a job that overrides it says in <see cref="Job.Samples"/> what is
    /// drawn.
    /// </summary>
    /// <exception cref="NotSupportedException">The model does not generate.</exception>
    /// <exception cref="ArgumentException">The request asks for what the model does not take.</exception>
    protected virtual Drawing Draw(ITrainingTask task, SampleRequest request, Generator generator, Device device)
        => throw new NotSupportedException($"'{Name}' does not generate anything to sample; use eval for its figures.");

    /// <summary>Figures of the last <see cref="Draw"/>, such as its speed.</summary>
    protected virtual IReadOnlyDictionary<string, double> DrawMetrics(ITrainingTask task) => new Dictionary<string, double>();

    /// <summary>Writes the finished model (in evaluation mode, averaged weights if there are any) into the run's folder.</summary>
    protected virtual void Export(ITrainingTask task, string folder)
    {
        ArgumentNullException.ThrowIfNull(task);
        StateDict.Save(task.Module, Path.Combine(folder, "model.safetensors"), new Dictionary<string, string> { ["format"] = "pt" });
    }

    /// <inheritdoc/>
    public override JobOutcome Evaluate(JobContext context) => StageOf(context).Evaluate();

    /// <inheritdoc/>
    public override JobOutcome Sample(JobContext context, SampleRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Samples is null ? base.Sample(context, request)
            : StageToDraw(context).Sample(Name, request, (task, generator, device) => Draw(task, request, generator, device), DrawMetrics);
    }

    /// <inheritdoc/>
    protected override JobOutcome Work(JobContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return StageOf(context).Train(task => Export(task, context));
    }

    private protected virtual void Export(ITrainingTask task, JobContext context) => Export(task, context.Folder);

    private protected virtual ITrainingTask CreateTask(ResolvedRecipe recipe) =>
        CreateTask((TModel)recipe.Options["model"], (TrainerOptions)recipe.Options["trainer"]);

    /// <summary>A task to draw from and to export, from what the run's folder keeps of its data; null opens them.</summary>
    private protected virtual ITrainingTask? CreateWithoutData(JobContext context) => null;

    // A task was made for the run: the place to say what is worth saying about it.
    private protected virtual void Opened(ITrainingTask task, JobContext context)
    {
    }

    internal override IDisposable? Prepare(JobContext context) => StageOf(context).Prepare();

    internal override bool RunsOnRanks => true;

    internal override ExportedModel OpenExport(JobContext context)
    {
        var (task, _) = StageToDraw(context).OpenBest();
        try
        {
            return task is IExportsGraphs source
                ? new ExportedModel(task, source)
                : throw new NotSupportedException(
                    $"Models of '{Name}' have no rule for ONNX yet; the run's model.safetensors holds the weights ('cresset export RUN "
                        + $"--format safetensors').");
        }
        catch
        {
            task.Dispose();
            throw;
        }
    }

    internal override TrainingStage? StageToTrain(JobContext context) => StageOf(context);

    private TrainingStage StageOf(JobContext context) =>
        StageOf(context, () => CreateTask(context.Recipe), task => Opened(task, context));

    private TrainingStage StageToDraw(JobContext context)
    {
        var isKept = false;
        return StageOf(context, () =>
        {
            var task = CreateWithoutData(context);
            isKept = task is not null;
            return task ?? CreateTask(context.Recipe);
        }, task =>
        {
            if (!isKept) Opened(task, context);
        });
    }

    private static TrainingStage StageOf(JobContext context, Func<ITrainingTask> create, Action<ITrainingTask> opened)
    {
        ArgumentNullException.ThrowIfNull(context);
        return new TrainingStage(context, create, context.Options<TrainerOptions>("trainer"),
            context.Options<OptimizationOptions>("optimization"), opened);
    }
}
