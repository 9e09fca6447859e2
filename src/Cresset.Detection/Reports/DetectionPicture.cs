using System.Globalization;
using System.Text;

namespace Cresset.Detection;

/// <summary>Images with boxes drawn over them as SVG; the picture itself is embedded, so no decoder is needed.</summary>
public static class DetectionPicture
{
    private const long MaxPicture = 4 << 20;
    private const string Right = "#009e73", Wrong = "#d55e00", Missed = "#0072b2";

    internal static string Section(DetectionReport report)
    {
        if (report.Worst.Count == 0) return "";
        var text = new StringBuilder(
            "<h2>Images with most errors</h2><p><b style=\"color:#009e73\">hit</b>, <b style=\"color:#d55e00\">false or wrong class</b>, "
                + "<b style=\"color:#0072b2\">missed</b>.</p><div class=\"row\">");
        foreach (var image in report.Worst) text.Append(Figure(image, report));
        return text.Append("</div>").ToString();
    }

    internal static string Figure(ImageMatches image, DetectionReport report)
    {
        var name = SvgChart.Text(image.Image.FileName.Length > 0 ? image.Image.FileName
            : string.Create(CultureInfo.InvariantCulture, $"image {image.Image.Id}"));
        return string.Create(CultureInfo.InvariantCulture,
            $"<figure>{ToSvg(image, report.Dataset, report.Options.ImageFolder)}<figcaption>{name}: {image.Errors} errors, {image.Hits} "
                + $"hits</figcaption></figure>");
    }

    /// <summary>Labels that a person should look at, each with its image.</summary>
    internal static string LabelSection(DetectionReport report)
    {
        if (report.LabelErrors.Count == 0) return "";
        var text = new StringBuilder(
            "<h2>Labels to look at</h2><p>Confident detections that the labels contradict: <b style=\"color:#d55e00\">detection</b>, <b "
                + "style=\"color:#0072b2\">label</b>.</p><div class=\"row\">");
        foreach (var c in report.LabelErrors.Take(report.Options.WorstImages))
        {
            var pairs = new List<MatchedPair> { new(null, c.Detection, double.NaN, false) };
            if (c.Object is { } o) pairs.Add(new MatchedPair(o, null, double.NaN, false));
            var what = c.Kind switch
            {
                LabelErrorKind.MissingLabel => "label missing?",
                LabelErrorKind.WrongClass => "wrong class?",
                _ => "badly placed?",
            };
            text.Append("<figure>").Append(ToSvg(new ImageMatches(c.Image, pairs), report.Dataset, report.Options.ImageFolder));
            text.Append(
                $"<figcaption>{SvgChart.Text(c.Image.FileName.Length > 0 ? c.Image.FileName : "image " + c.Image.Id)}: "
                    + $"{what}</figcaption></figure>");
        }
        return text.Append("</div>").ToString();
    }

