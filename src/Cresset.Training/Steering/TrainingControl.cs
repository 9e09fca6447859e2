using System.Collections.Concurrent;
using System.Globalization;
using Cresset.Runs;

namespace Cresset.Training;

/// <summary>
/// Tells a training that runs what to do after its current step. All members may be called from any thread; the same can be asked through
/// the store.
/// </summary>
public sealed class TrainingControl
{
    private readonly ConcurrentQueue<(string Command, string Value)> _asked = new();

    /// <summary>Save a checkpoint and stop; the run can be resumed.</summary>
    public void Stop() => _asked.Enqueue((RunRequest.Stop, ""));

    /// <summary>Save a checkpoint and go on.</summary>
    public void Save() => _asked.Enqueue((RunRequest.Save, ""));

    /// <summary>Evaluate now, beside the evaluations that are due.</summary>
    public void Evaluate() => _asked.Enqueue((RunRequest.Evaluate, ""));

    /// <summary>Multiply the learning rates, now and in what the schedule still has to give; part of the saved state.</summary>
    public void ScaleRate(double factor)
    {
        if (!(factor > 0) || !double.IsFinite(factor))
            throw new ArgumentOutOfRangeException(nameof(factor), factor, "The factor must be positive and finite.");
        _asked.Enqueue((RunRequest.Rate, "x" + factor.ToString("R", CultureInfo.InvariantCulture)));
    }

    internal bool TryTake(out (string Command, string Value) asked) => _asked.TryDequeue(out asked);
}
