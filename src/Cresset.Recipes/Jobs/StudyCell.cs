using System.Text.Json;
using System.Text.Json.Serialization;
using Cresset.Data;
using Cresset.Numerics;
using Cresset.Runs;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>A point that a cell recorded.</summary>
/// <param name="Tag">Its series.</param>
/// <param name="Step">Its step.</param>
/// <param name="Value">The value.</param>
internal sealed record CellPoint(string Tag, long Step, double Value);

/// <summary>The cell that is being measured.</summary>
/// <typeparam name="TCell">What a cell brings.</typeparam>
public sealed class StudyCell<TCell>
{
    private readonly JobContext _context;
    private readonly List<CellPoint> _points = [];

    internal StudyCell(int index, string name, IReadOnlyList<TCell> earlier, JobContext context) =>
        (Index, Name, Earlier, _context) = (index, name, earlier, context);

    /// <summary>Its place among the cells, from 0.</summary>
    public int Index { get; }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>What the cells before it brought.</summary>
    public IReadOnlyList<TCell> Earlier { get; }

    /// <summary>Stop between two pieces of work; what the cell has done so far is lost.</summary>
    public CancellationToken Cancellation => _context.Cancellation;

    /// <summary>The latest figures, for whoever watches.</summary>
    public string Figures { get; set; } = "";

    /// <summary>Points recorded so far.</summary>
    internal IReadOnlyList<CellPoint> Points => _points;

    /// <summary>Records a value of a series.</summary>
    public void Scalar(string tag, long step, double value)
    {
        _points.Add(new CellPoint(tag, step, value));
        _context.Recorder.Scalar(tag, step, value);
    }

    /// <summary>Says what the cell learns from: cells that were measured before must have learned from the same.</summary>
    /// <exception cref="DataMismatchException">They learned from other data.</exception>
    public void LearnsFrom(DataSplit data) => RunData.RequireSame(_context, data, Earlier.Count > 0);

    /// <summary>Tells a sentence to whoever watches.</summary>
    public void Notice(string text) => _context.Progress?.Report(new NoticeReport(text));
}

/// <summary>The files of finished cells, in the folder <c>cells</c> of a run.</summary>
internal sealed class CellFiles<TCell>(JobContext context)
    where TCell : class
{
    private static readonly JsonSerializerOptions Format = new()
    {
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        IncludeFields = true
    };
    private readonly string _fingerprint = StoredOutcome.Fingerprint(context.Recipe);

    /// <summary>The cell, if it was measured with these very settings.</summary>
    public (TCell Value, IReadOnlyList<CellPoint> Points)? Find(int index, string name)
    {
        var path = PathOf(index, name);
        if (!File.Exists(path)) return null;
        string problem;
        try
        {
            if (JsonSerializer.Deserialize<Content>(File.ReadAllText(path),
                Format) is { Name: { } found, Value: { } value, Points: { } points } content && found == name)
            {
                if (content.Fingerprint == _fingerprint) return (value, points);
                problem = "was measured with other settings";
            }
            else
            {
                problem = "is damaged";
            }
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            problem = "is damaged";
        }
        context.Progress?.Report(new NoticeReport($"{path} {problem}; the cell is measured again."));
        return null;
    }

    public void Save(int index, string name, TCell value, IReadOnlyList<CellPoint> points)
        => AtomicFile.WriteText(PathOf(index, name), JsonSerializer.Serialize(new Content(name, _fingerprint, value, [.. points]), Format));

    private string PathOf(int index, string name) => Path.Combine(context.Folder, "cells", $"{index:000}-{PictureFile.Stem(name)}.json");

    private sealed record Content(string Name, string Fingerprint, TCell Value, List<CellPoint> Points);
}
