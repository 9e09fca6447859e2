using Cresset.Tensors;

namespace Cresset.Training;

/// <summary>
/// Writes checkpoints, on a thread of its own when they may be written while training goes on: the snapshot holds copies then, so the file is the same.
/// At most one is being written; a second waits.
/// </summary>
internal sealed class CheckpointWriter(CheckpointFolder folder, int keepLast, HeadlineMetric? keepBest, bool background) : IDisposable
{
    private Task<Checkpoint>? _pending;
    private Snapshot? _state;

    /// <summary>Takes the snapshot over and writes it; returns what has been written, which in the background is the one before.</summary>
    public Checkpoint? Save(int step, Snapshot state, double? metric)
    {
        if (!background)
        {
            using (state) return folder.Save(step, state, metric, keepLast, keepBest);
        }
        var before = Finish();
        _state = state;
        _pending = Task.Run(() => folder.Save(step, state, metric, keepLast, keepBest));
        return before;
    }

    /// <summary>What was finished since the last call, or null.</summary>
    public Checkpoint? Poll() => _pending is { IsCompleted: true } ? Finish() : null;

    /// <summary>Waits for the one that is being written.</summary>
    /// <exception cref="IOException">It could not be written.</exception>
    public Checkpoint? Finish()
    {
        if (_pending is not { } pending) return null;
        try
        {
            return pending.GetAwaiter().GetResult();
        }
        finally
        {
            _pending = null;
            _state?.Dispose();
            _state = null;
        }
    }

    public void Dispose()
    {
        try
        {
            Finish();
        }
        catch (IOException)
        {
            // Training is leaving by another way: that error is the one to be seen, and the checkpoint before is whole.
        }
    }
}
