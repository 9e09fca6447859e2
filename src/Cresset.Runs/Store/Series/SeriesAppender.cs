using Microsoft.Data.Sqlite;

namespace Cresset.Runs;

/// <summary>
/// Appends points to one series: full chunks and the growing last chunk of every level of the pyramid.
/// Bucket i of level k covers the points [i 16^k, (i + 1) 16^k); only complete buckets exist, so appending never changes what is stored and
/// cutting a series short only drops its end.
/// </summary>
internal sealed class SeriesAppender(long run, string tag)
{
    private readonly List<OpenChunk<SeriesBucket>> _levels = [];
    private readonly List<ChunkRow> _full = [];
    private OpenChunk<SeriesPoint> _points = new(0, []);
    private SeriesBucket _whole;
    private SeriesPoint _last;
    private bool _changed;

    public long Key { get; private set; }

    public string Tag => tag;

    public long Count => (_points.Number * ChunkCodec.Capacity) + _points.Count;

    public void Append(in SeriesPoint point, ColumnWriter writer)
    {
        var single = SeriesBucket.Of(point);
        _whole = Count == 0 ? single : SeriesBucket.Merge([_whole, single]);
        _last = point;
        _changed = true;
        _points.Add(point);
        if (_points.Count % ChunkCodec.FanOut == 0) Raise(0, Merge(_points.Items[^ChunkCodec.FanOut..]), writer);
        if (_points.Count == ChunkCodec.Capacity)
        {
            _full.Add(Row(writer));
            _points.Next();
        }
    }

    /// <summary>Writes what changed. Call <see cref="Committed"/> when the transaction stands.</summary>
    public void Store(SqliteConnection connection, SqliteCommand chunk, ColumnWriter writer)
    {
        if (!_changed) return;
        StoreSummary(connection);
        foreach (var row in _full) row.Store(chunk, Key);
        if (_points.Dirty) Row(writer).Store(chunk, Key);
        for (var level = 1; level <= _levels.Count; level++)
        {
            if (_levels[level - 1].Dirty) Row(level, writer).Store(chunk, Key);
        }
    }

    public void Committed()
    {
        _changed = false;
        _full.Clear();
        _points.Dirty = false;
        foreach (var level in _levels) level.Dirty = false;
    }

    /// <summary>Continues a stored series, or begins it if it is not stored.</summary>
    public static SeriesAppender Load(SqliteConnection connection, long run, string tag)
    {
        var found = connection.Query("SELECT key, count FROM series WHERE run = $0 AND tag = $1",
            r => (Key: r.GetInt64(0), Count: r.GetInt64(1)), run, tag);
        var appender = new SeriesAppender(run, tag);
        if (found is [var row]) appender.LoadFirst(connection, row.Key, row.Count);
        return appender;
    }

    /// <summary>The stored series as it was when it had <paramref name="count"/> points; drops the rest from the database.</summary>
    public static SeriesAppender Cut(SqliteConnection connection, long run, string tag, long key, long count)
    {
        var appender = new SeriesAppender(run, tag);
        appender.LoadFirst(connection, key, count);
        appender._changed = true;
        appender._points.Dirty = appender._points.Count > 0;
        connection.Execute("DELETE FROM chunks WHERE series = $0 AND level = 0 AND number >= $1", key, appender._points.Number);
        for (var level = 1; level <= appender._levels.Count; level++)
        {
            var open = appender._levels[level - 1];
            open.Dirty = open.Count > 0;
            connection.Execute("DELETE FROM chunks WHERE series = $0 AND level = $1 AND number >= $2", key, level, open.Number);
        }
        connection.Execute("DELETE FROM chunks WHERE series = $0 AND level > $1", key, appender._levels.Count);
        return appender;
    }

