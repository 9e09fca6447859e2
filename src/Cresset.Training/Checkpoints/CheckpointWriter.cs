using Cresset.Tensors;

namespace Cresset.Training;

/// <summary>
/// Writes checkpoints, on a thread of its own when they may be written while training goes on: the snapshot holds copies then, so the file
/// is the same.
/// At most one is being written; a second waits.
/// </summary>
internal sealed class CheckpointWriter(CheckpointFolder folder, int keepLast, HeadlineMetric? keepBest, bool background) : IDisposable
{
    private Task<Checkpoint?>? _pending;
    private Snapshot? _state, _written;

    /// <summary>The step whose state was not worth a file, and why not.</summary>
    public (int Step, string Reason)? Refused { get; private set; }

    /// <summary>
    /// An empty snapshot to fill. In the background it takes its copies in the memory of the one before: for half a gigabyte, asking the
    /// system for new pages takes several times as long as the copy itself, and training would wait for it.
    /// </summary>
    public Snapshot Begin()
    {
        var before = _written;
        _written = null;
        return new Snapshot(background, before);
    }

    /// <summary>
    /// Takes the snapshot over and writes it unless <paramref name="fault"/> finds one; returns what has been written, which in the
    /// background is the one before.
    /// </summary>
    public Checkpoint? Save(int step, Snapshot state, double? metric, Func<Snapshot, string?> fault)
    {
        if (!background)
        {
            using (state) return Write(step, state, metric, fault);
        }
        var before = Finish();
        _state = state;
        _pending = Task.Run(() => Write(step, state, metric, fault));
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
            _written?.Dispose();
            (_written, _state) = (_state, null);
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
        _written?.Dispose();
        _written = null;
    }

    private Checkpoint? Write(int step, Snapshot state, double? metric, Func<Snapshot, string?> fault)
    {
        if (fault(state) is { } reason)
        {
            Refused = (step, reason);
            return null;
        }
        return folder.Save(step, state, metric, keepLast, keepBest);
    }
}
