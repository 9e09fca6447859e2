using System.Globalization;
using System.Text;
using System.Xml;
using System.Xml.Linq;
using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>
/// Folders of Pascal VOC: one XML file an image, and results as one text file a class, <c>image score xmin ymin xmax ymax</c>.
/// Corners are taken as they are written; the protocols voc07 and voc10 add the pixel that inclusive corners mean.
/// </summary>
public static class VocFormat
{
    private const string ResultPrefix = "comp4_det_test_";

    /// <summary>Reads all <c>*.xml</c> of a folder in the order of their names.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="classes">Class names in order; when null they are collected and sorted.</param>
    /// <param name="options">Strict or lenient.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="DetectionFormatException">The first fault, unless lenient.</exception>
    public static DetectionDataset ReadGroundTruth(string folder, IReadOnlyList<string>? classes = null, ReadOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new ReadOptions();
        var files = Directory.GetFiles(folder, "*.xml");
        Array.Sort(files, StringComparer.Ordinal);
        var builder = new DatasetBuilder(classes);
        var report = options.Report ?? new ReadReport();
        for (var i = 0; i < files.Length; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ReadImage(files[i], builder, new FaultDesk(files[i], options with { Report = report }));
            options.Progress?.Report((i + 1.0) / files.Length);
        }
        return builder.Finish(folder);
    }

