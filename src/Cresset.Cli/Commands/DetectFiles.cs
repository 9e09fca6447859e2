using Cresset.Detection;
using Cresset.Numerics;

namespace Cresset.Cli.Commands;

/// <summary>Opens detection files of any format, recognised by their names.</summary>
internal sealed class DetectFiles(bool lenient, RecordParts parts, string? classesFile, string? imageFolder, int examples = 20)
    : IProgress<double>
{
    private readonly ReadReport _report = new() { ExamplesPerKind = examples };
    private readonly List<string> _notes = [];
    private string _reading = "";
    private int _shown = -1;

    public static RecordParts PartsOf(IouKind kind) => kind switch
    {
        IouKind.Box => RecordParts.Boxes,
        IouKind.Keypoints => RecordParts.Keypoints,
        IouKind.Oriented => RecordParts.Masks | RecordParts.Corners,
        _ => RecordParts.Masks,
    };

    /// <summary>Threads that read; 0 for all cores.</summary>
    public int Threads { get; init; }

    /// <summary>What was met while reading.</summary>
    public ReadReport Report => _report;

    public DetectionDataset Truth(string path, DetectionFormat format, CancellationToken cancellation)
    {
        RequireThere(path);
        if (imageFolder is not null && !Directory.Exists(imageFolder))
            throw new ArgumentException($"--images is '{imageFolder}'; there is no such folder.");
        if (classesFile is not null && format is CocoFiles)
            throw new ArgumentException(
                "--classes names the classes of formats that have none of their own, such as yolo; COCO lists them.");
        var context = Begin(path, cancellation);
        var dataset = format.ReadGroundTruth(path, context);
        End();
        if (LookAlikeNames.Describe(dataset.Categories.Select(c => c.Name)) is { } alike)
            _notes.Add($"{path}: the classes {alike}; they are classes of their own.");
        return dataset;
    }

    public DetectionResults Results(string path, DetectionDataset dataset, DetectionFormat format, CancellationToken cancellation)
    {
        RequireThere(path);
        var context = Begin(path, cancellation);
        var results = format.ReadResults(path, dataset, context);
        End();
        return results;
    }

    /// <summary>What was faulty, on the error stream, so that a pipe stays clean.</summary>
    public void ShowFaults()
    {
        foreach (var note in _notes) Console.Error.WriteLine($"cresset: warning: {note}");
        _notes.Clear();
        foreach (var (kind, count) in _report.Counts) Console.Error.WriteLine(
            $"cresset: warning: {count} times {kind}, for example {_report.Examples.First(e => e.Kind == kind)}");
    }

    /// <summary>A score of files of which too little could be read would look like a measurement.</summary>
    public void RequireEnough()
    {
        ShowFaults();
        if (_report.Refusal() is { } why) throw new InvalidDataException(why);
    }

    /// <summary>Refuses a score of 0 that comes from files that cannot meet at all; with allowEmpty an empty list is a model that finds
    /// nothing.</summary>
    public void RequireMeeting(DetectionDataset dataset, DetectionResults results, string path, bool allowEmpty, bool classAgnostic = false)
    {
        RequireEnough();
        if (dataset.Objects.Length == 0) throw new InvalidDataException($"{dataset.Source} has no objects; there is nothing to measure.");
        if (results.Items.Length == 0)
        {
            if (allowEmpty) return;
            throw new InvalidDataException(
                $"{path} has no detections; nothing was measured. Where the model really finds nothing, say --allow-empty.");
        }
        if (allowEmpty || MeetingCheck.Find(dataset, results, classAgnostic, parts == RecordParts.Boxes, parts == RecordParts.Masks)
            is not { } why) return;
        throw new InvalidDataException($"{path}: {why}. Where the file is as it should be, say --allow-empty.");
    }

    /// <summary>Refuses a score in which no object counts, and says why the reference's own number may be missing.</summary>
    public static void RequireDefined(ScoreSummary score, DetectionDataset dataset, bool allowEmpty)
    {
        if (score.Statistics.Count == 0 || !double.IsNaN(score.Statistics[0].Value)) return;
        if (score.Classes.Any(c => !double.IsNaN(c.Ap)))
        {
            Console.Error.WriteLine(
                $"cresset: warning: {score.Statistics[0].Name} is not defined: the reference takes it at 100 detections (20 with "
                    + $"keypoints) alone, which --max-dets leaves out. Take --protocol coco-fixed, or add that number.");
            return;
        }
        if (allowEmpty) return;
        throw new InvalidDataException(
            $"{dataset.Source}: none of {dataset.Objects.Length} objects counts under {score.Protocol}: all are crowds, difficult or of "
                + $"an area outside of every range; nothing was measured. Where that is as it should be, say --allow-empty.");
    }

    void IProgress<double>.Report(double value)
    {
        var percent = (int)(value * 100);
        if (Console.IsErrorRedirected || percent / 5 == _shown / 5) return;
        _shown = percent;
        Console.Error.Write($"\rreading {Path.GetFileName(_reading)} {percent,3} %");
    }

    private static void RequireThere(string path)
    {
        if (!File.Exists(path) && !Directory.Exists(path)) throw new FileNotFoundException($"'{path}' does not exist.", path);
    }

    /// <summary>Class names in a text file, one per line, or in a data.yaml.</summary>
    public static string[] NamesIn(string file)
        => file.EndsWith(".yaml", StringComparison.OrdinalIgnoreCase) || file.EndsWith(".yml", StringComparison.OrdinalIgnoreCase)
            ? [.. YoloFolder.NamesOf(file)]
            : [.. ClassNames.Read(file)];

    private string[]? Classes() => classesFile is null ? null : NamesIn(classesFile);

    private FormatContext Begin(string path, CancellationToken cancellation)
    {
        _reading = path;
        _shown = -1;
        return new FormatContext
        {
            Read = new ReadOptions
            {
                Lenient = lenient,
                Parts = parts,
                Threads = Threads,
                Needs = parts == RecordParts.All ? RecordParts.Boxes : parts,
                Progress = this,
                Report = _report
            },
            Classes = Classes(),
            ImageFolder = imageFolder,
            Cancellation = cancellation,
        };
    }

    private void End()
    {
        if (_shown >= 0) Console.Error.Write("\r\u001b[2K");
    }
}
