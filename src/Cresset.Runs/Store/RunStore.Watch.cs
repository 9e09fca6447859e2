using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Cresset.Runs;

/// <summary>What a page that shows all runs at once asks: one statement for all of them, however many there are.</summary>
public sealed partial class RunStore
{
    private const string SeriesColumns = "tag, count, first_step, last_step, final_step, final_time, final_value, min, max";

    /// <summary>How far every run has come, by id.</summary>
    /// <param name="bad">Takes up the rows that cannot be read; without it one such row is refused with all others.</param>
    public IReadOnlyDictionary<string, RunProgress> Progress(ICollection<BadRow>? bad = null) => _connections.Read(connection =>
    {
        var planned = connection.Query("SELECT run, value FROM config WHERE key = 'trainer.steps'",
            r => (Run: r.GetInt64(0), Value: r.GetString(1))).ToDictionary(c => c.Run, c => c.Value);
        var jobs = connection.Query("SELECT run, value FROM config WHERE key = 'job'", r => (Run: r.GetInt64(0), Value: r.GetString(1)))
            .ToDictionary(c => c.Run, c => c.Value);
        var counts = SeriesOf(connection, bad);
        var ids = connection.Query("SELECT key, id FROM runs WHERE deleted IS NULL", r => (Key: r.GetInt64(0), Id: r.GetString(1)));
        var names = ids.ToDictionary(r => r.Key, r => r.Id);
        // With max() SQLite takes the other columns from the row that has it.
        var pictures = connection.Rows(
            "picture of run",
            "SELECT run, tag, step, time, type, file, bytes, sha256, caption, max(key) FROM media GROUP BY run",
            r => (Run: r.GetInt64(0), Picture: names.TryGetValue(r.GetInt64(0), out var id) ? ReadPicture(r, id, 1) : null),
            bad).ToDictionary(p => p.Run, p => p.Picture);
        return ids.ToDictionary(r => r.Id, r => new RunProgress(
            counts.GetValueOrDefault(r.Key).Points, counts.GetValueOrDefault(r.Key).Last, planned.GetValueOrDefault(r.Key),
            counts.GetValueOrDefault(r.Key).Headline, pictures.GetValueOrDefault(r.Key), jobs.GetValueOrDefault(r.Key)));
    });

    /// <summary>
    /// A text for every run, by id, that is another one whenever something of it changed that a reader can see: points, pictures, texts,
    /// status, note, labels, requests.
    /// </summary>
    public IReadOnlyDictionary<string, string> Marks() => _connections.Read(connection =>
    {
        // A row that cannot be read is told of where runs are listed.
        var marks = connection.Rows("run", $"SELECT {Columns} FROM runs WHERE deleted IS NULL", ReadRow, [])
            .ToDictionary(row => row.Key,
                row => (row.Run.Id,
                    Text: string.Create(CultureInfo.InvariantCulture,
                        $"{row.Run.Status} {row.Run.Ended?.Ticks} {row.Run.Sessions} {row.Run.Archived} "
                            + $"{row.Run.Name}\n{row.Run.Note}\n{row.Run.Message}\n")));
        foreach (var sql in (string[])[
            "SELECT run, 's' || total(count) || ' ' || count(*) FROM series GROUP BY run",
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
    /// <param name="bad">Takes up the rows that cannot be read; without it one such row is refused with all others.</param>
    public IReadOnlyList<(string Id, SeriesInfo Series)> AllSeries(ICollection<BadRow>? bad = null) =>
        _connections.Read(connection => connection.Rows(
        "series",
        $"SELECT {SeriesColumns}, runs.id FROM series JOIN runs ON runs.key = series.run WHERE runs.deleted IS NULL ORDER BY series.run, "
            + $"tag",
        r => (r.GetString(9), ReadSeriesInfo(r)),
        bad));

    // Points, last step and headline of every run in one pass over all series.
    private static Dictionary<long, (long Points, long Last, SeriesInfo Headline)> SeriesOf(SqliteConnection connection,
        ICollection<BadRow>? bad)
    {
        var found = new Dictionary<long, (long Points, long Last, SeriesInfo Headline)>();
        foreach (var (run, series) in connection.Rows("series", $"SELECT {SeriesColumns}, run FROM series ORDER BY run, tag",
            r => (r.GetInt64(9), ReadSeriesInfo(r)), bad))
        {
            found[run] = found.TryGetValue(run, out var before)
                ? (before.Points + series.Count, Math.Max(before.Last, series.LastStep),
                    Rank(series.Tag) < Rank(before.Headline.Tag) ? series : before.Headline)
                : (series.Count, series.LastStep, series);
        }
        return found;
    }

    private static int Rank(string tag)
    {
        var measured = tag.StartsWith("eval", StringComparison.Ordinal) || tag.StartsWith("val", StringComparison.Ordinal)
            || tag.StartsWith("test", StringComparison.Ordinal);
        if (measured) return tag.Contains("acc", StringComparison.Ordinal) || tag.Contains("return", StringComparison.Ordinal) ? 0 : 1;
        if (tag.Contains("return", StringComparison.Ordinal)) return 2;
        if (tag.Contains("loss", StringComparison.Ordinal)) return 3;
        return tag.StartsWith("system/", StringComparison.Ordinal) || tag.Contains("per_second", StringComparison.Ordinal)
            || tag.Contains("lr", StringComparison.Ordinal) ? 5 : 4;
    }

    private static SeriesInfo ReadSeriesInfo(SqliteDataReader r)
    {
        var count = r.Whole(1);
        // More than a trillion points were never recorded; sums of such claims would overflow.
        if (count is < 0 or > 1_000_000_000_000) throw new InvalidDataException($"it claims {count} points.");
        return new(r.GetString(0), count, r.Whole(2), r.Whole(3), new(r.Whole(4), r.Whole(5), r.DoubleOrNaN(6)), r.DoubleOrNaN(7),
            r.DoubleOrNaN(8));
    }

    private RunPicture ReadPicture(SqliteDataReader r, string id, int from) => new(
        r.GetString(from), r.Whole(from + 1), r.Time(from + 2), r.GetString(from + 3),
        RunFolder.PathOf(FolderOf(id), r.GetString(from + 4)), r.Whole(from + 5), r.GetString(from + 6), r.GetString(from + 7));
}
