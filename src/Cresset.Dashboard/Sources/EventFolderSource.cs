using System.Globalization;
using System.Security.Cryptography;
using Cresset.Runs;

namespace Cresset.Dashboard;

/// <summary>
/// The TensorBoard event files below a folder, whoever wrote them: each folder that holds some is a run. Files tell no settings and no end,
/// so a run counts as running while its files grow.
/// </summary>
internal sealed class EventFolderSource(string folder) : IRunSource
{
    private static readonly TimeSpan Silence = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(400);
    private readonly Lock _reading = new();
    private readonly SortedDictionary<string, EventLog> _logs = new(StringComparer.Ordinal);
    private readonly Dictionary<LoggedImage, string> _hashes = new(ReferenceEqualityComparer.Instance);
    private DateTime _looked;

    public string Folder { get; } = Path.GetFullPath(folder);

    public bool CanWrite => false;

    public IReadOnlyList<string> Problems => With(() => _logs.SelectMany(log => log.Value.Damage.Select(d => $"{log.Key}: {d}")).ToList());

    /// <summary>Whether event files lie below a folder.</summary>
    public static bool Holds(string folder) => Directory.Exists(folder) && EventLog.FindFolders(folder).Count > 0;

    public IReadOnlyList<RunInfo> List(ICollection<BadRow> bad) =>
        With(() => _logs.Select(log => Describe(log.Key, log.Value)).OrderByDescending(run => run.Created).ToList());

    public RunInfo Get(string id, ICollection<BadRow> bad) => Of(id, log => Describe(id, log));

    public IReadOnlyDictionary<string, RunProgress> Progress(ICollection<BadRow> bad) =>
        With(() => _logs.ToDictionary(log => log.Key, log =>
    {
        var series = Describe(log.Value).ToList();
        var headline = series.FirstOrDefault(s => s.Tag.Contains("loss", StringComparison.OrdinalIgnoreCase)) ?? series.FirstOrDefault();
        return new RunProgress(series.Sum(s => s.Count), series.Select(s => s.LastStep).DefaultIfEmpty(0).Max(), null, headline,
            PicturesOf(log.Value).MaxBy(p => p.Time));
    }));

    public IReadOnlyDictionary<string, string> Marks() => With(() => _logs.ToDictionary(
        log => log.Key,
        log => string.Create(CultureInfo.InvariantCulture,
            $"{log.Value.Scalars.Sum(s => s.Value.Count)} {log.Value.Images.Sum(s => s.Value.Count)} "
                + $"{log.Value.Texts.Sum(s => s.Value.Count)} {log.Value.Histograms.Sum(s => s.Value.Count)} "
                + $"{Describe(log.Key, log.Value).Status}")));

    public IReadOnlyList<(string Id, SeriesInfo Series)> AllSeries(ICollection<BadRow> bad) =>
        With(() => _logs.SelectMany(log => Describe(log.Value).Select(s => (log.Key, s))).ToList());

    public IReadOnlyList<SeriesInfo> Series(string id, ICollection<BadRow> bad) => Of(id, log => Describe(log).ToList());

    public SeriesInfo? Find(string id, string tag) => Of(id, log => Describe(log).FirstOrDefault(s => s.Tag == tag));

    public IReadOnlyList<SeriesPoint> Points(string id, string tag) => Of(id, log => log.Scalars.TryGetValue(tag, out var points)
        ? points.ConvertAll(Point) : throw new ArgumentException($"'{id}' has no series '{tag}'.", nameof(tag)));

    public IReadOnlyList<SeriesBucket> Buckets(string id, string tag, long fromStep, long toStep, int most) =>
        PointBuckets.Of(Points(id, tag), fromStep, toStep, most);

    public IReadOnlyDictionary<string, string> Config(string id) => Of(id, _ => new Dictionary<string, string>());

    public IReadOnlyDictionary<string, string> Environment(string id) => Of(id, _ => new Dictionary<string, string>());

    public IReadOnlyList<RunPicture> Pictures(string id, ICollection<BadRow> bad) =>
        Of(id, log => PicturesOf(log).OrderBy(p => p.Tag, StringComparer.Ordinal).ThenBy(p => p.Step).ToList());

    public Stream? OpenPicture(RunInfo run, RunPicture picture) =>
        Of(run.Id,
            log => log.Images.SelectMany(i => i.Value).Where(i => HashOf(i.Value) == picture.Sha256)
                .Select(i => new MemoryStream(i.Value.Encoded)).FirstOrDefault());

    public IReadOnlyList<RunText> Texts(string id, ICollection<BadRow> bad) =>
        Of(id, log => log.Texts.SelectMany(t => t.Value.Select(v => new RunText(t.Key, v.Step, Time(v.WallTime), v.Value))).ToList());

    public IReadOnlyList<RunHistogram> Histograms(string id, ICollection<BadRow> bad) =>
        Of(id, log => log.Histograms.SelectMany(t => t.Value.Select(v => new RunHistogram(t.Key, v.Step, Time(v.WallTime), v.Value)))
            .ToList());

