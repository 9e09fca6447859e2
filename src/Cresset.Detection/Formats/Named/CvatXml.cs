using System.Globalization;
using System.Xml;
using System.Xml.Linq;
using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>CVAT for images 1.1: one XML file with boxes, polygons and masks of each image. Other shapes, and rotated boxes, are
/// faults.</summary>
[Part("cvat", "CVAT for images 1.1")]
public sealed record CvatXml : LabelledFormat
{
    /// <inheritdoc/>
    public override FormatFeatures Keeps
        => FormatFeatures.Polygons | FormatFeatures.Masks | FormatFeatures.EmptyImages | FormatFeatures.Sizes | FormatFeatures.Marks
            | FormatFeatures.Difficult;

    /// <inheritdoc/>
    public override bool Recognizes(string path)
        => File.Exists(path) && FilePeek.HasExtension(path, ".xml")
        && FilePeek.Start(path).Contains("<annotations", StringComparison.Ordinal);

    private protected override IReadOnlyList<string>? ClassesOf(string path)
    {
        try
        {
            using var reader = Open(path);
            var names = XElement.Load(reader).Element("meta")?.Descendants("labels").FirstOrDefault()?.Elements("label")
                .Select(l => l.Element("name")?.Value.Trim() ?? "").Where(n => n.Length > 0).ToArray();
            return names is { Length: > 0 } ? names : null;
        }
        catch (XmlException)
        {
            // Reading the images says where the file is damaged.
            return null;
        }
    }

    private protected override IEnumerable<LabelledImage> Read(string path, FormatContext context, bool withScores)
    {
        var desk = new FaultDesk(path, context.Read);
        XElement root;
        try
        {
            using var reader = Open(path);
            root = XElement.Load(reader, LoadOptions.SetLineInfo);
        }
        catch (XmlException e)
        {
            desk.Fault(DataProblemKind.Malformed, string.Create(CultureInfo.InvariantCulture, $"line {e.LineNumber}"), "",
                $"is not XML: {e.Message}");
            desk.Tally(1, 1);
            return [];
        }
        if (root.Name.LocalName != "annotations")
        {
            desk.Fault(DataProblemKind.Malformed, "", "", $"has the root <{root.Name.LocalName}>; <annotations> is needed.");
            desk.Tally(1, 1);
            return [];
        }
        if (root.Elements("track").Any()) desk.Fault(DataProblemKind.Layout, "", "track",
            "holds tracks of a video; export 'CVAT for images'.");
        return root.Elements("image").Select(e => ReadImage(e, desk, path, withScores)).ToArray();
    }

