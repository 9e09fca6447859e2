using Cresset.Runs;
using static TorchSharp.torch;

namespace Cresset.Training;

/// <summary>What a loss may use beside its batch.</summary>
/// <param name="Step">Finished steps before this one.</param>
/// <param name="TotalSteps">Steps of the whole run.</param>
/// <param name="Generator">The run's random stream (noise, timesteps, dropout masks of the task's own); saved in checkpoints.</param>
/// <param name="Device">Where the module and the batch are.</param>
/// <param name="Recorder">The run.</param>
/// <param name="IsLogged">False on steps whose values are not recorded: skip work done only for logging.</param>
public sealed record StepContext(int Step, int TotalSteps, Generator Generator, Device Device, IRunRecorder Recorder, bool IsLogged)
{
    /// <summary>Share of training that is done, 0 to 1.</summary>
    public double Progress => (double)Step / TotalSteps;

    /// <summary>Records a value under <c>train/name</c> on logged steps, at the number of steps that will then be finished.</summary>
    public void Log(string name, double value)
    {
        if (IsLogged) Recorder.Scalar($"train/{name}", Step + 1, value);
    }
}

/// <summary>What an evaluation may use.</summary>
/// <param name="Step">Finished steps.</param>
/// <param name="Generator">A stream made from the run's seed for this evaluation alone: looking at a model never changes its training.</param>
/// <param name="Device">Where the module is.</param>
/// <param name="IsFinal">The last evaluation of a run, or one asked for by hand: spend more.</param>
/// <param name="Cancellation">Stop soon when it is cancelled.</param>
public sealed record EvaluationContext(int Step, Generator Generator, Device Device, bool IsFinal, CancellationToken Cancellation);
