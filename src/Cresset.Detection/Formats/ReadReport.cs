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
}

/// <summary>How to read data files.</summary>
public sealed record ReadOptions
{
    /// <summary>False: the first fault throws. True: faults are counted and what the reference tool would do is done.</summary>
    public bool Lenient { get; init; }

    /// <summary>Parts to keep.</summary>
    public RecordParts Parts { get; init; } = RecordParts.All;

    /// <summary>Receives the share of the file that is read, 0 to 1.</summary>
    public IProgress<double>? Progress { get; init; }

    /// <summary>Collects the faults; made when null. The same report may serve several files.</summary>
    public ReadReport? Report { get; init; }
}

/// <summary>The faults met while reading leniently, counted by kind, with the first few in full.</summary>
public sealed class ReadReport
{
    private const int Kept = 20;
    private readonly Dictionary<DataProblemKind, int> _counts = [];
    private readonly List<DataProblem> _examples = [];

    /// <summary>Number of faults by kind.</summary>
    public IReadOnlyDictionary<DataProblemKind, int> Counts => _counts;

    /// <summary>The first faults in full.</summary>
    public IReadOnlyList<DataProblem> Examples => _examples;

    /// <summary>All faults together.</summary>
    public int Total => _counts.Values.Sum();

    internal void Add(DataProblem problem)
    {
        _counts[problem.Kind] = _counts.GetValueOrDefault(problem.Kind) + 1;
        if (_examples.Count < Kept) _examples.Add(problem);
    }
}

/// <summary>Strict or lenient treatment of faults while one file is read.</summary>
internal sealed class FaultDesk(string file, ReadOptions options)
{
    public string File => file;

    public bool Lenient => options.Lenient;

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
}
