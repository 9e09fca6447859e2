using System.Security.Cryptography;
using Microsoft.Data.Sqlite;

namespace Cresset.Runs;

/// <summary>
/// The rows of a run made anew from its folder: facts from <c>run.json</c>, points, texts, distributions and pictures from its event files.
/// </summary>
internal sealed class RunImport
{
    private readonly Dictionary<string, List<Logged<double>>> _scalars = [];
    private readonly Dictionary<(string, long), (double Time, string Text)> _texts = [];
    private readonly Dictionary<(string, long), (double Time, HistogramSummary Value)> _histograms = [];
    private readonly Dictionary<(string, long), Picture> _pictures = [];
    private readonly string _folder;
    private readonly RunFacts _facts;

    private RunImport(string folder, RunFacts facts) => (_folder, _facts) = (folder, facts);

    /// <summary>Event records that were damaged, and pictures whose files are gone.</summary>
    public List<string> Notices { get; } = [];

    /// <summary>Reads everything first: nothing is written of a folder that cannot be read.</summary>
    /// <exception cref="InvalidDataException"><c>run.json</c> is damaged.</exception>
    public static RunImport Of(string folder)
    {
        var facts = RunFacts.Read(folder);
        var import = new RunImport(folder, facts ?? RunFacts.Guess(folder));
        if (facts is null)
            import.Notices.Add(
                $"{folder} has no {RunFacts.FileName}: name and beginning were taken from the folder's name, the settings are in its "
                    + $"config.yaml.");
        foreach (var file in Directory.EnumerateFiles(folder, "*tfevents*").Order(StringComparer.Ordinal))
        {
            using var reader = new EventFileReader(file);
            foreach (var logged in reader.ReadAvailable()) import.Add(logged);
            import.Notices.AddRange(reader.Damage.Select(d => d.ToString()));
        }
        return import;
    }

    /// <summary>Writes the rows; the run counts as one whose process is gone where it was being recorded.</summary>
    public long Store(SqliteConnection connection, string id)
    {
        var created = EventFileWriter.Microseconds(_facts.Created);
        object? ended = _facts.Ended is { } at ? EventFileWriter.Microseconds(at) : null;
        var key = connection.Scalar<long>(
            """
            INSERT INTO runs (id, name, kind, status, created, ended, heartbeat, active, sessions, host, note, message, archived)
            VALUES ($0, $1, $2, $3, $4, $5, 0, $6, $7, $8, $9, $10, $11) RETURNING key
            """,
            id, _facts.Name, _facts.Kind, _facts.Status, created, ended, (long)Math.Round(_facts.ActiveTime.TotalMicroseconds),
            _facts.Sessions, _facts.Host, _facts.Note, _facts.Message, _facts.Archived ? 1 : 0);
        foreach (var (name, value) in _facts.Config)
            connection.Execute("INSERT INTO config (run, key, value) VALUES ($0, $1, $2)", key, name, value);
        foreach (var (name, value) in _facts.Environment)
            connection.Execute("INSERT INTO environment (run, key, value) VALUES ($0, $1, $2)", key, name, value);
        foreach (var tag in _facts.Tags) connection.Execute("INSERT OR IGNORE INTO tags (run, tag) VALUES ($0, $1)", key, tag);
        foreach (var (place, (name, value)) in _facts.Summary.Index())
            connection.Execute("INSERT OR REPLACE INTO summary (run, key, value, place) VALUES ($0, $1, $2, $3)", key, name, value, place);
        Series(connection, key);
        foreach (var ((tag, step), (time, text)) in _texts)
            connection.Execute("INSERT INTO texts (run, tag, step, time, text) VALUES ($0, $1, $2, $3, $4)", key, tag, step, Micros(time),
                text);
        foreach (var ((tag, step), (time, value)) in _histograms)
            connection.Execute("INSERT INTO histograms (run, tag, step, time, data) VALUES ($0, $1, $2, $3, $4)", key, tag, step,
                Micros(time), value.Encode());
        foreach (var ((tag, step), picture) in _pictures)
        {
            if (!File.Exists(Path.Combine(_folder, picture.File)))
            {
                Notices.Add($"{Path.Combine(_folder, picture.File)} is gone; the picture '{tag}' of step {step} is left out.");
                continue;
            }
            connection.Execute(
                "INSERT INTO media (run, tag, step, time, type, file, bytes, sha256, caption) VALUES ($0, $1, $2, $3, $4, $5, $6, $7, $8)",
                key, tag, step, Micros(picture.Time), picture.Type, picture.File, picture.Bytes, picture.Sha256, picture.Caption);
        }
        return key;
    }

    private void Series(SqliteConnection connection, long key)
    {
        var columns = new ColumnWriter();
        using var chunk = ChunkRow.Command(connection);
        foreach (var (tag, points) in _scalars)
        {
            var series = new SeriesAppender(key, tag);
            foreach (var point in points) series.Append(new SeriesPoint(point.Step, Micros(point.WallTime), point.Value), columns);
            series.Store(connection, chunk, columns);
        }
    }

    private void Add(LoggedEvent logged)
    {
        // As TensorBoard reads them: a session that starts again at a step hides what earlier ones wrote from there on.
        if (logged.IsRestart)
        {
            foreach (var list in _scalars.Values) list.RemoveAll(point => point.Step >= logged.Step);
            foreach (var tag in _scalars.Where(s => s.Value.Count == 0).Select(s => s.Key).ToList()) _scalars.Remove(tag);
            Forget(_texts, logged.Step);
            Forget(_histograms, logged.Step);
            Forget(_pictures, logged.Step);
        }
        foreach (var value in logged.Values)
        {
            switch (value)
            {
                case LoggedScalar scalar:
                    if (!_scalars.TryGetValue(scalar.Tag, out var list)) _scalars[scalar.Tag] = list = [];
                    list.Add(new(logged.Step, logged.WallTime, scalar.Value));
                    break;
                case LoggedText text:
                    _texts[(text.Tag, logged.Step)] = (logged.WallTime, text.Text);
                    break;
                case LoggedHistogram histogram:
                    _histograms[(histogram.Tag, logged.Step)] = (logged.WallTime, histogram.Histogram);
                    break;
                case LoggedImage image when PictureFile.Describe(image.Encoded) is { } description && image.Tag.Length > 0:
                    var file = $"samples/{PictureFile.NameOf(image.Tag, logged.Step, image.Encoded)}";
                    var hash = Convert.ToHexStringLower(SHA256.HashData(image.Encoded));
                    _pictures[(image.Tag, logged.Step)] = new Picture(logged.WallTime, description.Type, file, image.Encoded.Length, hash,
                        image.Caption);
                    break;
            }
        }
    }

    private static void Forget<T>(Dictionary<(string Tag, long Step), T> values, long from)
    {
        foreach (var key in values.Keys.Where(key => key.Step >= from).ToList()) values.Remove(key);
    }

    // The event file's seconds are doubles, which hold microseconds of this century exactly enough to be rounded back.
    private static long Micros(double seconds) => (long)Math.Round(seconds * 1e6);

    private sealed record Picture(double Time, string Type, string File, int Bytes, string Sha256, string Caption);
}