    /// <summary>Where the picture of an image goes below a folder: in its own folders, apart from every other image.</summary>
    public static string PathBelow(string folder, DetectionDataset dataset, DatasetImage image)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(image);
        return SafeNames.Below(folder, new ImagePaths(dataset.Images).Of(image.Id) + ".svg");
    }

    /// <summary>
    /// One image as an SVG document of its own size: hits green, false detections and wrong classes orange, missed objects blue and dashed.
    /// The picture is taken from the folder when it is there (at most 4 MB) and embedded.
    /// </summary>
    public static string ToSvg(ImageMatches matches, DetectionDataset dataset, string? imageFolder)
    {
        ArgumentNullException.ThrowIfNull(matches);
        var image = matches.Image;
        ArgumentNullException.ThrowIfNull(dataset);
        var (width, height) = image is { Width: > 0, Height: > 0 } ? (image.Width, image.Height) : Extent(matches);
        var line = Math.Max(1, Math.Max(width, height) / 320.0);
        var svg = new StringBuilder().Append(CultureInfo.InvariantCulture,
            $"<svg viewBox=\"0 0 {width} {height}\" xmlns=\"http://www.w3.org/2000/svg\">");
        if (imageFolder is not null && image.FileName.Length > 0 && Embedded(imageFolder, image.FileName) is { } picture)
        {
            svg.Append(CultureInfo.InvariantCulture,
                $"<image width=\"{width}\" height=\"{height}\" preserveAspectRatio=\"none\" href=\"{picture}\"/>");
        }
        foreach (var pair in matches.Pairs)
        {
            if (pair.Detection is { } d)
            {
                var label = string.Create(CultureInfo.InvariantCulture, $"{dataset.CategoryName(d.CategoryId)} {d.Score:0.00}");
                var color = pair.IsHit ? Right : Wrong;
                Outline(svg, d.Shape?.Segmentation, d.Shape?.Keypoints, image, color, line);
                if (d.HasBox || d.Shape?.Segmentation is null) Rectangle(svg, d.Box, color, line, label, dashed: false);
                else Label(svg, ShapeBounds.Of(d.Shape.Segmentation, null), color, line, label);
            }
            else
            {
                var o = pair.Object!.Value;
                Outline(svg, o.Segmentation, o.Keypoints, image, Missed, line);
                Rectangle(svg, o.Box, Missed, line, dataset.CategoryName(o.CategoryId), dashed: true);
            }
        }
        return svg.Append("</svg>").ToString();
    }

    /// <summary>Polygons as they are, the runs of a mask as strips, keypoints as dots.</summary>
    private static void Outline(StringBuilder svg, Segmentation? shape, double[]? keypoints, DatasetImage image, string color, double line)
    {
        var path = new StringBuilder();
        if (shape is PolygonSegmentation polygons)
        {
            foreach (var p in polygons.Polygons)
            {
                for (var i = 0; i + 1 < p.Length; i += 2) path.Append(CultureInfo.InvariantCulture,
                    $"{(i == 0 ? 'M' : 'L')}{p[i]:0.#},{p[i + 1]:0.#}");
                path.Append('Z');
            }
        }
        else if (shape is RunLengthSegmentation { Mask: { Height: > 0 } mask })
        {
            long at = 0;
            for (var i = 0; i < mask.Counts.Length; i++)
            {
                for (long left = i % 2 == 1 ? mask.Counts[i] : 0, from = at; left > 0;)
                {
                    var length = Math.Min(left, mask.Height - (from % mask.Height));
                    path.Append(CultureInfo.InvariantCulture, $"M{from / mask.Height},{from % mask.Height}h1v{length}h-1z");
                    (left, from) = (left - length, from + length);
                }
                at += mask.Counts[i];
            }
        }
        if (path.Length > 0) svg.Append(CultureInfo.InvariantCulture, $"<path d=\"{path}\" fill=\"{color}\" fill-opacity=\"0.35\"/>");
        for (var i = 0; keypoints is not null && i + 2 < keypoints.Length; i += 3)
        {
            if (keypoints[i + 2] > 0)
            {
                svg.Append(CultureInfo.InvariantCulture,
                    $"<circle cx=\"{keypoints[i]:0.#}\" cy=\"{keypoints[i + 1]:0.#}\" r=\"{line * 1.5:0.#}\" fill=\"{color}\"/>");
            }
        }
    }

    private static void Rectangle(StringBuilder svg, Box b, string color, double line, string label, bool dashed)
    {
        var dash = dashed ? string.Create(CultureInfo.InvariantCulture, $" stroke-dasharray=\"{line * 4:0.#}\"") : "";
        svg.Append(CultureInfo.InvariantCulture,
            $"<rect x=\"{b.X:0.##}\" y=\"{b.Y:0.##}\" width=\"{Math.Max(0, b.Width):0.##}\" height=\"{Math.Max(0, b.Height):0.##}\" "
                + $"fill=\"none\" stroke=\"{color}\" stroke-width=\"{line:0.##}\"{dash}/>");
        Label(svg, b, color, line, label);
    }

    private static void Label(StringBuilder svg, Box b, string color, double line, string label)
        => svg.Append(CultureInfo.InvariantCulture,
            $"<text x=\"{b.X + line:0.##}\" y=\"{Math.Max(line * 9, b.Y - line):0.##}\" font-size=\"{line * 9:0.#}\" "
                + $"fill=\"{color}\">{SvgChart.Text(label)}</text>");

    private static (int Width, int Height) Extent(ImageMatches matches)
    {
        double w = 1, h = 1;
        foreach (var (o, d) in matches.Pairs)
        {
            var b = d?.Box ?? o!.Value.Box;
            w = Math.Max(w, b.Right);
            h = Math.Max(h, b.Bottom);
        }
        return ((int)Math.Min(Math.Ceiling(w), 100_000), (int)Math.Min(Math.Ceiling(h), 100_000));
    }

    private static string? Embedded(string folder, string fileName)
    {
        // A data set may come from anywhere: its names must not lead out of the folder.
        var root = Path.GetFullPath(folder);
        var path = Path.GetFullPath(Path.Combine(root, fileName));
        if (!path.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal) || !File.Exists(path))
        {
            path = Path.Combine(root, Path.GetFileName(fileName));
        }
        if (!File.Exists(path) || !ImageHeader.IsPicture(path) || new FileInfo(path).Length > MaxPicture) return null;
        return $"data:{ImageHeader.MediaType(path)};base64,{Convert.ToBase64String(File.ReadAllBytes(path))}";
    }
}
