using static TorchSharp.torch;

namespace Cresset.Training;

/// <summary>What the trainer tells whoever watches.</summary>
public abstract record TrainingReport;

/// <summary>A step was done.</summary>
/// <param name="Step">Finished steps.</param>
/// <param name="TotalSteps">Steps of the run.</param>
/// <param name="Epoch">Finished passes over the data.</param>
/// <param name="Loss">Loss of this step.</param>
/// <param name="LearningRate">Learning rate of the first parameter group.</param>
/// <param name="StepsPerSecond">Since training began or was resumed, evaluations left out.</param>
/// <param name="ExamplesPerSecond">As above.</param>
/// <param name="Remaining">Expected time to the end.</param>
public sealed record StepReport(int Step, int TotalSteps, int Epoch, double Loss, double LearningRate, double StepsPerSecond,
    double ExamplesPerSecond, TimeSpan Remaining) : TrainingReport
{
    /// <summary>Share of the time of training that was spent waiting for the next batch.</summary>
    public double WaitingShare { get; init; }
}

/// <summary>A part of work that has no training steps was done: a repetition, a point of a sweep.</summary>
/// <param name="Done">Finished parts.</param>
/// <param name="Total">All parts.</param>
/// <param name="Part">What a part is, in one word.</param>
/// <param name="Figures">The latest figures; may be empty.</param>
/// <param name="Remaining">Expected time to the end.</param>
public sealed record WorkReport(int Done, int Total, string Part, string Figures, TimeSpan Remaining) : TrainingReport;

/// <summary>An evaluation was done.</summary>
/// <param name="Step">Finished steps.</param>
/// <param name="Metrics">Its figures.</param>
/// <param name="IsBest">The headline metric improved.</param>
public sealed record EvaluationReport(int Step, IReadOnlyDictionary<string, double> Metrics, bool IsBest) : TrainingReport;

/// <summary>A picture was written.</summary>
/// <param name="Step">Finished steps.</param>
/// <param name="Path">The file, or null when the run keeps none.</param>
/// <param name="Picture">The picture.</param>
public sealed record PictureReport(int Step, string? Path, TaskPicture Picture) : TrainingReport;

/// <summary>A text was written that shows where training stands.</summary>
/// <param name="Step">Finished steps.</param>
/// <param name="Tag">Name of the series.</param>
/// <param name="Text">The text.</param>
public sealed record TextReport(int Step, string Tag, string Text) : TrainingReport;

/// <summary>A checkpoint was written.</summary>
/// <param name="Checkpoint">The checkpoint.</param>
public sealed record CheckpointReport(Checkpoint Checkpoint) : TrainingReport;

/// <summary>Something worth a line.</summary>
/// <param name="Text">One sentence.</param>
public sealed record NoticeReport(string Text) : TrainingReport;

/// <summary>Why training ended.</summary>
public enum TrainingEnd
{
    /// <summary>All steps were done.</summary>
    Completed,

    /// <summary>No improvement for the allowed number of evaluations.</summary>
    StoppedEarly,

    /// <summary>Cancelled or told to stop; a checkpoint was saved.</summary>
    Cancelled,

    /// <summary>The time limit was reached; a checkpoint was saved.</summary>
    OutOfTime,
}

/// <summary>How a training run ended.</summary>
/// <param name="End">Why.</param>
/// <param name="Step">Finished steps.</param>
/// <param name="Metrics">Figures of the last evaluation.</param>
/// <param name="BestMetric">Best headline metric; NaN without an evaluation.</param>
/// <param name="BestStep">When it was reached.</param>
/// <param name="Duration">Wall time of this session.</param>
public sealed record TrainingResult(TrainingEnd End, int Step, IReadOnlyDictionary<string, double> Metrics, double BestMetric, int BestStep,
    TimeSpan Duration)
{
    /// <summary>Training came to its planned end or to an early stop, so that there is nothing to resume.</summary>
    public bool IsComplete => End is TrainingEnd.Completed or TrainingEnd.StoppedEarly;
}

/// <summary>
/// Loss, gradients or weights became NaN or infinite. The message names step, first bad tensor and the last good checkpoint.
/// </summary>
public sealed class TrainingDivergedException : Exception
{
    /// <summary>Makes the exception.</summary>
    public TrainingDivergedException(int step, string what, string? lastGood)
        : base($"Training diverged at step {step}: {what}. "
            + $"{(lastGood is null ? "No checkpoint had been saved yet." : $"The last good checkpoint is {lastGood}.")} Lower the learning "
            + $"rate, clip gradients (trainer.clip_norm=1) or add warm-up (optimization.warmup_steps=100).")
        => Step = step;

    /// <summary>Finished steps before the bad one.</summary>
    public int Step { get; }
}
