using System.Diagnostics;
using Cresset.Runs;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>What a dry run measured.</summary>
/// <param name="SecondsPerStep">Of a step after the first.</param>
/// <param name="Expected">Expected time of the whole training, evaluations included; null where a job says no number of steps.</param>
/// <param name="PeakMemoryBytes">Most memory of the process.</param>
/// <param name="CheckpointBytes">Size of a checkpoint.</param>
/// <param name="Metrics">What the evaluation gave, by name.</param>
public sealed record DryRunReport(double SecondsPerStep, TimeSpan? Expected, long PeakMemoryBytes, long CheckpointBytes,
    IReadOnlyDictionary<string, double> Metrics)
{
    /// <summary>Share of a step that was spent waiting for its batch.</summary>
    public double WaitingShare { get; init; }
}

public sealed partial class RecipeRunner
{
    private Func<string, string>? _foldersOfOthers;

    /// <summary>
    /// Does everything once that a training will do, in a folder that is deleted afterwards: a step, an evaluation, pictures, a checkpoint,
    /// and the way back from it. No run is recorded.
    /// </summary>
    /// <exception cref="NotSupportedException">The job is a study: it has no steps.</exception>
    public DryRunReport DryRun(ResolvedRecipe recipe, IProgress<TrainingReport>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        var trainers = recipe.Options.Where(o => o.Value is TrainerOptions).ToDictionary(o => o.Key, o => (TrainerOptions)o.Value);
        if (trainers.Count == 0 && recipe.Job is not IAgentJob)
            throw new NotSupportedException(
                $"'{recipe.Job.Name}' is a study, which has no steps to try; --print-config shows its settings.");
        var small = recipe with
        {
            Options =
                recipe.Options.ToDictionary(o => o.Key,
                    o => o.Value is TrainerOptions t
                        ? t with
                        {
                            Steps = 3,
                            EvaluateEvery = 1,
                            PicturesEvery = 1,
                            CheckpointEvery = 1,
                            Patience = 0,
                            TimeLimitMinutes = 0
                        } : o.Value),
        };
        var folder = Directory.CreateTempSubdirectory("cresset-dry-run-").FullName;
        try
        {
            using var scratch = RunStore.Open(folder);
            var runner = new RecipeRunner(scratch, catalog) { _foldersOfOthers = store is null ? null : name => store.Find(name).Folder };
            var watch = new DryRunWatch(progress);
            string id;
            using (var first = CancellationTokenSource.CreateLinkedTokenSource(cancellation))
            {
                watch.Stopped = first;
                id = runner.Train(small, null, watch, first.Token).RunId;
            }
            cancellation.ThrowIfCancellationRequested();
            // An agent's steps are many and small: one more report is enough.
            using (var second = CancellationTokenSource.CreateLinkedTokenSource(cancellation))
            {
                watch.Stopped = trainers.Count == 0 ? second : null;
                runner.Resume(id, null, null, watch, second.Token);
            }
            cancellation.ThrowIfCancellationRequested();
            var metrics = trainers.Count > 0 ? runner.Evaluate(id, watch, cancellation: cancellation).Outcome.Metrics
                : new Dictionary<string, double>();
            var evaluations = trainers.Values.Sum(t => t.EvaluateEvery > 0 ? t.Steps / t.EvaluateEvery : 1);
            var expected = trainers.Count == 0 ? (TimeSpan?)null
                : TimeSpan.FromSeconds((watch.SecondsPerStep * trainers.Values.Sum(t => (double)t.Steps))
                    + (watch.SecondsPerEvaluation * evaluations));
            var checkpoints = Directory.EnumerateFiles(scratch.FolderOf(id), "step-*.safetensors", SearchOption.AllDirectories)
                .Select(f => new FileInfo(f).Length).DefaultIfEmpty(0).Max();
            using var process = Process.GetCurrentProcess();
            return new DryRunReport(watch.SecondsPerStep, expected, process.PeakWorkingSet64, checkpoints,
                metrics)
            { WaitingShare = watch.WaitingShare };
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private sealed class DryRunWatch(IProgress<TrainingReport>? inner) : IProgress<TrainingReport>
    {
        private readonly Stopwatch _since = Stopwatch.StartNew();

        public CancellationTokenSource? Stopped { get; set; }

        public double SecondsPerStep { get; private set; }

        public double WaitingShare { get; private set; }

        public double SecondsPerEvaluation { get; private set; }

        public void Report(TrainingReport value)
        {
            switch (value)
            {
                case StepReport step:
                    // The first step allocates and compiles; what counts is the last.
                    SecondsPerStep = 1 / Math.Max(step.StepsPerSecond, 1e-9);
                    WaitingShare = step.WaitingShare;
                    Stopped?.Cancel();
                    _since.Restart();
                    break;
                case EvaluationReport:
                    SecondsPerEvaluation = _since.Elapsed.TotalSeconds;
                    break;
                case PictureReport or CheckpointReport:
                    return;
            }
            inner?.Report(value);
        }
    }
}