    private static LabelledImage ReadImage(XElement e, FaultDesk desk, string path, bool withScores)
    {
        var name = ((string?)e.Attribute("name"))?.Replace('\\', '/') ?? "";
        var where = string.Create(CultureInfo.InvariantCulture, $"image in line {((IXmlLineInfo)e).LineNumber}");
        if (name.Length == 0)
        {
            desk.Fault(DataProblemKind.MissingField, where, "name", "is missing.");
            name = (string?)e.Attribute("id") ?? where;
        }
        int Size(string field)
            => int.TryParse((string?)e.Attribute(field), NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : 0;
        var image = new LabelledImage(name, Size("width"), Size("height"), path);
        foreach (var s in e.Elements())
        {
            if (s.Name.LocalName == "tag") continue;
            if (ReadShape(s, image, desk, withScores) is { } shape) image.Shapes.Add(shape);
        }
        return image;
    }

    private static LabelledShape? ReadShape(XElement s, LabelledImage image, FaultDesk desk, bool withScores)
    {
        var record = string.Create(CultureInfo.InvariantCulture, $"{s.Name.LocalName} in line {((IXmlLineInfo)s).LineNumber}");
        var label = ((string?)s.Attribute("label"))?.Trim() ?? "";
        if (label.Length == 0)
        {
            desk.Fault(DataProblemKind.MissingField, record, "label", "is missing.");
            desk.Tally(1, 1);
            return null;
        }
        var shape = new LabelledShape(label, record) { Marks = Marks(s, desk, record) };
        if (withScores && Numbers(desk, record, "score",
            (string?)s.Attribute("score") ?? Attribute(s, "score")) is { } score) shape = shape with { Score = score[0] };
        switch (s.Name.LocalName)
        {
            case "box":
                if (Attribute(s, "rotation", own: true) is { } r
                    && r is not ("0" or "0.0" or "0.00")) desk.Fault(DataProblemKind.WrongValue, record, "rotation",
                    $"is {r}; rotated boxes are not read.");
                return Numbers(desk, record, "xtl", (string?)s.Attribute("xtl"), (string?)s.Attribute("ytl"),
                    (string?)s.Attribute("xbr"), (string?)s.Attribute("ybr")) is { } n
                    ? shape with { Box = CornerBox(desk, record, n[0], n[1], n[2], n[3]) }
                    : shape with { Broken = true };
            case "polygon":
                var points = ((string?)s.Attribute("points") ?? "")
                    .Split([';', ','], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
                return TextLines.TryNumbers(points, desk, record, out var p) ? Polygon(desk, shape, [p]) : shape with { Broken = true };
            case "mask":
                return ReadMask(s, shape, image, desk);
            default:
                desk.Fault(DataProblemKind.WrongValue, record, "", $"is a {s.Name.LocalName}; boxes, polygons and masks are read.");
                desk.Tally(1, 1);
                return null;
        }
    }

    /// <summary>Runs row by row within a box, zeros first.</summary>
    private static LabelledShape ReadMask(XElement s, LabelledShape shape, LabelledImage image, FaultDesk desk)
    {
        var place = Numbers(desk, shape.Record, "left", (string?)s.Attribute("left"), (string?)s.Attribute("top"),
            (string?)s.Attribute("width"), (string?)s.Attribute("height"));
        var texts = ((string?)s.Attribute("rle") ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (place is null || !TextLines.TryNumbers(texts, desk, shape.Record, out var runs)) return shape with { Broken = true };
        int left = (int)place[0], top = (int)place[1], width = (int)place[2], height = (int)place[3];
        if (width <= 0 || height <= 0 || left < 0 || top < 0 || left + (long)width > image.Width || top + (long)height > image.Height
            || Array.Exists(runs, r => r < 0) || runs.Sum() != (double)width * height || (long)image.Width * image.Height > int.MaxValue)
        {
            desk.Fault(DataProblemKind.BadMask, shape.Record, "rle", "does not fill its box, or the box does not lie in the image.");
            return shape with { Broken = true };
        }
        var pixels = new byte[image.Width * image.Height];
        var at = 0;
        for (var i = 0; i < runs.Length; i++)
        {
            for (var k = (int)runs[i]; k > 0; k--, at++)
            {
                if (i % 2 == 1) pixels[((left + (at % width)) * image.Height) + top + (at / width)] = 1;
            }
        }
        var mask = RunLengthMask.Encode(pixels, image.Height, image.Width);
        return shape with { Segmentation = new RunLengthSegmentation(mask), Box = mask.Bounds };
    }

    private static ObjectMarks Marks(XElement s, FaultDesk desk, string record)
    {
        bool Flag(string name)
        {
            if (Attribute(s, name) is not { } text) return false;
            if (!FlagText.TryParse(text, out var value)) desk.Fault(DataProblemKind.WrongValue, record, name,
                $"is \"{text}\"; true or false is needed.");
            return value;
        }

        var marks = Flag("iscrowd") || Flag("is_crowd") ? ObjectMarks.Crowd : Flag("difficult") ? ObjectMarks.Difficult : ObjectMarks.None;
        if (Flag("ignore")) marks |= ObjectMarks.Ignore;
        if (Flag("is_group_of")) marks |= ObjectMarks.GroupOf;
        return marks;
    }

    private static string? Attribute(XElement s, string name, bool own = false)
        => own ? (string?)s.Attribute(name)
            : s.Elements("attribute")
            .FirstOrDefault(a => string.Equals((string?)a.Attribute("name"), name, StringComparison.OrdinalIgnoreCase))?.Value.Trim();

    private protected override void Write(string path, DetectionDataset dataset,
        IReadOnlyList<(DatasetImage Image, LabelledImage Labels)> images, bool withScores)
    {
        AtomicFile.Write(path, stream =>
        {
            using var xml = XmlWriter.Create(stream,
                new XmlWriterSettings { Indent = true, NewLineChars = "\n", Encoding = new System.Text.UTF8Encoding(false) });
            xml.WriteStartElement("annotations");
            xml.WriteElementString("version", "1.1");
            xml.WriteStartElement("meta");
            xml.WriteStartElement("task");
            xml.WriteStartElement("labels");
            foreach (var c in dataset.Categories.DistinctBy(c => c.Id).OrderBy(c => c.Id))
            {
                xml.WriteStartElement("label");
                xml.WriteElementString("name", Allowed(dataset.CategoryName(c.Id)));
                xml.WriteEndElement();
            }
            xml.WriteEndElement();
            xml.WriteEndElement();
            xml.WriteEndElement();
            var number = 0;
            foreach (var (_, labels) in images)
            {
                xml.WriteStartElement("image");
                xml.WriteAttributeString("id", (number++).ToString(CultureInfo.InvariantCulture));
                xml.WriteAttributeString("name", Allowed(labels.Name));
                xml.WriteAttributeString("width", labels.Width.ToString(CultureInfo.InvariantCulture));
                xml.WriteAttributeString("height", labels.Height.ToString(CultureInfo.InvariantCulture));
                foreach (var s in labels.Shapes) WriteShape(xml, s, labels);
                xml.WriteEndElement();
            }
            xml.WriteEndElement();
        });
    }

    private static void WriteShape(XmlWriter xml, LabelledShape s, LabelledImage image)
    {
        if (s.Segmentation is PolygonSegmentation { Polygons: [var points] })
        {
            Begin("polygon");
            xml.WriteAttributeString("points", string.Join(';', points.Chunk(2).Select(p => $"{Text(p[0])},{Text(p[1])}")));
        }
        else if (s.Segmentation is { } shape)
        {
            if (image.Width <= 0 || image.Height <= 0) throw new ArgumentException($"image {image.Name} has no size, which a mask needs.");
            var mask = shape.ToMask(image.Height, image.Width);
            if (mask.Height != image.Height
                || mask.Width != image.Width) throw new ArgumentException(
                $"a mask of image {image.Name} has the size {mask.Width} x {mask.Height}, the image {image.Width} x {image.Height}.");
            var (bounds, pixels) = (mask.Bounds, mask.Decode());
            if (bounds.Width == 0) throw new ArgumentException($"a mask of image {image.Name} is empty, which CVAT cannot hold.");
            Begin("mask");
            var runs = new List<int> { 0 };
            for (var i = 0; i < (int)(bounds.Width * bounds.Height); i++)
            {
                int x = (int)bounds.X + (i % (int)bounds.Width), y = (int)bounds.Y + (i / (int)bounds.Width);
                if (pixels[(x * image.Height) + y] != (runs.Count - 1) % 2) runs.Add(0);
                runs[^1]++;
            }
            xml.WriteAttributeString("rle", string.Join(", ", runs));
            xml.WriteAttributeString("left", Text(bounds.X));
            xml.WriteAttributeString("top", Text(bounds.Y));
            xml.WriteAttributeString("width", Text(bounds.Width));
            xml.WriteAttributeString("height", Text(bounds.Height));
        }
        else
        {
            Begin("box");
            xml.WriteAttributeString("xtl", Text(s.Box.X));
            xml.WriteAttributeString("ytl", Text(s.Box.Y));
            xml.WriteAttributeString("xbr", Text(s.Box.Right));
            xml.WriteAttributeString("ybr", Text(s.Box.Bottom));
        }
        if (s.Score is { } score) xml.WriteAttributeString("score", Text(score));
        Mark("iscrowd", ObjectMarks.Crowd);
        Mark("difficult", ObjectMarks.Difficult);
        Mark("ignore", ObjectMarks.Ignore);
        Mark("is_group_of", ObjectMarks.GroupOf);
        xml.WriteEndElement();

        void Begin(string name)
        {
            xml.WriteStartElement(name);
            xml.WriteAttributeString("label", Allowed(s.Class));
            xml.WriteAttributeString("occluded", "0");
        }

        void Mark(string name, ObjectMarks mark)
        {
            if ((s.Marks & mark) == 0) return;
            xml.WriteStartElement("attribute");
            xml.WriteAttributeString("name", name);
            xml.WriteString("true");
            xml.WriteEndElement();
        }
    }

    private static string Allowed(string name)
        => name.All(c => XmlConvert.IsXmlChar(c) || char.IsSurrogate(c)) && name.Trim() == name && !name.Any(c => c < ' ') ? name
            : throw new ArgumentException(
                $"the name \"{name}\" holds a control character or begins or ends with a blank, which XML loses; rename it, or write "
                    + $"COCO.");

    private static XmlReader Open(string path)
        => XmlReader.Create(path,
            new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null, MaxCharactersInDocument = 2_000_000_000 });
}
