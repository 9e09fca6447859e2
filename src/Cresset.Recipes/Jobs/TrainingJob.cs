using Cresset.Numerics;
using Cresset.Runs;
using Cresset.Tensors;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// A job that trains one module with the common trainer. A subject derives from it, says how its task is made from its
/// options, and how to draw from the trained model.
/// </summary>
/// <typeparam name="TModel">The record of the recipe's <c>model</c> section.</typeparam>
public abstract class TrainingJob<TModel> : IJob
    where TModel : class, IOptionsRecord, new()
{
    /// <inheritdoc/>
    public abstract string Name { get; }

    /// <inheritdoc/>
    public abstract string Summary { get; }

    /// <summary>Defaults of the <c>trainer</c> section.</summary>
    protected virtual TrainerOptions TrainerDefaults => new();

    /// <summary>Defaults of the <c>optimization</c> section.</summary>
    protected virtual OptimizationOptions OptimizationDefaults => new();

    /// <inheritdoc/>
    public IReadOnlyList<OptionsSection> Sections => [new("model", new TModel()), new("trainer", TrainerDefaults), new("optimization", OptimizationDefaults)];

    /// <summary>Makes module, data and loss. libtorch's global stream is seeded before the call, so initial weights follow the seed.</summary>
    protected abstract ITrainingTask CreateTask(TModel options, TrainerOptions trainer);

    /// <summary>Pictures drawn from a trained task (in evaluation mode, without gradients). By default there is nothing to draw.</summary>
    /// <exception cref="NotSupportedException">The model does not generate.</exception>
    protected virtual IEnumerable<TaskPicture> Draw(ITrainingTask task, SampleRequest request, Generator generator, Device device)
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
    public JobOutcome Run(JobContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var options = context.Options<TrainerOptions>("trainer");
        Seeding.Apply(options.Seed);
        using var task = CreateTask(context.Options<TModel>("model"), options);
        using var trainer = new Trainer(task, options, context.Options<OptimizationOptions>("optimization"), context.Recorder, context.Checkpoints);
        var resumed = trainer.TryResume(out var damaged);
        foreach (var notice in damaged) context.Progress?.Report(new NoticeReport($"{notice}; the checkpoint before it is used."));
        // What was recorded after the checkpoint will be recorded again.
        (context.Recorder as Run)?.TruncateAfter(trainer.Step == 0 ? -1 : trainer.Step);
        if (resumed) context.Progress?.Report(new NoticeReport($"Resumed at step {trainer.Step} of {options.Steps}."));
        var pictures = new List<string>();
        var result = trainer.Run(new PictureCollector(context.Progress, pictures), context.Cancellation);
        if (result.End != TrainingEnd.Cancelled) trainer.InEvaluation(() =>
        {
            Export(task, context.Folder);
            return true;
        });
        return new JobOutcome(result.End != TrainingEnd.Cancelled, Ordered(result.Metrics, task.Headline), pictures);
    }

    /// <inheritdoc/>
    public JobOutcome Evaluate(JobContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return WithBest(context, (task, evaluation) =>
        {
            var metrics = Ordered(task.Evaluate(evaluation), task.Headline);
            var pictures = task.Pictures(evaluation).Select(p => Keep(context, "eval", evaluation.Step, p)).ToList();
            return new JobOutcome(true, metrics, pictures);
        });
    }

    /// <inheritdoc/>
    public JobOutcome Sample(JobContext context, SampleRequest request)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(request);
        return WithBest(context, (task, evaluation) =>
        {
            using var generator = Seeding.Generator(request.Seed, "sample");
            var pictures = Draw(task, request, generator, evaluation.Device).Select(p => Keep(context, request.OutputFolder ?? "samples", evaluation.Step, p)).ToList();
            return new JobOutcome(true, DrawMetrics(task), pictures);
        });
    }

    private JobOutcome WithBest(JobContext context, Func<ITrainingTask, EvaluationContext, JobOutcome> work)
    {
        var options = context.Options<TrainerOptions>("trainer");
        Seeding.Apply(options.Seed);
        using var task = CreateTask(context.Options<TModel>("model"), options);
        using var opened = context.Checkpoints.OpenBest(task.Headline, out var damaged)
            ?? throw new InvalidDataException($"{context.Checkpoints.FolderPath} holds no usable checkpoint{(damaged.Count == 0 ? "" : ": " + string.Join("; ", damaged))}. Train the run first.");
        foreach (var notice in damaged) context.Progress?.Report(new NoticeReport($"{notice}; another checkpoint is used."));
        StateDict.Load(task.Module, opened.Source, keys: KeyMap.Identity.Only("model/"));
        // Averages exist for parameters alone: buffers stay those of the model.
        if (opened.Source.Entries.Keys.Any(k => k.StartsWith("average/", StringComparison.Ordinal))) StateDict.Load(task.Module, opened.Source, strict: false, keys: KeyMap.Identity.Only("average/"));
        var device = ComputeDevice.Resolve(options.Device);
        task.Module.to(device);
        task.Module.eval();
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        return work(task, new EvaluationContext(opened.Checkpoint.Step, Seeding.Generator(options.Seed, "evaluation"), device, true, context.Cancellation));
    }

    private static string Keep(JobContext context, string folder, int step, TaskPicture picture)
    {
        var path = Path.Combine(Path.IsPathRooted(folder) || folder.Contains(Path.DirectorySeparatorChar, StringComparison.Ordinal) ? folder : Path.Combine(context.Folder, folder), $"{picture.Tag}-{step:00000000}.png");
        AtomicFile.WriteBytes(path, picture.Png);
        return path;
    }

    private static Dictionary<string, double> Ordered(IReadOnlyDictionary<string, double> metrics, HeadlineMetric headline)
        => metrics.OrderByDescending(m => m.Key == headline.Name).ToDictionary(m => m.Key, m => m.Value);

    private sealed class PictureCollector(IProgress<TrainingReport>? inner, List<string> pictures) : IProgress<TrainingReport>
    {
        public void Report(TrainingReport value)
        {
            if (value is PictureReport { Path: { } path }) pictures.Add(path);
            inner?.Report(value);
        }
    }
}
