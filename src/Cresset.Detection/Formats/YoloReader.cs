namespace Cresset.Detection;

/// <summary>One line of a label file in pixels.</summary>
internal readonly record struct YoloLine(long Image, long Category, Box Box, double Area, double Score, PolygonSegmentation? Polygon,
    double[]? Keypoints);

/// <summary>Reads the label files of a folder for the images of a data set.</summary>
internal sealed class YoloReader(DetectionDataset dataset, ReadOptions options, bool withScore, (int Points, int Values)? keypoints)
{
    /// <summary>Files that tools put beside labels.</summary>
    internal const double MostShare = 2;

    // What rounding makes of a centre at the edge.
    private const double MostCentre = 1.01;
    private static readonly string[] Others = ["classes.txt", "notes.txt", "readme.txt", "obj.names"];
    private readonly DatasetNames _names = new(dataset);

    public static bool IsOther(string file) => Others.Contains(Path.GetFileName(file), StringComparer.OrdinalIgnoreCase);

    /// <param name="folder">Folder from which names of images are counted.</param>
    /// <param name="files">The label files; null takes all below the folder.</param>
    public IEnumerable<YoloLine> Read(string folder, IReadOnlyList<string>? files = null)
    {
        foreach (var file in files ?? FilePeek.Files(folder, ".txt"))
        {
            if (IsOther(file)) continue;
            var desk = new FaultDesk(file, options);
            var name = Path.GetRelativePath(folder, file).Replace('\\', '/')[..^4];
            if (_names.Image(name) is not { } imageId)
            {
                desk.Fault(DataProblemKind.UnknownImage, "", "", _names.IsAmbiguous(name)
                    ? "has the name of several images of the data set; keep the folders of the images."
                    : "has the name of no image of the data set.");
                desk.Tally(1, 1);
                continue;
            }
            var image = dataset.FindImage(imageId)!;
            if (image.Width <= 0 || image.Height <= 0)
            {
                desk.Fault(DataProblemKind.MissingField, "", "", $"belongs to {image.FileName}, whose size is not known.");
                desk.Tally(1, 1);
                continue;
            }
            long lines = 0, lost = 0;
            // Two detections may be equal; two equal objects are one that was written twice.
            var seen = withScore ? null : new HashSet<string>(StringComparer.Ordinal);
            foreach (var (fields, record) in TextLines.Read(file))
            {
                lines++;
                if (seen?.Add(string.Join(' ', fields)) == false)
                {
                    desk.Note(DataProblemKind.DuplicateId, record, "", "is written twice; the object was taken once, as by the package.");
                    continue;
                }
                if (Parse(fields, record, image, desk) is { } line) yield return line;
                else lost++;
            }
            desk.Tally(lines, lost);
        }
    }

    private YoloLine? Parse(string[] fields, string record, DatasetImage image, FaultDesk desk)
    {
        var own = fields.Length - (withScore ? 1 : 0);
        var points = keypoints is { } k && own == 5 + (k.Points * k.Values);
        var outline = !points && own >= 7 && own % 2 == 1;
        if (own != 5 && !points && !outline)
        {
            desk.Fault(DataProblemKind.Malformed, record, "", $"has {fields.Length} fields; {Wanted()} are needed"
                + (keypoints is null ? ". Poses need a data.yaml with a kpt_shape." : "."));
            return null;
        }
        if (!TextLines.TryNumbers(fields, desk, record, out var n))
        {
            // The line stays as a miss where its class can be read.
            return double.TryParse(fields[0], System.Globalization.NumberStyles.Float, System.Globalization.CultureInfo.InvariantCulture,
                out var c) && IsClass(c)
                ? new YoloLine(image.Id, _names.InOrder[(int)c], Box.Nowhere, 0, DetectedObject.FirstRank, null, null)
                : null;
        }
        if (!IsClass(n[0]))
        {
            desk.Fault(DataProblemKind.UnknownCategory, record, "class",
                $"is {fields[0]}; there are classes 0 to {_names.InOrder.Length - 1}.");
            return null;
        }
        // A box may reach a little beyond its image; pixels lie far beyond.
        if (!points && n.AsSpan(1, own - 1).ContainsAnyExceptInRange(-MostShare, MostShare))
        {
            desk.Fault(DataProblemKind.WrongValue, record, "",
                $"holds {string.Join(' ', fields[1..own])}; YOLO labels are shares of the image's width and height, from 0 to 1, not "
                    + $"pixels.");
        }
        var category = _names.InOrder[(int)n[0]];
        var score = withScore ? n[^1] : 1;
        if (outline)
        {
            var line = Outline(n.AsSpan(1, own - 1), image, category, score);
            if (line.Polygon is not { Polygons: [var drawn] } || RunLengthMask.CanDraw(drawn)) return line;
            desk.Fault(DataProblemKind.BadMask, record, "", RunLengthMask.CannotDraw);
            return new YoloLine(image.Id, category, Box.Nowhere, 0, DetectedObject.FirstRank, null, null);
        }
        if (n[1] is < 1 - MostCentre or > MostCentre || n[2] is < 1 - MostCentre or > MostCentre)
        {
            desk.Fault(DataProblemKind.WrongValue, record, "cx", $"or cy lies outside of the image: {fields[1]} {fields[2]}; the centre of "
                + $"a box is a share of the image's width and height, from 0 to 1{(withScore ? ", and the score comes last" : "")}.");
        }
        if (n[3] < 0 || n[4] < 0) desk.Fault(DataProblemKind.NegativeSize, record, "w", "or h is below 0.");
        var box = new Box((n[1] - (n[3] / 2)) * image.Width, (n[2] - (n[4] / 2)) * image.Height, n[3] * image.Width, n[4] * image.Height);
        return new YoloLine(image.Id, category, box, box.Area, score, null, points ? Points(n.AsSpan(5, own - 5), image) : null);
    }

    private bool IsClass(double c) => c >= 0 && c < _names.InOrder.Length && Math.Floor(c) == c;

    private string Wanted()
    {
        var end = withScore ? " score" : "";
        var pose = keypoints is { } k ? $", or {5 + (k.Points * k.Values) + (withScore ? 1 : 0)} with keypoints" : "";
        return $"class cx cy w h{end}, or class x1 y1 x2 y2 x3 y3 ...{end}{pose}";
    }

    private static YoloLine Outline(ReadOnlySpan<double> relative, DatasetImage image, long category, double score)
    {
        var polygon = new double[relative.Length];
        for (var i = 0; i < polygon.Length; i++) polygon[i] = relative[i] * (i % 2 == 0 ? image.Width : image.Height);
        var shape = new PolygonSegmentation([polygon]);
        double twice = 0;
        for (var i = 0; i < polygon.Length; i += 2)
        {
            var next = (i + 2) % polygon.Length;
            twice += (polygon[i] * polygon[next + 1]) - (polygon[next] * polygon[i + 1]);
        }
        return new YoloLine(image.Id, category, ShapeBounds.Of(shape, null), Math.Abs(twice) / 2, score, shape, null);
    }

    private double[] Points(ReadOnlySpan<double> relative, DatasetImage image)
    {
        var (count, values) = keypoints!.Value;
        var points = new double[3 * count];
        for (var i = 0; i < count; i++)
        {
            double x = relative[i * values], y = relative[(i * values) + 1];
            points[3 * i] = x * image.Width;
            points[(3 * i) + 1] = y * image.Height;
            // Without a third value a point at the origin is one that was not labelled.
            points[(3 * i) + 2] = values == 3 ? relative[(i * values) + 2] : x == 0 && y == 0 ? 0 : 2;
        }
        return points;
    }
}