    /// <summary>Reads result files <c>comp4_det_test_CLASS.txt</c> (or <c>CLASS.txt</c>) of a folder.</summary>
    /// <exception cref="DetectionFormatException">The first fault, unless lenient.</exception>
    public static DetectionResults ReadResults(string folder, DetectionDataset dataset, ReadOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        options ??= new ReadOptions();
        var names = new DatasetNames(dataset);
        var detections = new List<DetectedObject>();
        foreach (var file in Directory.GetFiles(folder, "*.txt").Order(StringComparer.Ordinal))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var desk = new FaultDesk(file, options);
            var stem = Path.GetFileNameWithoutExtension(file);
            var name = stem.StartsWith(ResultPrefix, StringComparison.Ordinal) ? stem[ResultPrefix.Length..] : stem;
            if (names.Category(name) is not { } category)
            {
                desk.Fault(DataProblemKind.UnknownCategory, "", "", $"is named after the class \"{name}\", which the data set does not have.");
                continue;
            }
            foreach (var (fields, record) in TextLines.Read(file))
            {
                if (fields.Length != 6)
                {
                    desk.Fault(DataProblemKind.Malformed, record, "", $"has {fields.Length} fields; image score xmin ymin xmax ymax are needed.");
                    continue;
                }
                if (!TextLines.TryNumbers(fields.AsSpan(1), desk, record, out var n)) continue;
                if (names.Image(fields[0]) is not { } image)
                {
                    desk.Fault(DataProblemKind.UnknownImage, record, "image", $"is \"{fields[0]}\"; the data set has no such image.");
                    continue;
                }
                if (n[3] < n[1] || n[4] < n[2]) desk.Fault(DataProblemKind.NegativeSize, record, "xmax", "lies left of xmin, or ymax above ymin.");
                detections.Add(new DetectedObject(image, category, Box.FromCorners(n[1], n[2], n[3], n[4]), n[0]));
            }
        }
        return new DetectionResults(detections) { Source = folder };
    }

    /// <summary>Writes one XML file an image. Boxes are written as corners, without a pixel taken off.</summary>
    public static void WriteGroundTruth(DetectionDataset dataset, string folder)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        Directory.CreateDirectory(folder);
        var objects = dataset.Objects.ToArray().ToLookup(o => o.ImageId);
        foreach (var image in dataset.Images)
        {
            var root = new XElement("annotation",
                new XElement("folder", Path.GetFileName(Path.GetFullPath(folder))),
                new XElement("filename", NameOf(image)),
                new XElement("size", new XElement("width", image.Width), new XElement("height", image.Height), new XElement("depth", 3)),
                new XElement("segmented", 0));
            foreach (var o in objects[image.Id])
            {
                root.Add(new XElement("object",
                    new XElement("name", dataset.CategoryName(o.CategoryId)),
                    new XElement("pose", "Unspecified"),
                    new XElement("truncated", 0),
                    new XElement("difficult", o.IsDifficult || o.IsCrowd ? 1 : 0),
                    new XElement("bndbox", new XElement("xmin", Text(o.Box.X)), new XElement("ymin", Text(o.Box.Y)), new XElement("xmax", Text(o.Box.Right)), new XElement("ymax", Text(o.Box.Bottom)))));
            }
            AtomicFile.WriteText(Path.Combine(folder, Path.GetFileNameWithoutExtension(NameOf(image)) + ".xml"), root + "\n");
        }
    }

    /// <summary>Writes one result file a class.</summary>
    public static void WriteResults(DetectionResults results, DetectionDataset dataset, string folder)
    {
        ArgumentNullException.ThrowIfNull(results);
        ArgumentNullException.ThrowIfNull(dataset);
        Directory.CreateDirectory(folder);
        foreach (var group in results.Items.ToArray().GroupBy(d => d.CategoryId))
        {
            var text = new StringBuilder();
            foreach (var d in group)
            {
                var image = dataset.FindImage(d.ImageId) is { } i ? Path.GetFileNameWithoutExtension(NameOf(i)) : d.ImageId.ToString(CultureInfo.InvariantCulture);
                text.Append(CultureInfo.InvariantCulture, $"{image} {Text(d.Score)} {Text(d.Box.X)} {Text(d.Box.Y)} {Text(d.Box.Right)} {Text(d.Box.Bottom)}\n");
            }
            AtomicFile.WriteText(Path.Combine(folder, $"{ResultPrefix}{dataset.CategoryName(group.Key)}.txt"), text.ToString());
        }
    }

    internal static string NameOf(DatasetImage image) => image.FileName.Length > 0 ? Path.GetFileName(image.FileName) : image.Id.ToString(CultureInfo.InvariantCulture) + ".jpg";

    internal static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static void ReadImage(string file, DatasetBuilder builder, FaultDesk desk)
    {
        XElement root;
        try
        {
            using var reader = XmlReader.Create(file, new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null, MaxCharactersInDocument = 100_000_000 });
            root = XElement.Load(reader, LoadOptions.SetLineInfo);
        }
        catch (XmlException e)
        {
            desk.Fault(DataProblemKind.Malformed, string.Create(CultureInfo.InvariantCulture, $"line {e.LineNumber}"), "", $"is not XML: {e.Message}");
            return;
        }
        if (root.Name.LocalName != "annotation")
        {
            desk.Fault(DataProblemKind.Malformed, "", "", $"has the root <{root.Name.LocalName}>; <annotation> is needed.");
            return;
        }
        var name = root.Element("filename")?.Value.Trim() is { Length: > 0 } given ? given : Path.GetFileNameWithoutExtension(file) + ".jpg";
        if (builder.HasImage(name))
        {
            desk.Fault(DataProblemKind.DuplicateId, "", "filename", $"{name} occurs in two files.");
            return;
        }
        var size = root.Element("size");
        var image = builder.AddImage(name, Size(size, "width", desk), Size(size, "height", desk));
        var index = 0;
        foreach (var o in root.Elements("object"))
        {
            var record = string.Create(CultureInfo.InvariantCulture, $"object[{index++}] in line {((IXmlLineInfo)o).LineNumber}");
            var label = o.Element("name")?.Value.Trim() ?? "";
            if (label.Length == 0)
            {
                desk.Fault(DataProblemKind.MissingField, record, "name", "is missing.");
                continue;
            }
            if (!TryBox(o.Element("bndbox"), desk, record, out var box)) continue;
            if (builder.CategoryOf(label) is not { } category)
            {
                desk.Fault(DataProblemKind.UnknownCategory, record, "name", $"is \"{label}\", which is not among the classes.");
                continue;
            }
            builder.Add(image, category, box, o.Element("difficult")?.Value.Trim() is { Length: > 0 } d && d != "0" ? ObjectMarks.Difficult : ObjectMarks.None);
        }
    }

    private static int Size(XElement? size, string field, FaultDesk desk)
    {
        var text = size?.Element(field)?.Value.Trim();
        if (string.IsNullOrEmpty(text)) return 0;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value)) return value;
        desk.Fault(DataProblemKind.WrongValue, "size", field, $"is \"{text}\"; a whole number is needed.");
        return 0;
    }

    private static bool TryBox(XElement? bounds, FaultDesk desk, string record, out Box box)
    {
        box = default;
        Span<double> corner = stackalloc double[4];
        string[] names = ["xmin", "ymin", "xmax", "ymax"];
        for (var i = 0; i < 4; i++)
        {
            var text = bounds?.Element(names[i])?.Value.Trim();
            if (string.IsNullOrEmpty(text))
            {
                desk.Fault(DataProblemKind.MissingField, record, names[i], "is missing.");
                return false;
            }
            if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out corner[i]) || !double.IsFinite(corner[i]))
            {
                desk.Fault(double.IsFinite(corner[i]) ? DataProblemKind.WrongValue : DataProblemKind.NotFinite, record, names[i], $"is \"{text}\"; a finite number is needed.");
                return false;
            }
        }
        box = Box.FromCorners(corner[0], corner[1], corner[2], corner[3]);
        if (box.Width < 0 || box.Height < 0) desk.Fault(DataProblemKind.NegativeSize, record, "bndbox", "has xmax left of xmin or ymax above ymin.");
        return true;
    }
}
