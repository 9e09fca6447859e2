using System.Globalization;
using System.Xml;
using System.Xml.Linq;
using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>
/// Folders of Pascal VOC: one XML file per image, and results as one text file per class, <c>image score xmin ymin xmax ymax</c>.
/// Corners are taken as they are written; the protocols voc07 and voc10 add the pixel that inclusive corners mean.
/// </summary>
public static class VocFormat
{
    private const string ResultPrefix = "comp4_det_test_";

    /// <summary>Reads all <c>*.xml</c> of a folder and the folders below it in the order of their names.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="classes">Class names in order; when null they are collected and sorted.</param>
    /// <param name="options">Strict or lenient.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="DetectionFormatException">The first fault, unless lenient.</exception>
    public static DetectionDataset ReadGroundTruth(string folder, IReadOnlyList<string>? classes = null, ReadOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        options ??= new ReadOptions();
        var files = FilePeek.Files(folder, ".xml");
        var builder = new DatasetBuilder(classes);
        var report = options.Report ?? new ReadReport();
        for (var i = 0; i < files.Length; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ReadImage(folder, files[i], builder, new FaultDesk(files[i], options with { Report = report }));
            options.Progress?.Report((i + 1.0) / files.Length);
        }
        return builder.Finish(folder);
    }

    /// <summary>
    /// Reads result files of a folder: <c>comp4_det_test_CLASS.txt</c> of any competition and image set, or <c>CLASS.txt</c>.
    /// </summary>
    /// <exception cref="DetectionFormatException">The first fault, unless lenient.</exception>
    public static DetectionResults ReadResults(string folder, DetectionDataset dataset, ReadOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        return ClassFiles.Read(folder, ClassFiles.OfVoc(folder), dataset, options ?? new ReadOptions(), cancellationToken);
    }

