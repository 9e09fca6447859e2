using System.Globalization;
using System.Text;
using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>
/// Tables with a header: <c>image, class, xmin, ymin, xmax, ymax</c> and, where they apply, <c>score</c>, <c>difficult</c>,
/// <c>crowd</c>, <c>ignore</c>, <c>group_of</c>, <c>area</c>, <c>width</c>, <c>height</c>; columns in any order, others are ignored.
/// A row with an image and neither class nor box is an image without objects. Columns may have the names that other tools give them
/// (<c>filename</c>, <c>label</c>, <c>confidence</c>, <c>x1</c> ...); semicolons or tabs may separate them, and with semicolons numbers may
/// have a decimal comma.
/// </summary>
public static class CsvFormat
{
    private static readonly string[] Required = ["image", "class", "xmin", "ymin", "xmax", "ymax"];

    /// <summary>Names that exporters give these columns, the plainest first.</summary>
    private static readonly Dictionary<string, string[]> OtherNames = new(StringComparer.Ordinal)
    {
        ["image"] = ["filename", "file_name", "image_name", "imagename", "image_path", "path", "file", "image_id", "imageid"],
        ["class"] = ["label", "class_name", "classname", "category", "category_name", "label_name", "labelname"],
        ["score"] = ["confidence", "conf", "probability", "prob"],
        ["xmin"] = ["x_min", "x1", "left"],
        ["ymin"] = ["y_min", "y1", "top"],
        ["xmax"] = ["x_max", "x2", "right"],
        ["ymax"] = ["y_max", "y2", "bottom"],
    };

    /// <summary>Reads ground truth.</summary>
    /// <param name="path">The file.</param>
    /// <param name="classes">Class names in order; when null they are collected and sorted.</param>
    /// <param name="options">Strict or lenient.</param>
    /// <exception cref="DetectionFormatException">The first fault, unless lenient.</exception>
    public static DetectionDataset ReadGroundTruth(string path, IReadOnlyList<string>? classes = null, ReadOptions? options = null)
    {
        var desk = new FaultDesk(path, options ?? new ReadOptions());
        var builder = new DatasetBuilder(classes);
        var shares = new ShareWatch();
        foreach (var row in Rows(path, desk, withScore: false))
        {
            if (!row.IsEmpty) shares.See(row.Box, row.Width, row.Height);
            if (!builder.HasImage(row.Image)) builder.AddImage(row.Image, row.Width, row.Height);
            if (row.IsEmpty) continue;
            if (builder.CategoryOf(row.Class) is { } category) builder.Add(builder.ImageOf(row.Image), category, row.Box, row.Marks,
                row.Area);
            else
            {
                desk.Fault(DataProblemKind.UnknownCategory, row.Record, "class", $"is \"{row.Class}\", which is not among the classes.");
                desk.Tally(0, 1);
            }
        }
        shares.Tell(desk);
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
        var shares = new ShareWatch();
        foreach (var row in Rows(path, desk, withScore: true))
        {
            if (names.Image(row.Image) is not { } image)
            {
                var why = names.IsAmbiguous(row.Image) ? "which is the name of several images; give its folder too"
                    : "the data set has no such image";
                desk.Fault(DataProblemKind.UnknownImage, row.Record, "image", $"is \"{row.Image}\"; {why}.");
                desk.Tally(0, 1);
            }
            else if (names.Category(row.Class) is not { } category)
            {
                desk.Fault(DataProblemKind.UnknownCategory, row.Record, "class", $"is \"{row.Class}\"; the data set has no such class.");
                desk.Tally(0, 1);
            }
            else
            {
                detections.Add(new DetectedObject(image, category, row.Box, row.Score));
                var size = dataset.FindImage(image);
                shares.See(row.Box, size?.Width ?? 0, size?.Height ?? 0);
            }
        }
        shares.Tell(desk);
        var results = new DetectionResults(detections) { Source = path };
        AssumedShapes.Note(results, path, options ?? new ReadOptions());
        return results;
    }

