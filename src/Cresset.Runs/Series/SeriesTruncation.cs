using Microsoft.Data.Sqlite;

namespace Cresset.Runs;

/// <summary>Removes what was recorded after a step, for runs that continue from an earlier checkpoint.</summary>
internal static class SeriesTruncation
{
    public static void TruncateAfter(SqliteConnection connection, long run, long step, string folder)
    {
        var writer = new ColumnWriter();
        using var chunk = ChunkRow.Command(connection);
        var reached = connection.Query("SELECT key, tag FROM series WHERE run = $0 AND last_step > $1", r => (Key: r.GetInt64(0), Tag: r.GetString(1)), run, step);
        foreach (var (key, tag) in reached) Truncate(connection, chunk, writer, run, tag, key, step);
        foreach (var file in connection.Query("SELECT file FROM media WHERE run = $0 AND step > $1", r => r.GetString(0), run, step))
        {
            File.Delete(Path.Combine(folder, file));
        }
        connection.Execute("DELETE FROM media WHERE run = $0 AND step > $1", run, step);
        connection.Execute("DELETE FROM texts WHERE run = $0 AND step > $1", run, step);
        connection.Execute("DELETE FROM histograms WHERE run = $0 AND step > $1", run, step);
    }

    private static void Truncate(SqliteConnection connection, SqliteCommand chunk, ColumnWriter writer, long run, string tag, long key, long step)
    {
        var from = connection.Scalar<long>("SELECT min(number) FROM chunks WHERE series = $0 AND level = 0 AND last_step > $1", key, step);
        var tail = connection.Query(
            "SELECT data FROM chunks WHERE series = $0 AND level = 0 AND number >= $1 ORDER BY number",
            r => ChunkCodec.DecodePoints((byte[])r[0]), key, from).SelectMany(points => points).ToList();
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
