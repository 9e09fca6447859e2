using System.Diagnostics;

namespace Cresset.Runs;

/// <summary>
/// A run that is being recorded: its folder and its rows in the store. Points go through a queue to one writer thread that commits every
/// 250 ms; a killed process loses at most that much and never damages the database.
/// </summary>
/// <remarks>
/// A run that is disposed without <see cref="Finish"/> counts as failed: that is what an exception in a using block leaves behind.
/// </remarks>
public sealed class Run : IRunRecorder, IDisposable
{
    // Wall times come from the cheap monotonic clock, anchored once: a clock that is set back does not bend the curves.
    private readonly long _clockStart = Stopwatch.GetTimestamp();
    private readonly long _timeStart = EventFileWriter.Microseconds(DateTime.UtcNow);
    private readonly FileStream _lock;
    private readonly RunWriter _writer;
    private bool _ended;

    internal Run(RunStore store, RunInfo info, long key, FileStream held, bool eventFile, bool resumed)
    {
        Store = store;
        Id = info.Id;
        Name = info.Name;
        Kind = info.Kind;
        Folder = info.Folder;
        WasResumed = resumed;
        _lock = held;
        _writer = new RunWriter(store, key, Folder, eventFile);
    }

    /// <summary>The store it belongs to.</summary>
    public RunStore Store { get; }

    /// <summary>Readable unique id; the folder's name.</summary>
    public string Id { get; }

    /// <summary>Name given at its beginning.</summary>
    public string Name { get; }

    /// <summary>What is done.</summary>
    public string Kind { get; }

    /// <summary>Full path of the run's folder.</summary>
    public string Folder { get; }

    /// <summary>Folder for checkpoints; exists.</summary>
    public string CheckpointFolder => Path.Combine(Folder, "checkpoints");

    /// <summary>Folder for pictures; exists.</summary>
    public string SampleFolder => Path.Combine(Folder, "samples");

    /// <summary>Whether it was continued rather than begun.</summary>
    public bool WasResumed { get; }

    /// <inheritdoc/>
    public void Scalar(string tag, long step, double value)
    {
        ArgumentNullException.ThrowIfNull(tag);
        _writer.Scalar(tag, new(step, Now(), value));
    }

    /// <inheritdoc/>
    public string? Picture(string tag, long step, ReadOnlySpan<byte> png, string? caption = null)
        => RunMedia.Keep(Folder, _writer, tag, step, Now(), png, caption);

    /// <inheritdoc/>
    public void Text(string tag, long step, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var time = Now();
        _writer.Post(
            (connection, key) => connection.Execute(
                "INSERT OR REPLACE INTO texts (run, tag, step, time, text) VALUES ($0, $1, $2, $3, $4)", key, tag, step, time, text),
            events => events.Text(tag, step, time, text));
    }

    /// <inheritdoc/>
    public void Histogram(string tag, long step, ReadOnlySpan<float> values) => Histogram(tag, step, HistogramSummary.Of(values));

    /// <summary>Keeps a distribution that was counted already.</summary>
    public void Histogram(string tag, long step, HistogramSummary histogram)
    {
        ArgumentNullException.ThrowIfNull(histogram);
        var time = Now();
        var data = histogram.Encode();
        _writer.Post(
            (connection, key) => connection.Execute(
                "INSERT OR REPLACE INTO histograms (run, tag, step, time, data) VALUES ($0, $1, $2, $3, $4)", key, tag, step, time, data),
            events => events.Histogram(tag, step, time, histogram));
    }

    /// <inheritdoc/>
    public void Note(string text)
    {
        _writer.Post((connection, key) => connection.Execute("UPDATE runs SET note = $1 WHERE key = $0", key, text));
        _writer.ChangeFacts();
    }

    /// <inheritdoc/>
    public void Tag(string label)
    {
        _writer.Post((connection, key) => connection.Execute("INSERT OR IGNORE INTO tags (run, tag) VALUES ($0, $1)", key, label));
        _writer.ChangeFacts();
    }

    /// <inheritdoc/>
    public void TruncateAfter(long step, Func<string, bool>? tags = null) => _writer.Truncate(step, Now(), tags);

    /// <inheritdoc/>
    public IReadOnlyList<RunRequest> TakeRequests() => _writer.TakeRequests();

    /// <summary>
    /// Requests that are older than <paramref name="patience"/> in a run whose recording code never called <see cref="TakeRequests"/>;
    /// empty when it does, since then it answers them itself.
    /// </summary>
    public IReadOnlyList<RunRequest> UnheardRequests(TimeSpan patience) => _writer.UnheardRequests(DateTime.UtcNow - patience);

    /// <summary>
    /// From now on records what this process takes of the machine (<c>system/processor_percent</c>, <c>system/memory_mb</c>,
    /// <c>system/machine_memory_percent</c>, and of each graphics card <c>system/gpu0_percent</c> and <c>system/gpu0_memory_mb</c>) every
    /// five seconds at the newest step, from the writer's thread.
    /// </summary>
    public void RecordSystem() => _writer.RecordSystem(Now);

    /// <inheritdoc/>
    public void Answer(RunRequest request, string answer)
    {
        ArgumentNullException.ThrowIfNull(request);
        _writer.Post(
            (connection, key) =>
                connection.Execute("UPDATE control SET answer = $2 WHERE run = $0 AND key = $1", key, request.Key, answer));
    }

    /// <inheritdoc/>
    public void Flush() => _writer.Flush();

    /// <inheritdoc/>
    public void Finish(RunStatus status, IReadOnlyDictionary<string, double>? summary = null, string? message = null)
    {
        if (status is not (RunStatus.Finished or RunStatus.Stopped or RunStatus.Failed))
        {
            throw new ArgumentOutOfRangeException(nameof(status), status, "A run ends as Finished, Stopped or Failed.");
        }
        ObjectDisposedException.ThrowIf(_ended, this);
        _ended = true;
        try
        {
            _writer.Finish(status, summary ?? new Dictionary<string, double>(), message ?? "");
        }
        finally
        {
            _writer.Dispose();
            _lock.Dispose();
        }
    }

    /// <summary>Ends the run as failed unless <see cref="Finish"/> was called.</summary>
    public void Dispose()
    {
        if (_ended) return;
        try
        {
            Finish(RunStatus.Failed, null, "The run was left without being finished.");
        }
        catch (RunStoreException)
        {
            // The first error is the one to be seen; the run shows as interrupted.
        }
    }

    private long Now() => _timeStart + (long)Stopwatch.GetElapsedTime(_clockStart).TotalMicroseconds;
}
