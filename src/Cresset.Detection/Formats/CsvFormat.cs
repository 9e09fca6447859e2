using System.Globalization;
using System.Text;
using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>
/// Tables with a header: <c>image, class, xmin, ymin, xmax, ymax</c> and, where they apply, <c>score</c>, <c>difficult</c>,
/// <c>width</c>, <c>height</c>; columns in any order, others are ignored.
/// </summary>
public static class CsvFormat
{
    private static readonly string[] Required = ["image", "class", "xmin", "ymin", "xmax", "ymax"];

    /// <summary>Reads ground truth.</summary>
    /// <param name="path">The file.</param>
    /// <param name="classes">Class names in order; when null they are collected and sorted.</param>
    /// <param name="options">Strict or lenient.</param>
    /// <exception cref="DetectionFormatException">The first fault, unless lenient.</exception>
    public static DetectionDataset ReadGroundTruth(string path, IReadOnlyList<string>? classes = null, ReadOptions? options = null)
    {
        var desk = new FaultDesk(path, options ?? new ReadOptions());
        var builder = new DatasetBuilder(classes);
        foreach (var row in Rows(path, desk, withScore: false))
        {
            if (!builder.HasImage(row.Image)) builder.AddImage(row.Image, row.Width, row.Height);
            if (builder.CategoryOf(row.Class) is { } category) builder.Add(builder.ImageOf(row.Image), category, row.Box, row.Difficult ? ObjectMarks.Difficult : ObjectMarks.None);
            else desk.Fault(DataProblemKind.UnknownCategory, row.Record, "class", $"is \"{row.Class}\", which is not among the classes.");
        }
        return builder.Finish(path);
    }

    /// <summary>Reads results for the images and categories of a data set.</summary>
    /// <exception cref="DetectionFormatException">The first fault, unless lenient.</exception>
    public static DetectionResults ReadResults(string path, DetectionDataset dataset, ReadOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        var desk = new FaultDesk(path, options ?? new ReadOptions());
        var names = new DatasetNames(dataset);
        var detections = new List<DetectedObject>();
        foreach (var row in Rows(path, desk, withScore: true))
        {
            if (names.Image(row.Image) is not { } image) desk.Fault(DataProblemKind.UnknownImage, row.Record, "image", $"is \"{row.Image}\"; the data set has no such image.");
            else if (names.Category(row.Class) is not { } category) desk.Fault(DataProblemKind.UnknownCategory, row.Record, "class", $"is \"{row.Class}\"; the data set has no such class.");
            else detections.Add(new DetectedObject(image, category, row.Box, row.Score));
        }
        return new DetectionResults(detections) { Source = path };
    }

