using Cresset.Runs;
using Cresset.Tensors;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>One module trained by the common trainer: the whole of most jobs, a stage of some.</summary>
/// <param name="context">The run, or the stage's part of it.</param>
/// <param name="create">Makes module, data and loss; libtorch's global stream is seeded before the call.</param>
/// <param name="options">How long and what to keep.</param>
/// <param name="optimization">Optimizer and schedule.</param>
/// <param name="opened">Called with every task that is made for the run, before it does anything.</param>
internal sealed class TrainingStage(JobContext context, Func<ITrainingTask> create, TrainerOptions options,
    OptimizationOptions optimization, Action<ITrainingTask>? opened = null)
{
    /// <summary>
    /// Opens data and weights and makes the module before the run is begun: whatever is wrong with them costs no run. The task is the
    /// caller's; given back as <see cref="JobContext.Prepared"/>, it is what <see cref="Train"/> trains.
    /// </summary>
    public ITrainingTask Prepare()
    {
        Seeding.Apply(options.Seed);
        var task = create();
        try
        {
            // The trainer gives the other ranks the weights of rank 0.
            if (options.InitFrom.Length > 0 && context.Ranks.Rank == 0)
                WarmStart.Load(task.Module, FileToBeginWith(task.Headline), options.InitKeys);
            Trainer.Check(task, options, optimization);
            return task;
        }
        catch
        {
            task.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Trains, or goes on; <paramref name="export"/> gets the finished task in evaluation mode, averaged weights in place.
    /// </summary>
    public JobOutcome Train(Action<ITrainingTask> export)
    {
        using var task = context.TakePrepared() ?? Make();
        opened?.Invoke(task);
        // The trainer gives the others the weights of rank 0.
        if (context.Ranks.Rank == 0) WarmStartFrom(task);
        using var trainer = new Trainer(task, options, optimization, context.Recorder, context.Checkpoints, context.Ranks);
        Job.GoOn(context, trainer, options.Steps);
        var pictures = new List<string>();
        var result = trainer.Run(new PictureCollector(context.Progress, pictures), context.Cancellation);
        if (!result.IsComplete) return JobOutcome.Stopped;
        if (context.Ranks.Rank > 0) return new JobOutcome(true, Ordered(result.Metrics, task.Headline), []);
        if (options.KeepBest && result.BestStep != result.Step && result.BestStep > 0
            && ExportBest(task, export, result.BestStep) is { } best)
        {
            context.Progress
                ?.Report(
                    new NoticeReport(
                        $"The best model by {task.Headline.Name} is that of step {result.BestStep}: the figures below and the run's model "
                            + $"file are its."));
            return new JobOutcome(true, best, pictures);
        }
        trainer.InEvaluation(() =>
        {
            export(task);
            return true;
        });
        return new JobOutcome(true, Ordered(result.Metrics, task.Headline), pictures);
    }

    // Into the trained task, which is not trained on: a second model may not fit into memory. Null where that checkpoint is gone; the last
    // model is the run's then.
    private IReadOnlyDictionary<string, double>? ExportBest(ITrainingTask task, Action<ITrainingTask> export, int step)
    {
        using var best = context.Checkpoints.OpenBest(task.Headline, out _);
        if (best?.Checkpoint.Step != step) return null;
        return WithWeights(task, best, evaluation =>
        {
            export(task);
            return Ordered(task.Evaluate(evaluation), task.Headline);
        });
    }

    // A run that goes on has its weights already.
    private void WarmStartFrom(ITrainingTask task)
    {
        if (options.InitFrom.Length == 0 || context.Checkpoints.List().Count > 0) return;
        var path = FileToBeginWith(task.Headline);
        var (taken, all, converted) = WarmStart.Load(task.Module, path, options.InitKeys);
        var types = converted.Count == 0 ? "" : $", {converted.Count} of them in another element type ({converted[0]})";
        context.Progress?.Report(
            new NoticeReport($"Begins with {(taken == all ? "all" : $"{taken} of {all}")} tensors of {path}{types}."));
    }

    private string FileToBeginWith(HeadlineMetric headline)
    {
        if (File.Exists(options.InitFrom)) return options.InitFrom;
        var folder = Directory.Exists(options.InitFrom)
            ? options.InitFrom
            : context.FolderOfRun?.Invoke(options.InitFrom)
                ?? throw new FileNotFoundException($"trainer.init_from is '{options.InitFrom}': there is no such file or folder.");
        var checkpoints = new CheckpointFolder(Path.Combine(folder, "checkpoints"));
        using (var best = checkpoints.OpenBest(headline, out _))
        {
            if (best is not null) return Path.Combine(checkpoints.FolderPath, best.Checkpoint.File);
        }
        var model = Path.Combine(folder, "model.safetensors");
        return File.Exists(model) ? model
            : throw new FileNotFoundException(
                $"trainer.init_from is '{options.InitFrom}': {folder} holds neither checkpoints nor a model.safetensors.");
    }

    /// <summary>Figures and pictures of the best checkpoint.</summary>
    public JobOutcome Evaluate() => WithBest((task, evaluation) =>
    {
        var metrics = Ordered(task.Evaluate(evaluation), task.Headline);
        return new JobOutcome(true, metrics, Keep("eval", evaluation.Step, task.Pictures(evaluation)));
    });

    /// <summary>Draws from the best checkpoint.</summary>
    public JobOutcome Sample(string job, SampleRequest request, Func<ITrainingTask, Generator, Device, Drawing> draw,
        Func<ITrainingTask, IReadOnlyDictionary<string, double>> metrics) => WithBest((task, evaluation) =>
    {
        using var generator = Seeding.Generator(request.Seed, "sample");
        var folder = Path.Combine(context.Folder, request.OutputFolder ?? "samples");
        var pictures = draw(task, generator, evaluation.Device).Save(folder, evaluation.Step, request, job);
        // The figures, such as the speed, are those of this draw.
        return new JobOutcome(true, metrics(task), pictures);
    });

    /// <summary>How long and what to keep.</summary>
    public TrainerOptions Options => options;

    /// <summary>Optimizer and schedule.</summary>
    public OptimizationOptions Optimization => optimization;

    // Initial weights follow the seed.
    private ITrainingTask Make()
    {
        Seeding.Apply(options.Seed);
        return create();
    }

    /// <summary>A new task; libtorch's global stream must have been seeded.</summary>
    public ITrainingTask Create() => create();

    /// <summary>A task with the best weights, in evaluation mode; both parts are the caller's.</summary>
    public (ITrainingTask Task, EvaluationContext Context) OpenBest()
    {
        var task = Make();
        try
        {
            opened?.Invoke(task);
            using var best = context.Checkpoints.OpenBest(task.Headline, out var damaged)
                ?? throw new InvalidDataException(
                    $"{context.Checkpoints.FolderPath} holds no usable checkpoint "
                        + $"yet{(damaged.Count == 0 ? "" : ": " + string.Join("; ", damaged))}.");
            return (task, WithWeights(task, best, evaluation => evaluation));
        }
        catch
        {
            task.Dispose();
            throw;
        }
    }

    private JobOutcome WithBest(Func<ITrainingTask, EvaluationContext, JobOutcome> work)
    {
        using var task = Make();
        opened?.Invoke(task);
        using var best = context.Checkpoints.OpenBest(task.Headline, out var damaged)
            ?? throw new InvalidDataException(
                $"{context.Checkpoints.FolderPath} holds no usable "
                    + $"checkpoint{(damaged.Count == 0 ? "" : ": " + string.Join("; ", damaged))}. Train the run first.");
        foreach (var notice in damaged) context.Progress?.Report(new NoticeReport($"{notice}; another checkpoint is used."));
        return WithWeights(task, best, evaluation => work(task, evaluation));
    }

    private T WithWeights<T>(ITrainingTask task, OpenedCheckpoint saved, Func<EvaluationContext, T> work)
    {
        StateDict.Load(task.Module, saved.Source, keys: KeyMap.Identity.Only("model/"));
        // Averages exist for parameters alone: buffers stay those of the model.
        if (saved.Source.Entries.Keys.Any(k => k.StartsWith("average/", StringComparison.Ordinal)))
            StateDict.Load(task.Module, saved.Source, strict: false, keys: KeyMap.Identity.Only("average/"));
        var device = ComputeDevice.Resolve(options.Device);
        task.Module.to(device);
        task.Module.eval();
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        return work(
            new EvaluationContext(saved.Checkpoint.Step, Seeding.Generator(options.Seed, "evaluation"), device, true,
                context.Cancellation));
    }

    private List<string> Keep(string folder, int step, IEnumerable<TaskPicture> pictures)
    {
        var kept = new List<string>();
        foreach (var picture in pictures)
        {
            try
            {
                kept.Add(PictureFile.Save(Path.Combine(context.Folder, folder), picture.Tag, step, picture.Png));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The figures are computed already: a folder that is for reading only must not cost them.
                context.Progress?.Report(new NoticeReport($"The picture '{picture.Tag}' is not kept: {e.Message}"));
            }
        }
        return kept;
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
