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
internal sealed class TrainingStage(JobContext context, Func<ITrainingTask> create, TrainerOptions options, OptimizationOptions optimization)
{
    /// <summary>Trains, or goes on; <paramref name="export"/> gets the finished task in evaluation mode, averaged weights in place.</summary>
    public JobOutcome Train(Action<ITrainingTask> export)
    {
        Seeding.Apply(options.Seed);
        using var task = create();
        using var trainer = new Trainer(task, options, optimization, context.Recorder, context.Checkpoints);
        Job.GoOn(context, trainer, options.Steps);
        var pictures = new List<string>();
        var result = trainer.Run(new PictureCollector(context.Progress, pictures), context.Cancellation);
        if (!result.IsComplete) return JobOutcome.Stopped;
        trainer.InEvaluation(() =>
        {
            export(task);
            return true;
        });
        return new JobOutcome(true, Ordered(result.Metrics, task.Headline), pictures);
    }

    /// <summary>Figures and pictures of the best checkpoint.</summary>
    public JobOutcome Evaluate() => WithBest((task, evaluation) =>
    {
        var metrics = Ordered(task.Evaluate(evaluation), task.Headline);
        return new JobOutcome(true, metrics, Keep("eval", evaluation.Step, task.Pictures(evaluation)));
    });

    /// <summary>Draws from the best checkpoint.</summary>
    public JobOutcome Sample(string job, SampleRequest request, Func<ITrainingTask, Generator, Device, Drawing> draw, Func<ITrainingTask, IReadOnlyDictionary<string, double>> metrics) => WithBest((task, evaluation) =>
    {
        using var generator = Seeding.Generator(request.Seed, "sample");
        var folder = Path.Combine(context.Folder, request.OutputFolder ?? "samples");
        var pictures = draw(task, generator, evaluation.Device).Save(folder, evaluation.Step, request, job);
        // The figures, such as the speed, are those of this draw.
        return new JobOutcome(true, metrics(task), pictures);
    });

    private JobOutcome WithBest(Func<ITrainingTask, EvaluationContext, JobOutcome> work)
    {
        Seeding.Apply(options.Seed);
        using var task = create();
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

    private List<string> Keep(string folder, int step, IEnumerable<TaskPicture> pictures)
        => pictures.Select(p => PictureFile.Save(Path.Combine(context.Folder, folder), p.Tag, step, p.Png)).ToList();

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
