using Cresset.Numerics;
using Microsoft.Data.Sqlite;

namespace Cresset.Runs;

public sealed partial class RunStore
{
    /// <summary>The series of a run, sorted by tag, without their points.</summary>
    /// <param name="id">The run.</param>
    /// <param name="bad">Takes up the rows that cannot be read; without it one such row is refused with all others.</param>
    /// <exception cref="RunNotFoundException">There is no such run.</exception>
    public IReadOnlyList<SeriesInfo> Series(string id, ICollection<BadRow>? bad = null) => OfRun(id, (connection, run) => connection.Rows(
        "series", $"SELECT {SeriesColumns} FROM series WHERE run = $0 ORDER BY tag", ReadSeriesInfo, bad, run));

    /// <summary>One series of a run without its points; null where it has none of that tag.</summary>
    /// <exception cref="RunNotFoundException">There is no such run.</exception>
    public SeriesInfo? FindSeries(string id, string tag) => OfRun(id, (connection, run)
        => connection.Query($"SELECT {SeriesColumns} FROM series WHERE run = $0 AND tag = $1", ReadSeriesInfo, run, tag) is [var found]
            ? found : null);

    /// <summary>All points of a series in the order they were recorded.</summary>
    /// <exception cref="RunNotFoundException">There is no such run.</exception>
    /// <exception cref="ArgumentException">The run has no series of that tag.</exception>
    public IReadOnlyList<SeriesPoint> ReadSeries(string id, string tag) => OfRun(id, (connection, run) =>
    {
        var (key, count) = SeriesKey(connection, run, id, tag);
        return SeriesReader.All(connection, key, count);
    });

    /// <summary>
    /// The part of a series between two steps (inclusive) in at most <paramref name="maxBuckets"/> buckets with minimum, maximum and mean,
    /// so that no spike is lost; few points come as buckets of one. Reads at most about sixteen times <paramref name="maxBuckets"/> items,
    /// however long the series is.
    /// </summary>
    /// <exception cref="RunNotFoundException">There is no such run.</exception>
    /// <exception cref="ArgumentException">The run has no series of that tag, or <paramref name="maxBuckets"/> is below 1.</exception>
    public IReadOnlyList<SeriesBucket> ReadSeries(string id, string tag, long fromStep, long toStep, int maxBuckets)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxBuckets, 1);
        return OfRun(id, (connection, run) =>
        {
            var (key, count) = SeriesKey(connection, run, id, tag);
            return SeriesReader.Zoom(connection, key, count, fromStep, toStep, maxBuckets);
        });
    }

    /// <summary>The point recorded last of every series, by tag.</summary>
    public IReadOnlyDictionary<string, SeriesPoint> LastValues(string id) =>
        Series(id).ToDictionary(series => series.Tag, series => series.Last);

    /// <summary>The flat configuration of a run.</summary>
    public IReadOnlyDictionary<string, string> Config(string id) => Pairs(id, "SELECT key, value FROM config WHERE run = $0 ORDER BY key");

    /// <summary>Facts about the machine and the program of a run.</summary>
    public IReadOnlyDictionary<string, string> EnvironmentOf(string id) =>
        Pairs(id, "SELECT key, value FROM environment WHERE run = $0 ORDER BY key");

    /// <summary>The pictures of a run by tag and step.</summary>
    /// <param name="id">The run.</param>
    /// <param name="bad">Takes up the rows that cannot be read; without it one such row is refused with all others.</param>
    public IReadOnlyList<RunPicture> Pictures(string id, ICollection<BadRow>? bad = null) => OfRun(id, (connection, run) => connection.Rows(
        "picture",
        "SELECT tag, step, time, type, file, bytes, sha256, caption FROM media WHERE run = $0 ORDER BY tag, step",
        r => ReadPicture(r, id, 0),
        bad,
        run));

    /// <summary>The texts of a run by tag and step.</summary>
    /// <param name="id">The run.</param>
    /// <param name="bad">Takes up the rows that cannot be read; without it one such row is refused with all others.</param>
    public IReadOnlyList<RunText> Texts(string id, ICollection<BadRow>? bad = null) => OfRun(id, (connection, run) => connection.Rows(
        "text", "SELECT tag, step, time, text FROM texts WHERE run = $0 ORDER BY tag, step",
        r => new RunText(r.GetString(0), r.Whole(1), r.Time(2), r.GetString(3)), bad, run));

    /// <summary>The histograms of a run by tag and step.</summary>
    /// <param name="id">The run.</param>
    /// <param name="bad">Takes up the rows that cannot be read; without it one such row is refused with all others.</param>
    public IReadOnlyList<RunHistogram> Histograms(string id, ICollection<BadRow>? bad = null) =>
        OfRun(id, (connection, run) => connection.Rows(
        "distribution",
        "SELECT tag, step, time, data FROM histograms WHERE run = $0 ORDER BY tag, step",
        r => new RunHistogram(r.GetString(0), r.Whole(1), r.Time(2), HistogramSummary.Read(r.Blob(3))),
        bad,
        run));

    private Dictionary<string, string> Pairs(string id, string sql) => OfRun(id, (connection, run)
        => connection.Query(sql, r => (Key: r.GetString(0), Value: r.GetString(1)), run)
            .ToDictionary(pair => pair.Key, pair => pair.Value));

    private T OfRun<T>(string id, Func<SqliteConnection, long, T> read)
    {
        var found = false;
        var result = _connections.Read(connection =>
        {
            var run = KeyOf(connection, id);
            found = run >= 0;
            return found ? read(connection, run) : default;
        });
        return found ? result! : throw Missing(id);
    }

    private static (long Key, long Count) SeriesKey(SqliteConnection connection, long run, string id, string tag)
    {
        var found = connection.Query("SELECT key, count FROM series WHERE run = $0 AND tag = $1", r => (r.GetInt64(0), r.GetInt64(1)), run,
            tag);
        if (found is [var row]) return row;
        var tags = connection.Query("SELECT tag FROM series WHERE run = $0 ORDER BY tag", r => r.GetString(0), run);
        throw new ArgumentException(
            $"Run '{id}' has no series '{tag}'.{NearestName.Suggest(tag, tags)} It has: "
                + $"{(tags.Count == 0 ? "none" : string.Join(", ", tags.Take(20)))}.", nameof(tag));
    }
}