    public IReadOnlyList<RunRequest> Requests(string id, ICollection<BadRow> bad) => Of(id, _ => Array.Empty<RunRequest>());

    public void SetNote(string id, string note) => throw OnlyShown();

    public void AddTag(string id, string tag) => throw OnlyShown();

    public void RemoveTag(string id, string tag) => throw OnlyShown();

    public void Ask(string id, string command, string value) => throw OnlyShown();

    public void Dispose()
    {
        lock (_reading)
        {
            foreach (var log in _logs.Values) log.Dispose();
            _logs.Clear();
        }
    }

    private static InvalidOperationException OnlyShown() =>
        new("Event files are only shown; notes, tags and requests need a store of runs.");

    private static SeriesPoint Point(Logged<double> logged) => new(logged.Step, (long)(logged.WallTime * 1e6), logged.Value);

    private static DateTime Time(double seconds) =>
        DateTime.UnixEpoch.AddSeconds(Math.Clamp(double.IsFinite(seconds) ? seconds : 0, 0, 2e11));

    private static IEnumerable<SeriesInfo> Describe(EventLog log) => log.Scalars.OrderBy(s => s.Key, StringComparer.Ordinal).Select(s =>
    {
        var (low, high) = (double.NaN, double.NaN);
        long first = long.MaxValue, last = long.MinValue;
        foreach (var point in s.Value)
        {
            if (double.IsFinite(point.Value)) (low, high) = (double.MinNumber(low, point.Value), double.MaxNumber(high, point.Value));
            (first, last) = (Math.Min(first, point.Step), Math.Max(last, point.Step));
        }
        return new SeriesInfo(s.Key, s.Value.Count, first, last, Point(s.Value[^1]), low, high);
    });

    private static RunInfo WithTimes(RunInfo run, EventLog log)
    {
        var times = log.Scalars.Values.SelectMany(l => new[] { l[0].WallTime, l[^1].WallTime })
            .Concat(log.Images.Values.SelectMany(l => new[] { l[0].WallTime, l[^1].WallTime }))
            .Concat(log.Texts.Values.Select(l => l[0].WallTime)).Where(double.IsFinite).ToList();
        return times.Count == 0 ? run
            : run with { Created = Time(times.Min()), Heartbeat = Time(times.Max()), ActiveTime = Time(times.Max()) - Time(times.Min()) };
    }

    private RunInfo Describe(string id, EventLog log)
    {
        var path = Path.GetFullPath(Path.Combine(Folder, id));
        var written = Directory.EnumerateFiles(path, "*tfevents*").Select(File.GetLastWriteTimeUtc).DefaultIfEmpty(DateTime.UnixEpoch)
            .Max();
        return WithTimes(
            new RunInfo
            {
                Id = id,
                Name = id == "." ? Path.GetFileName(Folder) : id,
                Kind = "events",
                Created = written,
                Status = DateTime.UtcNow - written < Silence ? RunStatus.Running : RunStatus.Finished,
                Folder = path,
                Sessions = 1
            }, log);
    }

    private IEnumerable<RunPicture> PicturesOf(EventLog log) => log.Images.SelectMany(tag => tag.Value.Select(image => new RunPicture(
        tag.Key, image.Step, Time(image.WallTime), TypeOf(image.Value.Encoded), "", image.Value.Encoded.Length, HashOf(image.Value),
        image.Value.Caption)));

    private static string TypeOf(ReadOnlySpan<byte> bytes) => bytes switch
    {
        [0x89, (byte)'P', (byte)'N', (byte)'G', ..] => "image/png",
        [(byte)'G', (byte)'I', (byte)'F', ..] => "image/gif",
        [0xFF, 0xD8, 0xFF, ..] => "image/jpeg",
        _ => "application/octet-stream",
    };

    private string HashOf(LoggedImage image)
    {
        if (!_hashes.TryGetValue(image, out var hash)) _hashes[image] = hash = Convert.ToHexStringLower(SHA256.HashData(image.Encoded));
        return hash;
    }

    private T Of<T>(string id, Func<EventLog, T> read)
        => With(
            () => _logs.TryGetValue(id, out var log) ? read(log)
                : throw new RunNotFoundException($"There are no event files in '{id}' below '{Folder}'.", []));

    private T With<T>(Func<T> read)
    {
        lock (_reading)
        {
            // Files are read on as they grow; several questions of one page share a look.
            if (DateTime.UtcNow - _looked > LookAgain)
            {
                foreach (var log in _logs.Values) log.Refresh();
                foreach (var found in EventLog.FindFolders(Folder))
                {
                    var id = found.Replace('\\', '/');
                    if (!_logs.ContainsKey(id)) _logs.Add(id, new EventLog(Path.Combine(Folder, found)));
                }
                _looked = DateTime.UtcNow;
            }
            return read();
        }
    }
}