    private void LoadFirst(SqliteConnection connection, long key, long count)
    {
        Key = key;
        _points = new(count / ChunkCodec.Capacity, Open(0, count, ChunkCodec.DecodePoints));
        var items = count;
        for (var level = 1; (items /= ChunkCodec.FanOut) > 0; level++)
        {
            _levels.Add(new(items / ChunkCodec.Capacity, Open(level, items, ChunkCodec.DecodeBuckets)));
        }
        if (count > 0) (_whole, _last) = Summarize(connection, key, count);

        T[] Open<T>(int level, long length, Func<ReadOnlySpan<byte>, T[]> decode)
        {
            var wanted = (int)(length % ChunkCodec.Capacity);
            if (wanted == 0) return [];
            var data = connection.Query("SELECT data FROM chunks WHERE series = $0 AND level = $1 AND number = $2", r => r.Blob(0), key,
                level, length / ChunkCodec.Capacity);
            var stored = data is [var blob] ? decode(blob) : [];
            return stored.Length >= wanted ? stored[..wanted]
                : throw new InvalidDataException($"Series '{tag}' lacks items of level {level} at {length}.");
        }
    }

    // From the full chunks' rows and the points of the open one: exact minima and maxima without reading all points.
    private (SeriesBucket Whole, SeriesPoint Last) Summarize(SqliteConnection connection, long key, long count)
    {
        var parts = connection.Query(
            "SELECT first_step, last_step, min, max FROM chunks WHERE series = $0 AND level = 0 AND number < $1",
            r => new SeriesBucket(r.GetInt64(0), r.GetInt64(1), 0, 0, r.DoubleOrNaN(2), r.DoubleOrNaN(3), 0, 1, 0),
            key, _points.Number);
        foreach (var point in _points.Items) parts.Add(SeriesBucket.Of(point));
        var last = _points.Count > 0
            ? _points.Items[^1]
            : ChunkCodec.DecodePoints(
                connection.Scalar<byte[]>("SELECT data FROM chunks WHERE series = $0 AND level = 0 AND number = $1", key,
                    (count / ChunkCodec.Capacity) - 1))[^1];
        return (SeriesBucket.Merge(parts.ToArray()), last);
    }

    private void Raise(int below, in SeriesBucket bucket, ColumnWriter writer)
    {
        if (_levels.Count == below) _levels.Add(new(0, []));
        var level = _levels[below];
        level.Add(bucket);
        if (level.Count % ChunkCodec.FanOut == 0) Raise(below + 1, SeriesBucket.Merge(level.Items[^ChunkCodec.FanOut..]), writer);
        if (level.Count == ChunkCodec.Capacity)
        {
            _full.Add(Row(below + 1, writer));
            level.Next();
        }
    }

    private static SeriesBucket Merge(ReadOnlySpan<SeriesPoint> points)
    {
        Span<SeriesBucket> parts = stackalloc SeriesBucket[ChunkCodec.FanOut];
        for (var i = 0; i < points.Length; i++) parts[i] = SeriesBucket.Of(points[i]);
        return SeriesBucket.Merge(parts[..points.Length]);
    }

    private ChunkRow Row(ColumnWriter writer)
    {
        var whole = _points.Count == 0 ? default : SeriesBucket.Of(_points.Items[0]);
        foreach (var point in _points.Items) whole = SeriesBucket.Merge([whole, SeriesBucket.Of(point)]);
        return new(0, _points.Number, whole, _points.Count, ChunkCodec.Encode(_points.Items, writer));
    }

    private ChunkRow Row(int level, ColumnWriter writer)
    {
        var chunk = _levels[level - 1];
        return new(level, chunk.Number, chunk.Count == 0 ? default : SeriesBucket.Merge(chunk.Items), chunk.Count,
            ChunkCodec.Encode(chunk.Items, writer));
    }

    private void StoreSummary(SqliteConnection connection)
    {
        // RETURNING gives the key of a new row and of one that is there.
        Key = connection.Scalar<long>(
            """
            INSERT INTO series (run, tag, count, first_step, last_step, final_step, final_time, final_value, min, max)
            VALUES ($0, $1, $2, $3, $4, $5, $6, $7, $8, $9)
            ON CONFLICT (run, tag) DO UPDATE SET count = excluded.count, first_step = excluded.first_step, last_step = excluded.last_step,
                final_step = excluded.final_step, final_time = excluded.final_time, final_value = excluded.final_value,
                min = excluded.min, max = excluded.max
            RETURNING key
            """,
            run, tag, Count, _whole.FirstStep, _whole.LastStep, _last.Step, _last.WallTime, _last.Value, _whole.Min, _whole.Max);
    }
}
