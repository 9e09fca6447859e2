using System.Globalization;
using System.Text;
using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>
/// The box tables of Open Images: columns ImageID, LabelName, XMin, XMax, YMin, YMax relative to the image, IsGroupOf; Confidence or
/// Score for detections. Without pictures coordinates stay relative, which no IoU notices.
/// </summary>
[Part("openimages", "Kuznetsova et al. 2020, arXiv:1811.00982")]
public sealed record OpenImagesCsv : LabelledFormat
{
    /// <summary>File of image-level labels (ImageID, LabelName, Confidence): classes verified as absent have confidence 0.
    /// Empty for none.</summary>
    public string VerifiedLabels { get; init; } = "";

    /// <inheritdoc/>
    public override FormatFeatures Keeps => FormatFeatures.Marks;

    /// <inheritdoc/>
    public override bool Recognizes(string path) => File.Exists(path) && FilePeek.HasExtension(path, ".csv") && Looks(path);

    internal static bool Looks(string path)
        => FilePeek.Start(path, 300).TrimStart('\uFEFF').StartsWith("ImageID,", StringComparison.OrdinalIgnoreCase);

    private protected override IEnumerable<LabelledImage> Read(string path, FormatContext context, bool withScores)
    {
        var desk = new FaultDesk(path, context.Read);
        var pictures = context.ImageFolder is { } folder
            ? YoloFormat.ReadImages(folder).ToLookup(i => ImagePaths.WithoutExtension(i.FileName), StringComparer.Ordinal) : null;
        if (pictures is null && context.Known is null)
        {
            desk.Note(DataProblemKind.Layout, "", "",
                "holds shares of the pictures' sizes, which are not known: boxes stay between 0 and 1 (--images FOLDER makes pixels of "
                    + "them).");
        }
        var images = new Dictionary<string, LabelledImage>(StringComparer.Ordinal);
        LabelledImage ImageOf(string id)
        {
            if (images.TryGetValue(id, out var known)) return known;
            // Detections are scaled as the objects they are compared with.
            var picture = context.Known is { } data ? data.Find(id) : PictureOf(pictures, id, desk);
            if (picture is null && pictures is not null)
            {
                desk.Fault(DataProblemKind.UnknownImage, "", "ImageID",
                    $"is \"{id}\", and the folder of the pictures has none of that name; the size of its boxes is not known.");
            }
            if (context.Known is not null) return images[id] = new LabelledImage(id, picture?.Width ?? 0, picture?.Height ?? 0, path);
            return images[id] = new LabelledImage(picture?.FileName ?? id, picture?.Width ?? 0, picture?.Height ?? 0, path);
        }

        string score = "";
        foreach (var (cell, record) in Rows(path, desk, ["ImageID", "LabelName", "XMin", "XMax", "YMin", "YMax"], columns
            => score = columns.ContainsKey("Score") ? "Score" : "Confidence"))
        {
            var image = ImageOf(cell("ImageID"));
            var shape = new LabelledShape(cell("LabelName"), record);
            if (!FlagText.TryParse(cell("IsGroupOf"), out var isGroup)) desk.Fault(DataProblemKind.WrongValue, record, "IsGroupOf",
                $"is \"{cell("IsGroupOf")}\"; 0 or 1 is needed.");
            double w = Math.Max(1, image.Width), h = Math.Max(1, image.Height);
            var n = Numbers(desk, record, "XMin", cell("XMin"), cell("YMin"), cell("XMax"), cell("YMax"));
            if (n is not null && n.AsSpan().ContainsAnyExceptInRange(-YoloReader.MostShare, YoloReader.MostShare))
            {
                desk.Fault(DataProblemKind.WrongValue, record, "XMin",
                    "or another side lies far outside 0 to 1: Open Images counts in shares of the image's width and height, not in "
                        + "pixels.");
            }
            shape = n is null ? shape with { Broken = true }
                : shape with { Box = CornerBox(desk, record, n[0] * w, n[1] * h, n[2] * w, n[3] * h) };
            if (withScores && Numbers(desk, record, score, cell(score)) is { } s) shape = shape with { Score = s[0] };
            // Unknown (-1) stands for "not said".
            image.Shapes.Add(shape with { Marks = isGroup && cell("IsGroupOf").Trim() != "-1" ? ObjectMarks.GroupOf : ObjectMarks.None });
        }
        if (VerifiedLabels.Length > 0 && !withScores)
        {
            foreach (var (cell, record) in Rows(VerifiedLabels, new FaultDesk(VerifiedLabels, context.Read),
                ["ImageID", "LabelName", "Confidence"], _ => { }))
            {
                var image = ImageOf(cell("ImageID"));
                if (image.Absent is null) images[cell("ImageID")] = image = image with { Absent = [] };
                if (Numbers(desk, record, "Confidence", cell("Confidence")) is [0]) image.Absent!.Add(cell("LabelName"));
            }
        }
        return images.Values;
    }

