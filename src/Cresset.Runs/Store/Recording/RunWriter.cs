using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Data.Sqlite;

namespace Cresset.Runs;

/// <summary>
/// Carries what a run records into the database and the event file. A thread commits every 250 ms; Flush, Truncate and Finish commit on the
/// caller's thread. Nothing is forgotten before its transaction stands, so a full disk that gets room again costs no point.
/// </summary>
internal sealed class RunWriter : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan SystemPause = TimeSpan.FromSeconds(5);

    private readonly AutoResetEvent _wake = new(false);
    private readonly PointQueue _queue;
    private readonly Lock _commit = new();
    private readonly Lock _posting = new();
    private readonly SqliteConnection _connection;
    private readonly SqliteCommand _chunk;
    private readonly EventFileWriter? _events;
    private readonly Dictionary<string, SeriesAppender> _series = [];
    private readonly List<PendingPoint> _points = [];
    private readonly List<Func<SqliteConnection, long, int>> _rows = [];
    private readonly ColumnWriter _columns = new();
    private readonly Thread _thread;
    private readonly string _path;
    private readonly string _folder;
    private readonly long _key;
    private readonly List<(Func<SqliteConnection, long, int> Row, Action<EventFileWriter>? Event)> _posts = [];
    private readonly ConcurrentQueue<RunRequest> _requests = new();
    private long _lastBeat = Stopwatch.GetTimestamp();
    private long _lastLook = Stopwatch.GetTimestamp();
    private volatile Exception? _fault;
    private volatile bool _stop;
    private volatile bool _factsChanged;
    private volatile bool _isListening;
    private volatile Func<long>? _systemClock;
    private SystemFigures? _system;
    private long _systemTaken;
    private long _newestStep;

    public RunWriter(RunStore store, long key, string folder, bool eventFile)
    {
        _queue = new(_wake);
        _path = store.DatabasePath;
        _folder = folder;
        _key = key;
        _connection = store.OpenConnection();
        _chunk = ChunkRow.Command(_connection);
        _events = eventFile ? new EventFileWriter(folder) { OwnerFlushes = true } : null;
        _thread = new Thread(Work) { IsBackground = true, Name = "run writer" };
        _thread.Start();
    }

    public void Scalar(string tag, in SeriesPoint point)
    {
        ThrowIfFaulted();
        _queue.Add(tag, point);
    }

    public void Post(Func<SqliteConnection, long, int> row, Action<EventFileWriter>? record = null)
    {
        ThrowIfFaulted();
        ObjectDisposedException.ThrowIf(_stop, typeof(Run));
        lock (_posting) _posts.Add((row, record));
    }

    /// <summary>Measures the process from now on, with wall times of <paramref name="clock"/>.</summary>
    public void RecordSystem(Func<long> clock) => _systemClock = clock;

    public IReadOnlyList<RunRequest> UnheardRequests(DateTime before)
    {
        if (_isListening || !_requests.TryPeek(out var first) || first.Time > before) return [];
        var taken = new List<RunRequest>();
        while (_requests.TryDequeue(out var request)) taken.Add(request);
        return taken;
    }

    public IReadOnlyList<RunRequest> TakeRequests()
    {
        _isListening = true;
        if (_requests.IsEmpty) return [];
        var taken = new List<RunRequest>();
        while (_requests.TryDequeue(out var request)) taken.Add(request);
        return taken;
    }

    public void Flush()
    {
        ObjectDisposedException.ThrowIf(_stop, typeof(Run));
        Commit(null);
        if (!_factsChanged) return;
        _factsChanged = false;
        WriteFacts();
    }

    /// <summary>Says that the run's facts change with the next commit, so that its folder must say so too.</summary>
    public void ChangeFacts() => _factsChanged = true;

    public void Truncate(long step, long time, Func<string, bool>? tags)
    {
        lock (_commit)
        {
            Flush();
            var kept = false;
            Commit(connection => kept = SeriesTruncation.TruncateAfter(connection, _key, step, _folder, tags));
            // Only now: had the transaction failed, the appenders would hold what the database lacks.
            _series.Clear();
            Interlocked.Exchange(ref _newestStep, Math.Min(Interlocked.Read(ref _newestStep), step));
            if (_events is null) return;
            _events.Restart(step + 1, time);
            // A restart hides every later record of the event file, those of other stages among them: they are written once more.
            if (kept) KeptEvents.Write(_connection, _events, _key, step, _folder);
            _events.Flush();
        }
    }

    public void Finish(RunStatus status, IReadOnlyDictionary<string, double> summary, string message)
    {
        _stop = true;
        _queue.Close();
        _wake.Set();
        _thread.Join();
        Commit(connection =>
        {
            connection.Execute(
                "UPDATE runs SET status = $1, message = $2, ended = $3 WHERE key = $0",
                _key, status.ToString().ToLowerInvariant(), message, EventFileWriter.Microseconds(DateTime.UtcNow));
            connection.Execute("DELETE FROM summary WHERE run = $0", _key);
            foreach (var (place, (name, value)) in summary.Index())
                connection.Execute("INSERT INTO summary (run, key, value, place) VALUES ($0, $1, $2, $3)", _key, name, value, place);
            Beat(connection);
        });
        WriteFacts();
    }

    /// <summary>Closes database and event file; call <see cref="Finish"/> before.</summary>
    public void Dispose()
    {
        _system?.Dispose();
        _chunk.Dispose();
        _connection.Dispose();
        _wake.Dispose();
        try
        {
            _events?.Dispose();
        }
        catch (IOException)
        {
            // Finish has reported the full disk already, and the file ends with a whole record.
        }
    }

    private void Work()
    {
        while (!_stop)
        {
            _wake.WaitOne(Interval);
            try
            {
                MeasureSystem();
                Commit(null);
                TakeUpRequests();
            }
            catch (Exception e) when (e is RunStoreException or InvalidDataException)
            {
                // Kept in _fault: the recording threads learn of it at their next call.
            }
        }
    }

    private void MeasureSystem()
    {
        if (_stop || _systemClock is not { } clock) return;
        if (_system is null)
        {
            // The first figures come after a second, so that short runs have some, too.
            _system = new SystemFigures();
            _systemTaken = Stopwatch.GetTimestamp() - (long)((SystemPause - Look).TotalSeconds * Stopwatch.Frequency);
        }
        else if (Stopwatch.GetElapsedTime(_systemTaken) >= SystemPause)
        {
            _systemTaken = Stopwatch.GetTimestamp();
            var step = Interlocked.Read(ref _newestStep);
            // Past the queue: its recorders may wait for this very thread.
            lock (_commit) foreach (var (tag, value) in _system.Take()) Add(new(tag, new(step, clock(), value)));
        }
    }

    private void Add(in PendingPoint pending)
    {
        _points.Add(pending);
        _events?.Scalar(pending.Tag, pending.Point.Step, pending.Point.WallTime, pending.Point.Value);
    }

    /// <summary>Stores everything pending, and <paramref name="also"/>, in one transaction.</summary>
    private void Commit(Action<SqliteConnection>? also)
    {
        lock (_commit)
        {
            try
            {
                Collect();
                var beat = Stopwatch.GetElapsedTime(_lastBeat) >= Heartbeat;
                // A database that was deleted would go on taking rows that nobody can find.
                if ((beat || also is not null) && !File.Exists(_path))
                    throw new RunStoreException(
                        $"'{_path}' was deleted or moved away while '{_folder}' was being recorded. What the folder still holds can be "
                            + $"taken in with: cresset runs repair.");
                // The event file first: a store that is ahead of it after a kill would leave a gap in what is made anew from the folder.
                _events?.Flush();
                if (_points.Count > 0 || _rows.Count > 0 || beat || also is not null || _fault is not null) Store(also, beat);
                _fault = null;
            }
            catch (SqliteException e)
            {
                _fault = Connections.Translate(e, _path);
                throw _fault;
            }
            catch (IOException e) when (e is not RunStoreException)
            {
                _fault = new RunStoreException($"The run's files in '{_folder}' cannot be written: {e.Message}", e);
                throw _fault;
            }
            catch (Exception e) when (e is InvalidDataException or RunStoreException)
            {
                _fault = e;
                throw;
            }
        }
    }

    private void WriteFacts()
    {
        lock (_commit)
        {
            try
            {
                RunStore.ReadFacts(_connection, _key).Write(_folder);
            }
            catch (SqliteException e)
            {
                throw Connections.Translate(e, _path);
            }
            catch (Exception e) when (e is UnauthorizedAccessException or (IOException and not RunStoreException))
            {
                throw new RunStoreException($"'{Path.Combine(_folder, RunFacts.FileName)}' cannot be written: {e.Message}", e);
            }
        }
    }

    private void TakeUpRequests()
    {
        if (Stopwatch.GetElapsedTime(_lastLook) < Look) return;
        _lastLook = Stopwatch.GetTimestamp();
        List<RunRequest> open = [];
        lock (_commit)
        {
            try
            {
                if (_connection.Scalar<long>("SELECT count(*) FROM control WHERE run = $0 AND taken IS NULL", _key) == 0) return;
            }
            catch (SqliteException e)
            {
                // The next look, or the next commit, says whether it lasts.
                _fault = Connections.Translate(e, _path);
                return;
            }
        }
        Commit(connection =>
        {
            open = connection.Query(
                "SELECT key, command, value, time FROM control WHERE run = $0 AND taken IS NULL ORDER BY key",
                r => new RunRequest(r.GetInt64(0), r.GetString(1), r.GetString(2), r.Time(3)), _key);
            connection.Execute("UPDATE control SET taken = $1 WHERE run = $0 AND taken IS NULL", _key,
                EventFileWriter.Microseconds(DateTime.UtcNow));
        });
        foreach (var request in open) _requests.Enqueue(request);
    }

    // Event records are made once, here; the database is told again until it takes them.
    private void Collect()
    {
        foreach (var pending in _queue.Take().Span)
        {
            Add(pending);
            _newestStep = Math.Max(_newestStep, pending.Point.Step);
        }
        lock (_posting)
        {
            foreach (var (row, record) in _posts)
            {
                _rows.Add(row);
                if (_events is not null) record?.Invoke(_events);
            }
            _posts.Clear();
        }
    }

    private void Store(Action<SqliteConnection>? also, bool beat)
    {
        using var transaction = _connection.BeginTransaction(deferred: false);
        _chunk.Transaction = transaction;
        var taken = 0;
        try
        {
            foreach (var pending in _points)
            {
                if (!_series.TryGetValue(pending.Tag, out var series))
                    _series[pending.Tag] = series = SeriesAppender.Load(_connection, _key, pending.Tag);
                series.Append(pending.Point, _columns);
                taken++;
            }
        }
        finally
        {
            // Appended points live on in their appenders, whatever becomes of this transaction.
            _points.RemoveRange(0, taken);
        }
        foreach (var series in _series.Values) series.Store(_connection, _chunk, _columns);
        foreach (var row in _rows) row(_connection, _key);
        if (beat) Beat(_connection);
        also?.Invoke(_connection);
        transaction.Commit();
        foreach (var series in _series.Values) series.Committed();
        _rows.Clear();
    }

    private void Beat(SqliteConnection connection)
    {
        var active = (long)Stopwatch.GetElapsedTime(_lastBeat).TotalMicroseconds;
        _lastBeat = Stopwatch.GetTimestamp();
        connection.Execute("UPDATE runs SET heartbeat = $1, active = active + $2 WHERE key = $0", _key,
            EventFileWriter.Microseconds(DateTime.UtcNow), active);
    }

    private void ThrowIfFaulted()
    {
        if (_fault is { } fault) throw new RunStoreException(fault.Message, fault);
    }
}
