namespace Cresset.Detection;

/// <summary>Which parts of the records to keep; the others are skipped quickly.</summary>
[Flags]
public enum RecordParts
{
    /// <summary>Boxes, scores, ids.</summary>
    Boxes = 0,

    /// <summary>Also polygons and masks.</summary>
    Masks = 1,

    /// <summary>Also keypoints.</summary>
    Keypoints = 2,

    /// <summary>Everything.</summary>
    All = Masks | Keypoints,

    /// <summary>With <see cref="Masks"/>: shapes are compared by their corners, so that sizes of images do not matter.</summary>
    Corners = 4,
}

/// <summary>How to read data files.</summary>
public sealed record ReadOptions
{
    /// <summary>
    /// False: the first fault throws. True: faults are counted and reading goes on. A broken record then stays as a miss, so that a score
    /// can only fall; see <see cref="ReadReport.Refusal"/> for files of which too little was left.
    /// </summary>
    public bool Lenient { get; init; }

    /// <summary>Parts to keep.</summary>
    public RecordParts Parts { get; init; } = RecordParts.All;

    /// <summary>Parts that the score to come needs: a record without them is a fault. Boxes are always needed.</summary>
    public RecordParts Needs { get; init; }

    /// <summary>Receives the share of the file that is read, 0 to 1.</summary>
    public IProgress<double>? Progress { get; init; }

    /// <summary>Threads; 0 takes all cores. What is read does not depend on it.</summary>
    public int Threads { get; init; }

    /// <summary>Collects the faults; made when null. The same report may serve several files.</summary>
    public ReadReport? Report { get; init; }
}

/// <summary>What was met while reading: faults and assumptions counted by kind, with the first few of each in full.</summary>
public sealed class ReadReport
{
    private readonly Dictionary<DataProblemKind, int> _counts = [];
    private readonly List<DataProblem> _examples = [];
    private readonly Dictionary<string, (long Records, long Lost)> _files = new(StringComparer.Ordinal);
    private readonly List<DataProblem> _cuts = [];

    /// <summary>Examples kept of each kind.</summary>
    public int ExamplesPerKind { get; init; } = 20;

    /// <summary>Number of faults and assumptions by kind.</summary>
    public IReadOnlyDictionary<DataProblemKind, int> Counts => _counts;

    /// <summary>The first of each kind in full, in the order in which they were met.</summary>
    public IReadOnlyList<DataProblem> Examples => _examples;

    /// <summary>All of them together.</summary>
    public int Total => _counts.Values.Sum();

    /// <summary>Records met in all files.</summary>
    public long Records => _files.Values.Sum(f => f.Records);

    /// <summary>Records that had to be left out.</summary>
    public long Lost => _files.Values.Sum(f => f.Lost);

    /// <summary>
    /// Why what was read should not be scored: a file is cut off or damaged, nothing of it was left, or more than the given share of its
    /// records. Null when it may be.
    /// </summary>
    /// <param name="maxLostShare">Largest share of records of a file that may be missing, in [0, 1].</param>
    public string? Refusal(double maxLostShare = 0.1)
    {
        if (_cuts.Count > 0) return $"{_cuts[0]} Nobody knows what was lost after that place; nothing is measured.";
        foreach (var group in _files.GroupBy(f => SourceOf(f.Key)))
        {
            long records = group.Sum(f => f.Value.Records), lost = group.Sum(f => f.Value.Lost);
            if (lost == 0 || lost <= maxLostShare * records) continue;
            var file = group.Key;
            var share = ((double)lost / records).ToString("0.#%", System.Globalization.CultureInfo.InvariantCulture);
            return $"{file}: {lost} of {records} records ({share}) could not be used; a score of the rest would mean nothing.";
        }
        return null;
    }

    /// <summary>Files of one folder and kind are one source, where there are many: one per image.</summary>
    private string SourceOf(string file)
    {
        var folder = Path.GetDirectoryName(file) ?? "";
        return _files.Keys.Where(f => Path.GetDirectoryName(f) == folder && Path.GetExtension(f) == Path.GetExtension(file)).Take(4)
            .Count() > 3 ? folder : file;
    }

    internal void Add(DataProblem problem)
    {
        var count = _counts.GetValueOrDefault(problem.Kind);
        _counts[problem.Kind] = count + 1;
        if (count < ExamplesPerKind) _examples.Add(problem);
    }

    internal void Cut(DataProblem problem)
    {
        Add(problem);
        _cuts.Add(problem);
    }

    internal void Tally(string file, long records, long lost)
    {
        var (r, l) = _files.GetValueOrDefault(file);
        _files[file] = (r + records, l + lost);
    }
}

/// <summary>Strict or lenient treatment of faults while one file is read.</summary>
internal sealed class FaultDesk(string file, ReadOptions options)
{
    public string File => file;

    public bool Lenient => options.Lenient;

    public RecordParts Needs => options.Needs;

    public ReadReport Report { get; } = options.Report ?? new ReadReport();

    /// <summary>Throws when strict; counts when lenient.</summary>
    public void Fault(DataProblemKind kind, string record, string field, string message, long offset = -1)
    {
        var problem = new DataProblem(kind, file, record, field, message, offset);
        if (!options.Lenient) throw new DetectionFormatException(problem);
        Report.Add(problem);
    }

    /// <summary>Counts without ever throwing.</summary>
    public void Note(DataProblemKind kind, string record, string field, string message, long offset = -1)
        => Report.Add(new DataProblem(kind, file, record, field, message, offset));

    /// <summary>Counts records of the file, and those of them that were left out.</summary>
    public void Tally(long records, long lost = 0) => Report.Tally(file, records, lost);
}
