using Cresset.Runs;

namespace Cresset.Dashboard;

/// <summary>Where the page's runs come from: a store of Cresset, or a folder of event files that any program wrote.</summary>
/// <remarks>
/// Members are called from several threads. Rows that cannot be read go to the list that is given, whatever wrote them; all others are
/// answered. A run or series that is not there gives
/// <see cref="RunNotFoundException"/> or <see cref="ArgumentException"/>.
/// </remarks>
internal interface IRunSource : IDisposable
{
    /// <summary>Full path of the folder.</summary>
    string Folder { get; }

    /// <summary>Notes, labels and requests are taken.</summary>
    bool CanWrite { get; }

    /// <summary>What is wrong in the folder although it can be read, such as a damaged event file.</summary>
    IReadOnlyList<string> Problems { get; }

    IReadOnlyList<RunInfo> List(ICollection<BadRow> bad);

    RunInfo Get(string id, ICollection<BadRow> bad);

    IReadOnlyDictionary<string, RunProgress> Progress(ICollection<BadRow> bad);

    IReadOnlyDictionary<string, string> Marks();

    IReadOnlyList<(string Id, SeriesInfo Series)> AllSeries(ICollection<BadRow> bad);

    IReadOnlyList<SeriesInfo> Series(string id, ICollection<BadRow> bad);

    /// <summary>One series of a run without its points; null where it has none of that tag.</summary>
    SeriesInfo? Find(string id, string tag);

    IReadOnlyList<SeriesPoint> Points(string id, string tag);

    IReadOnlyList<SeriesBucket> Buckets(string id, string tag, long fromStep, long toStep, int most);

    IReadOnlyDictionary<string, string> Config(string id);

    IReadOnlyDictionary<string, string> Environment(string id);

    IReadOnlyList<RunPicture> Pictures(string id, ICollection<BadRow> bad);

    /// <summary>The bytes of a picture, or null when its file is gone or lies outside the run's folder.</summary>
    Stream? OpenPicture(RunInfo run, RunPicture picture);

    IReadOnlyList<RunText> Texts(string id, ICollection<BadRow> bad);

    IReadOnlyList<RunHistogram> Histograms(string id, ICollection<BadRow> bad);

    IReadOnlyList<RunRequest> Requests(string id, ICollection<BadRow> bad);

    void SetNote(string id, string note);

    void AddTag(string id, string tag);

    void RemoveTag(string id, string tag);

    void Ask(string id, string command, string value);
}
