using System.Globalization;
using System.Text;
using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>KITTI: one text file per image, lines of class, truncation, occlusion, angle, left, top, right, bottom and seven numbers of the
/// place in space, which are not kept; detections have a score at the end. Regions called DontCare are left out, which is said.</summary>
[Part("kitti", "Geiger et al. 2012")]
public sealed record KittiFolder : LabelledFormat
{
    private const int Fields = 15;
    private const string Nobody = "DontCare";

    /// <inheritdoc/>
    public override FormatFeatures Keeps => FormatFeatures.EmptyImages;

    /// <inheritdoc/>
    public override bool Recognizes(string path) => FilePeek.FirstFields(path) is { } f && Looks(f) && !ClassFiles.Any(path);

    internal static bool Looks(string[] fields)
        => fields.Length is Fields or Fields + 1 && !FilePeek.IsNumber(fields[0]) && fields[1..].All(FilePeek.IsNumber);

    private protected override IEnumerable<LabelledImage> Read(string path, FormatContext context, bool withScores)
    {
        var pictures = context.ImageFolder is { } folder
            ? YoloFormat.ReadImages(folder).ToLookup(i => ImagePaths.WithoutExtension(i.FileName), StringComparer.Ordinal) : null;
        foreach (var file in FilePeek.Files(path, ".txt"))
        {
            var desk = new FaultDesk(file, context.Read);
            TextFile.Check(file, desk);
            var stem = FilePeek.StemBelow(path, file);
            var picture = PictureOf(pictures, stem, desk);
            var image = new LabelledImage(picture?.FileName ?? stem, picture?.Width ?? 0, picture?.Height ?? 0, file);
            foreach (var (fields, record) in TextLines.Read(file))
            {
                if (fields.Length != Fields + 1 && (withScores || fields.Length != Fields))
                {
                    desk.Fault(DataProblemKind.Malformed, record, "", string.Create(CultureInfo.InvariantCulture,
                        $"has {fields.Length} fields; class, truncation, occlusion, angle, four of the box, seven in "
                            + $"space{(withScores ? " and a score" : "")} are needed."));
                    desk.Tally(1, 1);
                }
                else if (fields[0].Equals(Nobody, StringComparison.OrdinalIgnoreCase))
                {
                    desk.Note(DataProblemKind.Layout, record, "", "is a region called DontCare; it was left out.");
                }
                else
                {
                    image.Shapes.Add(ShapeOf(fields, desk, record, withScores));
                }
            }
            yield return image;
        }
    }

    private protected override void Write(string path, DetectionDataset dataset,
        IReadOnlyList<(DatasetImage Image, LabelledImage Labels)> images, bool withScores)
    {
        foreach (var c in dataset.Categories)
        {
            if (c.Name.Length > 0 && !c.Name.Any(char.IsWhiteSpace) && !c.Name.Equals(Nobody, StringComparison.OrdinalIgnoreCase)
                && !FilePeek.IsNumber(c.Name)) continue;
            throw new ArgumentException(
                $"the class \"{dataset.CategoryName(c.Id)}\" is a number, holds a blank or means nothing (DontCare); a line of KITTI "
                    + $"cannot hold it.");
        }
        var paths = new ImagePaths(dataset.Images);
        Directory.CreateDirectory(path);
        foreach (var (image, labels) in images)
        {
            var text = new StringBuilder();
            foreach (var s in labels.Shapes)
            {
                var b = s.Box;
                // What KITTI writes where something is not known.
                text.Append(CultureInfo.InvariantCulture, $"{s.Class} -1 -1 -10 {Text(b.X)} {Text(b.Y)} {Text(b.Right)} {Text(b.Bottom)}")
                    .Append(" -1 -1 -1 -1000 -1000 -1000 -10");
                if (withScores) text.Append(' ').Append(Text(s.Score!.Value));
                text.Append('\n');
            }
            AtomicFile.WriteText(SafeNames.Below(path, paths.Of(image.Id) + ".txt"), text.ToString());
        }
    }

    private static LabelledShape ShapeOf(string[] fields, FaultDesk desk, string record, bool withScores)
    {
        var shape = new LabelledShape(fields[0], record);
        if (!TextLines.TryNumbers(fields.AsSpan(4, 4), desk, record, out var n)) return shape with { Broken = true };
        shape = shape with { Box = CornerBox(desk, record, n[0], n[1], n[2], n[3]) };
        return withScores && Numbers(desk, record, "score", fields[^1]) is { } score ? shape with { Score = score[0] } : shape;
    }
}
