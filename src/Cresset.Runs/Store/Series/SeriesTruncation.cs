using Microsoft.Data.Sqlite;

namespace Cresset.Runs;

/// <summary>Removes what was recorded after a step, for runs that continue from an earlier checkpoint.</summary>
/// <remarks>Returns whether something later than the step was kept, since its name was not accepted.</remarks>
internal static class SeriesTruncation
{
    public static bool TruncateAfter(SqliteConnection connection, long run, long step, string folder, Func<string, bool>? tags)
    {
        var writer = new ColumnWriter();
        using var chunk = ChunkRow.Command(connection);
        var reached = connection.Query("SELECT key, tag FROM series WHERE run = $0 AND last_step > $1",
            r => (Key: r.GetInt64(0), Tag: r.GetString(1)), run, step);
        var kept = false;
        foreach (var (key, tag) in reached)
        {
            if (Accepts(tag)) Truncate(connection, chunk, writer, run, tag, key, step);
        }
        foreach (var (tag, file) in connection.Query("SELECT tag, file FROM media WHERE run = $0 AND step > $1",
            r => (r.GetString(0), r.GetString(1)), run, step))
        {
            if (Accepts(tag)) File.Delete(RunFolder.PathOf(folder, file));
        }
        foreach (var table in (string[])["media", "texts", "histograms"])
        {
            foreach (var tag in connection.Query($"SELECT DISTINCT tag FROM {table} WHERE run = $0 AND step > $1", r => r.GetString(0), run,
                step))
            {
                if (Accepts(tag)) connection.Execute($"DELETE FROM {table} WHERE run = $0 AND step > $1 AND tag = $2", run, step, tag);
            }
        }
        return kept;

        bool Accepts(string tag)
        {
            if (tags is null || tags(tag)) return true;
            kept = true;
            return false;
        }
    }

    private static void Truncate(SqliteConnection connection, SqliteCommand chunk, ColumnWriter writer, long run, string tag, long key,
        long step)
    {
        var from = connection.Scalar<long>("SELECT min(number) FROM chunks WHERE series = $0 AND level = 0 AND last_step > $1", key, step);
        var tail = connection.Query(
            "SELECT data FROM chunks WHERE series = $0 AND level = 0 AND number >= $1 ORDER BY number",
            r => ChunkCodec.DecodePoints(r.Blob(0)), key, from).SelectMany(points => points).ToList();
        var keep = tail.FindIndex(point => point.Step > step);
        var appender = SeriesAppender.Cut(connection, run, tag, key, (from * ChunkCodec.Capacity) + keep);
        // Steps usually rise, and then nothing is left to add again.
        foreach (var point in tail.Skip(keep).Where(point => point.Step <= step)) appender.Append(point, writer);
        if (appender.Count > 0)
        {
            appender.Store(connection, chunk, writer);
            return;
        }
        connection.Execute("DELETE FROM chunks WHERE series = $0", key);
        connection.Execute("DELETE FROM series WHERE key = $0", key);
    }
}
