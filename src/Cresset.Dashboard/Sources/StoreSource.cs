using Cresset.Runs;

namespace Cresset.Dashboard;

/// <summary>The runs of a store. It need not exist yet, and may be deleted and made again while the page is open.</summary>
internal sealed class StoreSource(string folder, bool readOnly) : IRunSource
{
    // A reader at a page is told soon that a store is locked; a recorder waits longer.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private readonly Lock _opening = new();
    private RunStore? _store;
    private DateTime _made;

    public string Folder { get; } = Path.GetFullPath(folder);

    public bool CanWrite => !readOnly;

    public IReadOnlyList<string> Problems => [];

    public IReadOnlyList<RunInfo> List(ICollection<BadRow> bad) => Open()?.List(new RunQuery { IncludeArchived = true }, bad) ?? [];

    public RunInfo Get(string id, ICollection<BadRow> bad) => Existing().Get(id, bad);

    public IReadOnlyDictionary<string, RunProgress> Progress(ICollection<BadRow> bad) =>
        Open()?.Progress(bad) ?? new Dictionary<string, RunProgress>();

    public IReadOnlyDictionary<string, string> Marks() => Open()?.Marks() ?? new Dictionary<string, string>();

    public IReadOnlyList<(string Id, SeriesInfo Series)> AllSeries(ICollection<BadRow> bad) => Open()?.AllSeries(bad) ?? [];

    public IReadOnlyList<SeriesInfo> Series(string id, ICollection<BadRow> bad) => Existing().Series(id, bad);

    public SeriesInfo? Find(string id, string tag) => Existing().FindSeries(id, tag);

    public IReadOnlyList<SeriesPoint> Points(string id, string tag) => Existing().ReadSeries(id, tag);

    public IReadOnlyList<SeriesBucket> Buckets(string id, string tag, long fromStep, long toStep, int most) =>
        Existing().ReadSeries(id, tag, fromStep, toStep, most);

    public IReadOnlyDictionary<string, string> Config(string id) => Existing().Config(id);

    public IReadOnlyDictionary<string, string> Environment(string id) => Existing().EnvironmentOf(id);

    public IReadOnlyList<RunPicture> Pictures(string id, ICollection<BadRow> bad) => Existing().Pictures(id, bad);

    public Stream? OpenPicture(RunInfo run, RunPicture picture)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(picture);
        return RunFolder.Of(this, run)?.Open(picture.Path);
    }

    public IReadOnlyList<RunText> Texts(string id, ICollection<BadRow> bad) => Existing().Texts(id, bad);

    public IReadOnlyList<RunHistogram> Histograms(string id, ICollection<BadRow> bad) => Existing().Histograms(id, bad);

    public IReadOnlyList<RunRequest> Requests(string id, ICollection<BadRow> bad) => Existing().Requests(id, bad);

    public void SetNote(string id, string note) => Write(store => store.SetNote(id, note));

    public void AddTag(string id, string tag) => Write(store => store.AddTag(id, tag));

    public void RemoveTag(string id, string tag) => Write(store => store.RemoveTag(id, tag));

    public void Ask(string id, string command, string value) => Write(store => store.Ask(id, command, value));

    public void Dispose() => _store?.Dispose();

    private void Write(Action<RunStore> edit)
    {
        // Never makes a store: a page that is left open must not bring a deleted folder back.
        _ = Existing();
        using var store = RunStore.Open(Folder, Patience);
        edit(store);
    }

    private RunStore Existing() => Open() ?? throw new RunNotFoundException($"No runs are recorded in '{Folder}' yet.", []);

    private RunStore? Open()
    {
        lock (_opening)
        {
            var file = new FileInfo(Path.Combine(Folder, "runs.db"));
            if (!file.Exists)
            {
                _store?.Dispose();
                _store = null;
                return null;
            }
            // Another file under the same name is another store: connections to the old one would show what is gone.
            if (_store is not null && _made == file.CreationTimeUtc) return _store;
            _store?.Dispose();
            _store = null;
            _store = RunStore.OpenReadOnly(Folder, Patience);
            _made = file.CreationTimeUtc;
            return _store;
        }
    }
}
