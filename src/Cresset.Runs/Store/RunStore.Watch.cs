using Microsoft.Data.Sqlite;

namespace Cresset.Runs;

/// <summary>What a page that shows all runs at once asks: one statement for all of them, however many there are.</summary>
public sealed partial class RunStore
{
    private const string SeriesColumns = "tag, count, first_step, last_step, final_step, final_time, final_value, min, max";

    /// <summary>How far every run has come, by id.</summary>
    public IReadOnlyDictionary<string, RunProgress> Progress() => _connections.Read(connection =>
    {
        var counts = connection.Query("SELECT run, sum(count), max(last_step) FROM series GROUP BY run", r => (Run: r.GetInt64(0), Points: r.GetInt64(1), Last: r.GetInt64(2))).ToDictionary(c => c.Run);
        var planned = connection.Query("SELECT run, value FROM config WHERE key = 'trainer.steps'", r => (Run: r.GetInt64(0), Value: r.GetString(1))).ToDictionary(c => c.Run, c => c.Value);
        var headlines = Headlines(connection);
        var ids = connection.Query("SELECT key, id FROM runs WHERE deleted IS NULL", r => (Key: r.GetInt64(0), Id: r.GetString(1)));
        var names = ids.ToDictionary(r => r.Key, r => r.Id);
        // With max() SQLite takes the other columns from the row that has it.
        var pictures = connection.Query(
            "SELECT run, tag, step, time, type, file, bytes, sha256, caption, max(key) FROM media GROUP BY run",
            r => (Run: r.GetInt64(0), Picture: names.TryGetValue(r.GetInt64(0), out var id) ? ReadPicture(r, id, 1) : null)).ToDictionary(p => p.Run, p => p.Picture);
        return ids.ToDictionary(r => r.Id, r => new RunProgress(
            counts.GetValueOrDefault(r.Key).Points, counts.GetValueOrDefault(r.Key).Last, planned.GetValueOrDefault(r.Key), headlines.GetValueOrDefault(r.Key), pictures.GetValueOrDefault(r.Key)));
    });

    /// <summary>
    /// A text for every run, by id, that is another one whenever something of it changed that a reader can see: points, pictures, texts, status,
    /// note, labels, requests.
    /// </summary>
    public IReadOnlyDictionary<string, string> Marks() => _connections.Read(connection =>
    {
        var marks = connection.Query($"SELECT {Columns} FROM runs WHERE deleted IS NULL", ReadRow)
            .ToDictionary(row => row.Key, row => (row.Run.Id, Text: FormattableString.Invariant($"{row.Run.Status} {row.Run.Ended?.Ticks} {row.Run.Sessions} {row.Run.Archived} {row.Run.Name}\n{row.Run.Note}\n{row.Run.Message}\n")));
        foreach (var sql in (string[])[
            "SELECT run, 's' || sum(count) || ' ' || count(*) FROM series GROUP BY run",
            "SELECT run, 'm' || count(*) || ' ' || max(key) FROM media GROUP BY run",
            "SELECT run, 't' || count(*) || ' ' || max(time) FROM texts GROUP BY run",
            "SELECT run, 'h' || count(*) || ' ' || max(time) FROM histograms GROUP BY run",
            "SELECT run, 'g' || group_concat(tag, char(10)) FROM tags GROUP BY run",
            "SELECT run, 'c' || count(*) || ' ' || count(taken) || ' ' || sum(length(answer)) FROM control GROUP BY run",
            "SELECT run, 'f' || count(*) FROM summary GROUP BY run"])
        {
            foreach (var (run, text) in connection.Query(sql, r => (r.GetInt64(0), r.GetString(1))))
            {
                if (marks.TryGetValue(run, out var mark)) marks[run] = (mark.Id, mark.Text + text);
            }
        }
        return marks.Values.ToDictionary(mark => mark.Id, mark => mark.Text);
    });

    /// <summary>The last value of every series of every run: id, series.</summary>
    public IReadOnlyList<(string Id, SeriesInfo Series)> AllSeries() => _connections.Read(connection => connection.Query(
        $"SELECT {SeriesColumns}, runs.id FROM series JOIN runs ON runs.key = series.run WHERE runs.deleted IS NULL ORDER BY series.run, tag",
        r => (r.GetString(9), ReadSeriesInfo(r))));

    private static Dictionary<long, SeriesInfo> Headlines(SqliteConnection connection)
    {
        var best = new Dictionary<long, (int Rank, SeriesInfo Series)>();
        foreach (var (run, series) in connection.Query($"SELECT {SeriesColumns}, run FROM series ORDER BY run, tag", r => (r.GetInt64(9), ReadSeriesInfo(r))))
        {
            var rank = Rank(series.Tag);
            if (!best.TryGetValue(run, out var before) || rank < before.Rank) best[run] = (rank, series);
        }
        return best.ToDictionary(pair => pair.Key, pair => pair.Value.Series);
    }

    private static int Rank(string tag)
    {
        var measured = tag.StartsWith("eval", StringComparison.Ordinal) || tag.StartsWith("val", StringComparison.Ordinal) || tag.StartsWith("test", StringComparison.Ordinal);
        if (measured) return tag.Contains("acc", StringComparison.Ordinal) || tag.Contains("return", StringComparison.Ordinal) ? 0 : 1;
        if (tag.Contains("return", StringComparison.Ordinal)) return 2;
        if (tag.Contains("loss", StringComparison.Ordinal)) return 3;
        return tag.StartsWith("system/", StringComparison.Ordinal) || tag.Contains("per_second", StringComparison.Ordinal) || tag.Contains("lr", StringComparison.Ordinal) ? 5 : 4;
    }

    private static SeriesInfo ReadSeriesInfo(SqliteDataReader r)
        => new(r.GetString(0), r.GetInt64(1), r.GetInt64(2), r.GetInt64(3), new(r.GetInt64(4), r.GetInt64(5), r.DoubleOrNaN(6)), r.DoubleOrNaN(7), r.DoubleOrNaN(8));

    private RunPicture ReadPicture(SqliteDataReader r, string id, int from) => new(
        r.GetString(from), r.GetInt64(from + 1), r.Time(from + 2), r.GetString(from + 3), RunFolder.PathOf(FolderOf(id), r.GetString(from + 4)), r.GetInt64(from + 5), r.GetString(from + 6), r.GetString(from + 7));
}
