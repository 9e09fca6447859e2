using Microsoft.Data.Sqlite;

namespace Cresset.Runs;

/// <summary>Writes what the store kept after a step into an event file again.</summary>
internal static class KeptEvents
{
    public static void Write(SqliteConnection connection, EventFileWriter events, long run, long step, string folder)
    {
        foreach (var (key, tag, count) in connection.Query("SELECT key, tag, count FROM series WHERE run = $0 AND last_step > $1",
            r => (r.GetInt64(0), r.GetString(1), r.GetInt64(2)), run, step))
        {
            foreach (var point in SeriesReader.All(connection, key, count))
            {
                if (point.Step > step) events.Scalar(tag, point.Step, point.WallTime, point.Value);
            }
        }
        foreach (var (tag, at, time, file, caption) in connection.Query(
            "SELECT tag, step, time, file, caption FROM media WHERE run = $0 AND step > $1",
            r => (r.GetString(0), r.GetInt64(1), r.GetInt64(2), r.GetString(3), r.GetString(4)), run, step))
        {
            var path = RunFolder.PathOf(folder, file);
            if (!File.Exists(path)) continue;
            var bytes = File.ReadAllBytes(path);
            var picture = PictureFile.Describe(bytes)
                ?? throw new InvalidDataException($"{path} is not the picture that was recorded: it is neither a PNG nor a GIF file.");
            events.Image(tag, at, time, bytes, picture.Width, picture.Height, caption);
        }
        foreach (var (tag, at, time, text) in connection.Query(
            "SELECT tag, step, time, text FROM texts WHERE run = $0 AND step > $1",
            r => (r.GetString(0), r.GetInt64(1), r.GetInt64(2), r.GetString(3)), run, step)) events.Text(tag, at, time, text);
        foreach (var (tag, at, time, data) in connection.Query(
            "SELECT tag, step, time, data FROM histograms WHERE run = $0 AND step > $1",
            r => (r.GetString(0), r.GetInt64(1), r.GetInt64(2), r.Blob(3)), run, step))
            events.Histogram(tag, at, time, HistogramSummary.Read(data));
    }
}