    /// <summary>Writes ground truth.</summary>
    public static void WriteGroundTruth(DetectionDataset dataset, string path)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        var text = new StringBuilder("image,class,xmin,ymin,xmax,ymax,difficult,width,height\n");
        foreach (var o in dataset.Objects)
        {
            var image = dataset.FindImage(o.ImageId);
            text.Append(CultureInfo.InvariantCulture, $"{Cell(Name(image, o.ImageId))},{Cell(dataset.CategoryName(o.CategoryId))},{Corners(o.Box)},{(o.IsDifficult || o.IsCrowd ? 1 : 0)},{image?.Width ?? 0},{image?.Height ?? 0}\n");
        }
        AtomicFile.WriteText(path, text.ToString());
    }

    /// <summary>Writes results.</summary>
    public static void WriteResults(DetectionResults results, DetectionDataset dataset, string path)
    {
        ArgumentNullException.ThrowIfNull(results);
        ArgumentNullException.ThrowIfNull(dataset);
        var text = new StringBuilder("image,class,score,xmin,ymin,xmax,ymax\n");
        foreach (var d in results.Items) text.Append(CultureInfo.InvariantCulture, $"{Cell(Name(dataset.FindImage(d.ImageId), d.ImageId))},{Cell(dataset.CategoryName(d.CategoryId))},{VocFormat.Text(d.Score)},{Corners(d.Box)}\n");
        AtomicFile.WriteText(path, text.ToString());
    }

    private static string Name(DatasetImage? image, long id) => image is null ? id.ToString(CultureInfo.InvariantCulture) : VocFormat.NameOf(image);

    private static string Corners(Box b) => $"{VocFormat.Text(b.X)},{VocFormat.Text(b.Y)},{VocFormat.Text(b.Right)},{VocFormat.Text(b.Bottom)}";

    private static string Cell(string text) => text.AsSpan().ContainsAny("\",\r\n") ? "\"" + text.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"" : text;

    private static IEnumerable<Row> Rows(string path, FaultDesk desk, bool withScore)
    {
        Dictionary<string, int>? columns = null;
        var number = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            var record = string.Create(CultureInfo.InvariantCulture, $"line {number}");
            if (Split(line) is not { } cells)
            {
                desk.Fault(DataProblemKind.Malformed, record, "", "has a quotation mark that is not closed.");
                continue;
            }
            if (columns is null)
            {
                columns = Header(cells, desk, record, withScore);
                if (columns is null) yield break;
                continue;
            }
            if (Parse(cells, columns, desk, record, withScore) is { } row) yield return row;
        }
        if (columns is null) desk.Fault(DataProblemKind.Malformed, "", "", "is empty; a header is needed.");
    }

    private static Dictionary<string, int>? Header(List<string> cells, FaultDesk desk, string record, bool withScore)
    {
        var columns = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < cells.Count; i++) columns[cells[i].Trim().TrimStart('\uFEFF')] = i;
        foreach (var name in withScore ? [.. Required, "score"] : Required)
        {
            if (columns.ContainsKey(name)) continue;
            desk.Fault(DataProblemKind.MissingField, record, name, $"is no column; the header needs {string.Join(", ", Required)}{(withScore ? ", score" : "")}.");
            return null;
        }
        return columns;
    }

    private static Row? Parse(List<string> cells, Dictionary<string, int> columns, FaultDesk desk, string record, bool withScore)
    {
        if (cells.Count != columns.Count)
        {
            desk.Fault(DataProblemKind.Malformed, record, "", string.Create(CultureInfo.InvariantCulture, $"has {cells.Count} cells; the header has {columns.Count}."));
            return null;
        }
        string[] numeric = withScore ? ["xmin", "ymin", "xmax", "ymax", "score"] : ["xmin", "ymin", "xmax", "ymax"];
        if (!TextLines.TryNumbers(Array.ConvertAll(numeric, n => cells[columns[n]]), desk, record, out var v)) return null;
        var box = Box.FromCorners(v[0], v[1], v[2], v[3]);
        if (box.Width < 0 || box.Height < 0) desk.Fault(DataProblemKind.NegativeSize, record, "xmax", "lies left of xmin, or ymax above ymin.");
        int Whole(string name) => columns.TryGetValue(name, out var c) && int.TryParse(cells[c], NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : 0;
        return new Row(cells[columns["image"]], cells[columns["class"]], box, withScore ? v[4] : 1, Whole("difficult") != 0, Whole("width"), Whole("height"), record);
    }

    private static List<string>? Split(string line)
    {
        var cells = new List<string>();
        var cell = new StringBuilder();
        var quoted = false;
        for (var i = 0; i < line.Length; i++)
        {
            var c = line[i];
            if (c == '"' && quoted && i + 1 < line.Length && line[i + 1] == '"')
            {
                cell.Append('"');
                i++;
            }
            else if (c == '"')
            {
                quoted = !quoted;
            }
            else if (c == ',' && !quoted)
            {
                cells.Add(cell.ToString());
                cell.Clear();
            }
            else
            {
                cell.Append(c);
            }
        }
        cells.Add(cell.ToString());
        return quoted ? null : cells;
    }

    private sealed record Row(string Image, string Class, Box Box, double Score, bool Difficult, int Width, int Height, string Record);
}
