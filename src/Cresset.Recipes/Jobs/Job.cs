using Cresset.Distributed;
using Cresset.Runs;
using Cresset.Tensors;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>
/// The base of all jobs. It alone begins and resumes: what derives from it says what there is to learn or measure. A run that came to its
/// end is not done again; one that was stopped or killed goes on, and nothing is recorded twice.
/// </summary>
public abstract class Job : IJob
{
    /// <inheritdoc/>
    public abstract string Name { get; }

    /// <inheritdoc/>
    public abstract string Summary { get; }

    /// <inheritdoc/>
    public abstract IReadOnlyList<OptionsSection> Sections { get; }

    /// <inheritdoc/>
    public virtual string Evaluates => "the figures that the run ended with";

    /// <inheritdoc/>
    public virtual string? Samples => null;

    /// <summary>Whether several processes can do this job together.</summary>
    internal virtual bool RunsOnRanks => false;

    /// <summary>Whether a job without a trainer computes in libtorch, whose version and threads decide its last bits.</summary>
    internal virtual bool ComputesInLibtorch => false;

    /// <inheritdoc/>
    public virtual void Check(ResolvedRecipe recipe)
    {
    }

    /// <inheritdoc/>
    public JobOutcome Run(JobContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var finished = context.Ranks.Rank == 0 ? StoredOutcome.Of(context, sameRecipe: true) : null;
        if (context.Ranks.Any(finished is not null))
        {
            context.Progress?.Report(new NoticeReport("This run had come to its end; nothing is done again."));
            return finished ?? new JobOutcome(true, new Dictionary<string, double>(), []);
        }
        try
        {
            var outcome = Work(context);
            if (outcome.Completed && context.Ranks.Rank == 0) StoredOutcome.Save(context, outcome);
            return outcome;
        }
        catch (OperationCanceledException) when (context.Cancellation.IsCancellationRequested || context.Ranks.Size > 1)
        {
            return JobOutcome.Stopped;
        }
    }

    /// <inheritdoc/>
    public virtual JobOutcome Evaluate(JobContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return StoredOutcome.Of(context, sameRecipe: false)
            ?? throw new InvalidDataException(
                $"{context.Folder} holds no figures: the run has not come to its end. 'cresset train --resume' goes on with it.");
    }

    /// <inheritdoc/>
    public virtual JobOutcome Sample(JobContext context, SampleRequest request)
        => throw new NotSupportedException(
            $"'{Name}' does not generate anything to sample; 'cresset eval' gives {Evaluates}, and its pictures are in the run's folder.");

    /// <summary>
    /// Opens what the work needs of the world outside (data, weights, devices), before a run is begun: what is wrong there costs no run.
    /// The job's work takes over what is returned.
    /// </summary>
    /// <param name="context">The recipe, and who watches; there is neither a folder nor a recorder yet.</param>
    internal virtual IDisposable? Prepare(JobContext context) => null;

    /// <summary>Begins the work, or goes on with it.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled; everything worth keeping is saved.</exception>
    protected abstract JobOutcome Work(JobContext context);

    /// <summary>
    /// Refuses settings that can no longer change in a run that is resumed; what only fails to fit is found when its state is loaded.
    /// </summary>
    /// <param name="context">The run with its new settings.</param>
    /// <param name="changed">Dotted keys whose values differ from those of before.</param>
    /// <exception cref="ConfigException">One of them cannot change.</exception>
    protected internal virtual void CheckChanges(JobContext context, IReadOnlyCollection<string> changed)
    {
    }

    /// <summary>
    /// What the job trains, for those who look at it beforehand; null for jobs that do not train one module with the common trainer.
    /// </summary>
    internal virtual TrainingStage? StageToTrain(JobContext context) => null;

    /// <summary>The functions of the run's best model for other programs.</summary>
    /// <exception cref="NotSupportedException">The job makes no model that a file could hold.</exception>
    internal virtual ExportedModel OpenExport(JobContext context) =>
        throw new NotSupportedException(
            $"'{Name}' makes no module that an ONNX file could hold; 'cresset export' takes runs of recipes that train one.");

    /// <summary>
    /// Lets <paramref name="state"/> go on from the newest whole checkpoint, or begins; what will be recorded again is forgotten.
    /// </summary>
    /// <returns>The step it goes on from; 0 at the beginning.</returns>
    internal static int GoOn(JobContext context, ISaved state, int steps)
    {
        var checkpoint = context.Checkpoints.Resume(state, context.Recorder, out var notices, context.Ranks);
        foreach (var notice in notices) context.Progress?.Report(new NoticeReport(notice));
        context.Begun?.Invoke();
        if (checkpoint is null) return 0;
        context.Progress?.Report(new NoticeReport($"Resumed at step {checkpoint.Step} of {steps}."));
        return checkpoint.Step;
    }
}