    private protected override void Write(string path, DetectionDataset dataset,
        IReadOnlyList<(DatasetImage Image, LabelledImage Labels)> images, bool withScores)
    {
        var text = new StringBuilder(withScores ? "ImageID,LabelName,Score,XMin,XMax,YMin,YMax\n"
            : "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside\n");
        foreach (var (image, labels) in images)
        {
            // An image whose size is not known came with relative coordinates, or cannot be written.
            var known = image is { Width: > 0, Height: > 0 };
            foreach (var s in labels.Shapes)
            {
                if (!known && (s.Box.Right > 1.5 || s.Box.Bottom > 1.5)) Sized(image);
                double w = known ? image.Width : 1, h = known ? image.Height : 1;
                var place = $"{Text(s.Box.X / w)},{Text(s.Box.Right / w)},{Text(s.Box.Y / h)},{Text(s.Box.Bottom / h)}";
                var name = Cell(ImageHeader.IsPicture(labels.Name) ? ImagePaths.WithoutExtension(labels.Name) : labels.Name);
                text.Append(withScores ? $"{name},{Cell(s.Class)},{Text(s.Score!.Value)},{place}\n"
                    : $"{name},xclick,{Cell(s.Class)},1,{place},0,0,{((s.Marks & ObjectMarks.GroupOf) != 0 ? 1 : 0)},0,0\n");
            }
        }
        AtomicFile.WriteText(path, text.ToString());
    }

    private static string Cell(string text)
        => text.AsSpan().ContainsAny("\",\r\n") || text.Trim() != text ? "\"" + text.Replace("\"", "\"\"", StringComparison.Ordinal) + "\""
            : text;

    private static IEnumerable<(Func<string, string> Cell, string Record)> Rows(string path, FaultDesk desk, string[] required,
        Action<Dictionary<string, int>> header)
    {
        TextFile.Check(path, desk);
        Dictionary<string, int>? columns = null;
        foreach (var (cells, record) in CsvTable.Read(path))
        {
            if (columns is null && cells is not null)
            {
                columns = new(StringComparer.OrdinalIgnoreCase);
                for (var i = 0; i < cells.Count; i++) columns.TryAdd(cells[i].Trim().TrimStart('\uFEFF'), i);
                if (required.FirstOrDefault(r => !columns.ContainsKey(r)) is { } missing)
                {
                    desk.Fault(DataProblemKind.MissingField, record, missing,
                        $"is not a column; {string.Join(", ", required)} are needed.");
                    desk.Tally(1, 1);
                    yield break;
                }
                header(columns);
                continue;
            }
            if (cells is null || cells.Count != columns!.Count)
            {
                desk.Fault(DataProblemKind.Malformed, record, "", cells is null ? "has a quotation mark that is not closed."
                    : $"has {cells.Count} cells; the header has {columns!.Count}.");
                desk.Tally(1, 1);
                continue;
            }
            yield return (name => columns.TryGetValue(name, out var c) ? cells[c] : "", record);
        }
    }
}

/// <summary>MOT Challenge: lines <c>frame, id, left, top, width, height, confidence, class, visibility</c>; frames are images, classes are
/// numbered.</summary>
[Part("mot", "Milan et al. 2016, arXiv:1603.00831")]
public sealed record MotFile : LabelledFormat
{
    /// <inheritdoc/>
    public override FormatFeatures Keeps => FormatFeatures.None;

    /// <inheritdoc/>
    public override bool Recognizes(string path)
        => File.Exists(path) && FilePeek.HasExtension(path, ".txt")
            && FilePeek.Start(path).Split('\n')[0].Split(',') is { Length: >= 7 } f && f[..6].All(FilePeek.IsNumber);