    /// <summary>
    /// Writes one XML file per image, in the folders of the images. Boxes are written as corners, without a pixel taken off. Where an
    /// object is a crowd, is ignored, a group, or has an area that is not its box's, elements of those names say so.
    /// </summary>
    /// <exception cref="ArgumentException">Two images or categories have one name, or a name cannot stand in XML.</exception>
    public static void WriteGroundTruth(DetectionDataset dataset, string folder)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ImagePaths.RequireNames(dataset, images: true, categories: true);
        RequireXmlNames(dataset);
        var paths = new ImagePaths(dataset.Images);
        Directory.CreateDirectory(folder);
        var objects = dataset.Objects.ToArray().ToLookup(o => o.ImageId);
        foreach (var image in dataset.Images.DistinctBy(i => i.Id))
        {
            var root = new XElement("annotation",
                new XElement("folder", Path.GetFileName(Path.GetFullPath(folder))),
                new XElement("filename", ImagePaths.NameOf(image)),
                new XElement("size", new XElement("width", image.Width), new XElement("height", image.Height), new XElement("depth", 3)),
                new XElement("segmented", 0));
            foreach (var o in objects[image.Id]) root.Add(ElementOf(o, dataset));
            AtomicFile.WriteText(SafeNames.Below(folder, paths.Of(image.Id) + ".xml"), root + "\n");
        }
    }

    private static XElement ElementOf(in GroundTruthObject o, DetectionDataset dataset)
    {
        var element = new XElement("object",
            new XElement("name", dataset.CategoryName(o.CategoryId)),
            new XElement("pose", "Unspecified"),
            new XElement("truncated", 0),
            new XElement("difficult", o.IsDifficult || o.IsCrowd ? 1 : 0));
        if (o.IsCrowd) element.Add(new XElement("iscrowd", 1));
        if (o.IsIgnored) element.Add(new XElement("ignore", 1));
        if (o.IsGroupOf) element.Add(new XElement("is_group_of", 1));
        if (o.Area != o.Box.Area) element.Add(new XElement("area", Text(o.Area)));
        element.Add(new XElement("bndbox",
            new XElement("xmin", Text(o.Box.X)),
            new XElement("ymin", Text(o.Box.Y)),
            new XElement("xmax", Text(o.Box.Right)),
            new XElement("ymax", Text(o.Box.Bottom))));
        return element;
    }

    private static void RequireXmlNames(DetectionDataset dataset)
    {
        foreach (var name in dataset.Images.Select(ImagePaths.NameOf).Concat(dataset.Categories.Select(c => dataset.CategoryName(c.Id))))
        {
            if (name.All(c => XmlConvert.IsXmlChar(c) || char.IsSurrogate(c)) && name.Trim() == name) continue;
            throw new ArgumentException(
                $"the name \"{name}\" holds a control character or begins or ends with a blank, which XML loses; rename it, or write COCO.",
                nameof(dataset));
        }
    }

    /// <summary>
    /// Writes one result file per class, an empty one for a class without detections; a class name that is not a file name is written with
    /// %XX.
    /// </summary>
    /// <exception cref="ArgumentException">Two images or categories have one name.</exception>
    public static void WriteResults(DetectionResults results, DetectionDataset dataset, string folder)
        => ClassFiles.Write(results, dataset, folder, ResultPrefix, corners: false);

    internal static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static void ReadImage(string folder, string file, DatasetBuilder builder, FaultDesk desk)
    {
        XElement root;
        try
        {
            using var reader = XmlReader.Create(file,
                new XmlReaderSettings
                {
                    DtdProcessing = DtdProcessing.Prohibit,
                    XmlResolver = null,
                    MaxCharactersInDocument = 100_000_000
                });
            root = XElement.Load(reader, LoadOptions.SetLineInfo);
            // Some exporters put the elements into a namespace.
            foreach (var element in root.DescendantsAndSelf()) element.Name = element.Name.LocalName;
        }
        catch (XmlException e)
        {
            desk.Fault(DataProblemKind.Malformed,
                e.LineNumber > 0 ? string.Create(CultureInfo.InvariantCulture, $"line {e.LineNumber}") : "", "",
                e.Message.Contains("DTD", StringComparison.Ordinal) ? "has a document type (DTD), which is not read."
                    : $"is not XML: {e.Message}");
            desk.Tally(1, 1);
            return;
        }
        if (root.Name.LocalName != "annotation")
        {
            desk.Fault(DataProblemKind.Malformed, "", "", $"has the root <{root.Name.LocalName}>; <annotation> is needed.");
            desk.Tally(1, 1);
            return;
        }
        var alias = ImagePaths.WithoutExtension(Path.GetRelativePath(folder, file).Replace('\\', '/'));
        var name = root.Element("filename")?.Value.Trim() is { Length: > 0 } given ? given.Replace('\\', '/')
            : alias[(alias.LastIndexOf('/') + 1)..] + ".jpg";
        // Annotations in folders belong to images in folders.
        if (!name.Contains('/', StringComparison.Ordinal) && alias.Contains('/', StringComparison.Ordinal))
        {
            name = alias[..(alias.LastIndexOf('/') + 1)] + name;
        }
        if (builder.HasImage(name))
        {
            desk.Fault(DataProblemKind.DuplicateId, "", "filename", $"{name} occurs in two files.");
            desk.Tally(1, 1);
            return;
        }
        var size = root.Element("size");
        var image = builder.AddImage(name, Size(size, "width", desk), Size(size, "height", desk), alias == ImagePaths.WithoutExtension(name)
            ? null : alias);
        desk.Tally(1);
        var index = 0;
        foreach (var o in root.Elements("object"))
        {
            var record = string.Create(CultureInfo.InvariantCulture, $"object[{index++}] in line {((IXmlLineInfo)o).LineNumber}");
            var label = o.Element("name")?.Value.Trim() ?? "";
            if (label.Length == 0)
            {
                desk.Fault(DataProblemKind.MissingField, record, "name", "is missing.");
                desk.Tally(1, 1);
                continue;
            }
            if (o.Element("polygon") is not null || o.Element("part") is not null)
            {
                desk.Note(DataProblemKind.Layout, record, o.Element("polygon") is null ? "part" : "polygon",
                    "is not read; the object is its box alone.");
            }
            if (o.Elements("bndbox").Skip(1).Any())
                desk.Fault(DataProblemKind.Malformed, record, "bndbox", "is there several times; an object has one box.");
            // A broken box stays, as an object that cannot be hit.
            if (!TryBox(o.Element("bndbox"), desk, record, out var box)) box = Box.Unreachable;
            if (builder.CategoryOf(label) is not { } category)
            {
                desk.Fault(DataProblemKind.UnknownCategory, record, "name", $"is \"{label}\", which is not among the classes.");
                desk.Tally(1, 1);
                continue;
            }
            desk.Tally(1);
            var marks = Marks(o, desk, record);
            builder.Add(image, category, box, marks, Area(o, desk, record));
        }
    }

    private static ObjectMarks Marks(XElement o, FaultDesk desk, string record)
    {
        var marks = Flag(o, "difficult", desk, record) ? ObjectMarks.Difficult : ObjectMarks.None;
        if (Flag(o, "iscrowd", desk, record)) marks = ObjectMarks.Crowd;
        if (Flag(o, "ignore", desk, record)) marks |= ObjectMarks.Ignore;
        if (Flag(o, "is_group_of", desk, record)) marks |= ObjectMarks.GroupOf;
        return marks;
    }

    private static bool Flag(XElement o, string field, FaultDesk desk, string record)
    {
        if (o.Element(field)?.Value is not { } text) return false;
        if (!FlagText.TryParse(text, out var value))
        {
            desk.Fault(DataProblemKind.WrongValue, record, field, $"is \"{text}\"; 0, 1, true, false or Unspecified is needed.");
        }
        return value;
    }

    private static double? Area(XElement o, FaultDesk desk, string record)
    {
        if (o.Element("area")?.Value is not { } text) return null;
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var area) && double.IsFinite(area)) return area;
        desk.Fault(DataProblemKind.WrongValue, record, "area", $"is \"{text}\"; a finite number is needed.");
        return null;
    }

    private static int Size(XElement? size, string field, FaultDesk desk)
    {
        var text = size?.Element(field)?.Value.Trim();
        if (string.IsNullOrEmpty(text)) return 0;
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value is >= 0 and <= 1e6)
        {
            return (int)Math.Round(value);
        }
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
                desk.Fault(double.IsFinite(corner[i]) ? DataProblemKind.WrongValue : DataProblemKind.NotFinite, record, names[i],
                    $"is \"{text}\"; a finite number is needed.");
                return false;
            }
        }
        box = Box.FromCorners(corner[0], corner[1], corner[2], corner[3]);
        if (box.Width < 0 || box.Height < 0)
        {
            desk.Fault(DataProblemKind.NegativeSize, record, "bndbox", "has xmax left of xmin or ymax above ymin.");
        }
        return true;
    }
}
