using Cresset.Numerics;

namespace Cresset.Runs;

/// <summary>A value with its place in an event log.</summary>
/// <param name="Step">Step.</param>
/// <param name="WallTime">Seconds since 1970-01-01 UTC.</param>
/// <param name="Value">The value.</param>
public readonly record struct Logged<T>(long Step, double WallTime, T Value);

/// <summary>
/// All event files of one folder taken together, in the order of their names, as TensorBoard shows them: when a later session starts again
/// at a step, what earlier ones wrote from that step on is dropped. Files of any writer can be read.
/// </summary>
public sealed class EventLog : IDisposable
{
    private readonly string _folder;
    private readonly SortedDictionary<string, EventFileReader> _readers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<Logged<double>>> _scalars = [];
    private readonly Dictionary<string, List<Logged<LoggedImage>>> _images = [];
    private readonly Dictionary<string, List<Logged<HistogramSummary>>> _histograms = [];
    private readonly Dictionary<string, List<Logged<string>>> _texts = [];

    /// <summary>Opens the log of a folder and reads what is there.</summary>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    public EventLog(string folder)
    {
        _folder = folder;
        Refresh();
    }

    /// <summary>Numbers by tag.</summary>
    public IReadOnlyDictionary<string, List<Logged<double>>> Scalars => _scalars;

    /// <summary>Pictures by tag.</summary>
    public IReadOnlyDictionary<string, List<Logged<LoggedImage>>> Images => _images;

    /// <summary>Distributions by tag.</summary>
    public IReadOnlyDictionary<string, List<Logged<HistogramSummary>>> Histograms => _histograms;

    /// <summary>Texts by tag.</summary>
    public IReadOnlyDictionary<string, List<Logged<string>>> Texts => _texts;

    /// <summary>What was found damaged in the files.</summary>
    public IReadOnlyList<EventFileDamage> Damage => _readers.Values.SelectMany(reader => reader.Damage).ToList();

    /// <summary>
    /// The folders at or below <paramref name="root"/> that hold event files, relative to it and sorted; the root itself is ".".
    /// </summary>
    public static IReadOnlyList<string> FindFolders(string root)
        => FolderWalk.Files(root).Where(file => Path.GetFileName(file).Contains("tfevents", StringComparison.Ordinal))
            .Select(file => Path.GetRelativePath(root, Path.GetDirectoryName(file)!)).Distinct().Order(StringComparer.Ordinal).ToList();

    /// <summary>Reads what was written since the last call; returns the number of new records.</summary>
    public int Refresh()
    {
        foreach (var file in Directory.EnumerateFiles(_folder, "*tfevents*"))
        {
            if (!_readers.ContainsKey(file)) _readers.Add(file, new EventFileReader(file));
        }
        var read = 0;
        foreach (var reader in _readers.Values)
        {
            foreach (var logged in reader.ReadAvailable())
            {
                read++;
                Add(logged);
            }
        }
        return read;
    }

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        foreach (var reader in _readers.Values) reader.Dispose();
    }

    private void Add(LoggedEvent logged)
    {
        if (logged.IsRestart)
        {
            Forget(_scalars, logged.Step);
            Forget(_images, logged.Step);
            Forget(_histograms, logged.Step);
            Forget(_texts, logged.Step);
        }
        foreach (var value in logged.Values)
        {
            switch (value)
            {
                case LoggedScalar scalar: Append(_scalars, scalar.Tag, scalar.Value); break;
                case LoggedImage image: Append(_images, image.Tag, image); break;
                case LoggedHistogram histogram: Append(_histograms, histogram.Tag, histogram.Histogram); break;
                case LoggedText text: Append(_texts, text.Tag, text.Text); break;
            }
        }

        void Append<T>(Dictionary<string, List<Logged<T>>> series, string tag, T value)
        {
            if (!series.TryGetValue(tag, out var list)) series[tag] = list = [];
            list.Add(new(logged.Step, logged.WallTime, value));
        }
    }

    private static void Forget<T>(Dictionary<string, List<Logged<T>>> series, long from)
    {
        foreach (var list in series.Values) list.RemoveAll(point => point.Step >= from);
        foreach (var empty in series.Where(pair => pair.Value.Count == 0).Select(pair => pair.Key).ToList()) series.Remove(empty);
    }
}