    private protected override IEnumerable<LabelledImage> Read(string path, FormatContext context, bool withScores)
    {
        var desk = new FaultDesk(path, context.Read);
        TextFile.Check(path, desk);
        var frames = new SortedDictionary<int, LabelledImage>();
        var number = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            var fields = line.Split(',');
            var record = string.Create(CultureInfo.InvariantCulture, $"line {number}");
            if (fields.Length < 7 || !int.TryParse(fields[0], NumberStyles.Integer, CultureInfo.InvariantCulture, out var frame))
            {
                desk.Fault(DataProblemKind.Malformed, record, "",
                    $"is \"{line}\"; frame, id, left, top, width, height, confidence are needed.");
                desk.Tally(1, 1);
                continue;
            }
            if (!frames.TryGetValue(frame, out var image)) frames[frame] = image = new LabelledImage(
                frame.ToString("D6", CultureInfo.InvariantCulture) + ".jpg", 0, 0, path);
            // Detections of the challenge have no class, or -1: pedestrians, class 1.
            var label = fields.Length > 7 && ClassOf(fields[7].Trim()) is { Length: > 0 } c && c != "-1" ? c : "1";
            if (context.Classes is { } names && int.TryParse(label, NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n >= 1
                && n <= names.Count) label = names[n - 1];
            var shape = new LabelledShape(label, record);
            if (Numbers(desk, record, "", fields[2], fields[3], fields[4], fields[5], fields[6]) is { } v)
            {
                if (v[2] < 0 || v[3] < 0) desk.Fault(DataProblemKind.NegativeSize, record, "width", "or height is below 0.");
                // In ground truth 0 says that the entry is not to be judged.
                shape = shape with
                {
                    Box = new Box(v[0], v[1], v[2], v[3]),
                    Score = withScores ? v[4] : null,
                    Marks = !withScores
                    && v[4] == 0 ? ObjectMarks.Ignore | ObjectMarks.Difficult : ObjectMarks.None
                };
            }
            else shape = shape with { Broken = true };
            image.Shapes.Add(shape);
        }
        return frames.Values;
    }

    private protected override void Write(string path, DetectionDataset dataset,
        IReadOnlyList<(DatasetImage Image, LabelledImage Labels)> images, bool withScores)
    {
        var text = new StringBuilder();
        var order = dataset.Categories.Select(c => c.Id).Distinct().Order().ToArray();
        var numbers = dataset.Categories.Count(c => int.TryParse(c.Name, NumberStyles.None, CultureInfo.InvariantCulture, out _));
        if (numbers > 0 && numbers < dataset.Categories.Count) throw new ArgumentException(
            "some classes are named by numbers and others by words; MOT numbers its classes, so both would meet. Rename them.");
        foreach (var twin in images.GroupBy(i => FrameOf(i.Image)).Where(g => g.Count() > 1))
        {
            throw new ArgumentException(
                $"images \"{twin.First().Labels.Name}\" and \"{twin.Last().Labels.Name}\" are both frame {twin.Key}; a MOT file holds one "
                    + $"sequence.");
        }
        var numbered = dataset.Categories.ToDictionary(c => dataset.CategoryName(c.Id), c => Array.IndexOf(order, c.Id) + 1,
            StringComparer.Ordinal);
        foreach (var (image, labels) in images.OrderBy(i => FrameOf(i.Image)))
        {
            var frame = FrameOf(image);
            foreach (var s in labels.Shapes)
            {
                var b = s.Box;
                // Classes that are numbers already keep them.
                var label = int.TryParse(s.Class, NumberStyles.None, CultureInfo.InvariantCulture, out var own) ? own : numbered[s.Class];
                var confidence = withScores ? Text(s.Score!.Value) : (s.Marks & (ObjectMarks.Ignore | ObjectMarks.Difficult)) != 0 ? "0"
                    : "1";
                text.Append(CultureInfo.InvariantCulture,
                    $"{frame},-1,{Text(b.X)},{Text(b.Y)},{Text(b.Width)},{Text(b.Height)},{confidence},{label},-1\n");
            }
        }
        AtomicFile.WriteText(path, text.ToString());
    }

    /// <summary>Tables of numbers write class 1 as 1.0 or 1e0.</summary>
    private static string ClassOf(string text)
        => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var n) && Math.Abs(n) < 1e9 && Math.Floor(n) == n
            ? ((long)n).ToString(CultureInfo.InvariantCulture) : text;

    private static int FrameOf(DatasetImage image)
    {
        var stem = Path.GetFileNameWithoutExtension(ImagePaths.NameOf(image));
        return int.TryParse(stem, NumberStyles.None, CultureInfo.InvariantCulture, out var frame) ? frame
            : throw new ArgumentException(
            $"image {image.Id} is named \"{image.FileName}\"; MOT numbers its frames, so a name such as 000001.jpg is needed.");
    }
}