    /// <summary>Writes ground truth.</summary>
    /// <exception cref="ArgumentException">Two images or categories have one name.</exception>
    public static void WriteGroundTruth(DetectionDataset dataset, string path)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ImagePaths.RequireNames(dataset, images: true, categories: true);
        var text = new StringBuilder("image,class,xmin,ymin,xmax,ymax,difficult,width,height,crowd,ignore,group_of,area\n");
        var objects = dataset.Objects.ToArray().ToLookup(o => o.ImageId);
        foreach (var image in dataset.Images.DistinctBy(i => i.Id))
        {
            var name = Cell(ImagePaths.NameOf(image));
            var size = string.Create(CultureInfo.InvariantCulture, $"{image.Width},{image.Height}");
            foreach (var o in objects[image.Id])
            {
                var area = o.Area == o.Box.Area ? "" : VocFormat.Text(o.Area);
                text.Append(
                    $"{name},{Cell(dataset.CategoryName(o.CategoryId))},{Corners(o.Box)},{Bit(o.IsDifficult || o.IsCrowd)},{size},"
                        + $"{Bit(o.IsCrowd)},{Bit(o.IsIgnored)},{Bit(o.IsGroupOf)},{area}\n");
            }
            if (!objects.Contains(image.Id)) text.Append($"{name},,,,,,,{size},,,,\n");
        }
        AtomicFile.WriteText(path, text.ToString());
    }

    /// <summary>Writes results.</summary>
    /// <exception cref="ArgumentException">Two images or categories have one name.</exception>
    public static void WriteResults(DetectionResults results, DetectionDataset dataset, string path)
    {
        ArgumentNullException.ThrowIfNull(results);
        ArgumentNullException.ThrowIfNull(dataset);
        ImagePaths.RequireNames(dataset, images: true, categories: true);
        var text = new StringBuilder("image,class,score,xmin,ymin,xmax,ymax\n");
        foreach (var d in results.Items)
        {
            var image = dataset.FindImage(d.ImageId)
                ?? throw new ArgumentException($"a detection lies in image {d.ImageId}, which the data set does not have.",
                nameof(results));
            text.Append(
                $"{Cell(ImagePaths.NameOf(image))},{Cell(dataset.CategoryName(d.CategoryId))},{VocFormat.Text(d.Score)},{Corners(d.Box)}"
                    + $"\n");
        }
        AtomicFile.WriteText(path, text.ToString());
    }

    private static char Bit(bool value) => value ? '1' : '0';

    private static string Corners(Box b)
        => $"{VocFormat.Text(b.X)},{VocFormat.Text(b.Y)},{VocFormat.Text(b.Right)},{VocFormat.Text(b.Bottom)}";

    private static string Cell(string text)
        => text.AsSpan().ContainsAny("\",\r\n") || text.Trim() != text ? "\"" + text.Replace("\"", "\"\"", StringComparison.Ordinal) + "\""
            : text;

    private static IEnumerable<Row> Rows(string path, FaultDesk desk, bool withScore)
    {
        TextFile.Check(path, desk);
        Columns? columns = null;
        var rows = 0;
        foreach (var (cells, record) in CsvTable.Read(path))
        {
            if (cells is null)
            {
                desk.Fault(DataProblemKind.Malformed, record, "", "has a quotation mark that is not closed.");
                desk.Tally(1, 1);
                continue;
            }
            if (columns is null)
            {
                columns = Header(path, cells, desk, record, withScore);
                if (columns is null) yield break;
                continue;
            }
            rows++;
            if (Parse(cells, columns, desk, record, withScore) is { } row) yield return row;
        }
        desk.Tally(rows);
        if (columns is null) desk.Fault(DataProblemKind.Malformed, "", "", "is empty; a header is needed.");
    }

    private static Columns? Header(string path, List<string> cells, FaultDesk desk, string record, bool withScore)
    {
        var places = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < cells.Count; i++)
        {
            if (places.TryAdd(cells[i].Trim().TrimStart('\uFEFF'), i)) continue;
            desk.Fault(DataProblemKind.Malformed, record, cells[i], "names a column twice.");
        }
        foreach (var name in withScore ? [.. Required, "score"] : Required)
        {
            if (places.ContainsKey(name)) continue;
            if (Array.Find(OtherNames[name], places.ContainsKey) is { } other)
            {
                places[name] = places[other];
                continue;
            }
            var needed = string.Join(", ", withScore ? [.. Required, "score"] : Required);
            desk.Fault(DataProblemKind.MissingField, record, name,
                $"is not a column; the header needs {needed} (or {OtherNames[name][0]} and the like) and has "
                    + $"{string.Join(", ", cells.Take(20))}.");
            desk.Tally(1, 1);
            return null;
        }
        var semicolons = CsvTable.SeparatorOf(File.ReadLines(path).FirstOrDefault(l => !string.IsNullOrWhiteSpace(l)) ?? "") == ';';
        return new Columns(places, cells.Count, semicolons);
    }

    private static Row? Parse(List<string> cells, Columns columns, FaultDesk desk, string record, bool withScore)
    {
        if (cells.Count != columns.Count)
        {
            desk.Fault(DataProblemKind.Malformed, record, "",
                string.Create(CultureInfo.InvariantCulture, $"has {cells.Count} cells; the header has {columns.Count}."));
            desk.Tally(0, 1);
            return null;
        }
        string Text(string name) => columns.Places.TryGetValue(name, out var c) ? cells[c] : "";
        // Where semicolons separate, a comma belongs to the number.
        string Number(string name) => columns.HasDecimalCommas ? Text(name).Replace(',', '.') : Text(name);
        int Size(string name)
        {
            if (string.IsNullOrWhiteSpace(Text(name))) return 0;
            if (double.TryParse(Number(name), NumberStyles.Float, CultureInfo.InvariantCulture, out var n)
                && n is >= 0 and <= 1e6) return (int)Math.Round(n);
            desk.Fault(DataProblemKind.WrongValue, record, name, $"is \"{Text(name)}\"; a size in pixels is needed.");
            return 0;
        }
        bool Flag(string name)
        {
            if (FlagText.TryParse(Number(name), out var flag)) return flag;
            desk.Fault(DataProblemKind.WrongValue, record, name, $"is \"{Text(name)}\"; 0, 1, true or false is needed.");
            return flag;
        }
        string[] numeric = withScore ? ["xmin", "ymin", "xmax", "ymax", "score"] : ["xmin", "ymin", "xmax", "ymax"];
        var image = Text("image");
        int width = Size("width"), height = Size("height");
        if (!withScore && Text("class").Length == 0 && numeric.All(n => Text(n).Length == 0))
        {
            return new Row(image, "", default, 0, default, null, width, height, record) { IsEmpty = true };
        }
        if (image.Length == 0 || Text("class").Length == 0)
        {
            desk.Fault(DataProblemKind.MissingField, record, image.Length == 0 ? "image" : "class", "is empty.");
            desk.Tally(0, 1);
            return null;
        }
        var box = withScore ? Box.Nowhere : Box.Unreachable;
        var score = DetectedObject.FirstRank;
        if (TextLines.TryNumbers(Array.ConvertAll(numeric, Number), desk, record, out var v))
        {
            box = Box.FromCorners(v[0], v[1], v[2], v[3]);
            score = withScore ? v[4] : 1;
            if (box.Width < 0 || box.Height < 0)
            {
                desk.Fault(DataProblemKind.NegativeSize, record, "xmax", "lies left of xmin, or ymax above ymin.");
            }
        }
        var marks = Flag("crowd") ? ObjectMarks.Crowd : Flag("difficult") ? ObjectMarks.Difficult : ObjectMarks.None;
        if (Flag("ignore")) marks |= ObjectMarks.Ignore;
        if (Flag("group_of")) marks |= ObjectMarks.GroupOf;
        double? area = null;
        if (Number("area") is { Length: > 0 } given && TextLines.TryNumbers([given], desk, record, out var a)) area = a[0];
        return new Row(image, Text("class"), box, score, marks, area, width, height, record);
    }

    /// <summary>Watches for tables whose boxes are shares of their pictures: read as pixels, all would lie in one corner.</summary>
    private sealed class ShareWatch
    {
        private int _boxes, _shares;
        private bool _hasPart;
        private (int Width, int Height) _size;

        public void See(in Box box, int width, int height)
        {
            if (box == Box.Nowhere || box == Box.Unreachable) return;
            _boxes++;
            if (width <= 1 || height <= 1 || box.X < 0 || box.Y < 0 || box.Right > 1 || box.Bottom > 1) return;
            _shares++;
            _size = (width, height);
            _hasPart |= box.X % 1 != 0 || box.Y % 1 != 0 || box.Right % 1 != 0 || box.Bottom % 1 != 0;
        }

        public void Tell(FaultDesk desk)
        {
            if (_shares == 0 || _shares < _boxes || !_hasPart) return;
            desk.Fault(DataProblemKind.WrongValue, "", "xmin",
                string.Create(CultureInfo.InvariantCulture,
                    $"to ymax lie between 0 and 1 in all {_boxes} boxes, in pictures such as one of {_size.Width} x {_size.Height} pixels: "
                        + $"these are shares of the picture. Pixels are needed: multiply x by the width and y by the height."));
        }
    }

    /// <summary>Where the columns are, how many there are, and whether numbers have decimal commas.</summary>
    private sealed record Columns(Dictionary<string, int> Places, int Count, bool HasDecimalCommas);

    private sealed record Row(string Image, string Class, Box Box, double Score, ObjectMarks Marks, double? Area, int Width, int Height,
        string Record)
    {
        public bool IsEmpty { get; init; }
    }
}
