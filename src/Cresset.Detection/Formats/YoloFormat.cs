using System.Globalization;
using System.Text;
using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>
/// Folders of YOLO labels: one text file an image, lines <c>class cx cy w h</c> (results: and a score) relative to the image's
/// size. Class numbers count the categories in ascending order of their ids.
/// </summary>
public static class YoloFormat
{
    /// <summary>Reads the labels of the given images; an image without a file has no objects.</summary>
    /// <param name="folder">Folder of <c>*.txt</c>.</param>
    /// <param name="classes">Class names, the first is class 0.</param>
    /// <param name="images">Images with their sizes, such as those of <see cref="ReadImages"/>.</param>
    /// <param name="options">Strict or lenient.</param>
    /// <exception cref="DetectionFormatException">The first fault, unless lenient.</exception>
    public static DetectionDataset ReadGroundTruth(string folder, IReadOnlyList<string> classes, IReadOnlyList<DatasetImage> images, ReadOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(classes);
        ArgumentNullException.ThrowIfNull(images);
        options ??= new ReadOptions();
        var categories = classes.Select((name, i) => new DatasetCategory(i + 1, name)).ToArray();
        var empty = new DetectionDataset(images, categories, new List<GroundTruthObject>());
        var objects = new List<GroundTruthObject>();
        foreach (var (image, category, box, _) in ReadLines(folder, empty, options, withScore: false))
        {
            objects.Add(new GroundTruthObject { Id = objects.Count + 1, ImageId = image, CategoryId = category, Box = box, Area = box.Area });
        }
        return new DetectionDataset(images, categories, objects) { Source = folder };
    }

    /// <summary>Reads results for the images and categories of a data set.</summary>
    /// <exception cref="DetectionFormatException">The first fault, unless lenient.</exception>
    public static DetectionResults ReadResults(string folder, DetectionDataset dataset, ReadOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        return new DetectionResults([.. ReadLines(folder, dataset, options ?? new ReadOptions(), withScore: true).Select(l => new DetectedObject(l.Image, l.Category, l.Box, l.Score))]) { Source = folder };
    }

    /// <summary>The images of a folder (JPEG, PNG, GIF, BMP, WebP) with the sizes from their headers, by name.</summary>
    /// <exception cref="DetectionFormatException">A file is no such picture.</exception>
    public static IReadOnlyList<DatasetImage> ReadImages(string folder)
    {
        var images = new List<DatasetImage>();
        foreach (var file in Directory.GetFiles(folder).Where(ImageHeader.IsPicture).Order(StringComparer.Ordinal))
        {
            if (!ImageHeader.TryReadSize(file, out var width, out var height)) throw new DetectionFormatException(new DataProblem(DataProblemKind.Malformed, file, "", "", "is no picture whose size can be read."));
            images.Add(new DatasetImage(images.Count + 1, Path.GetFileName(file), width, height));
        }
        return images;
    }

    /// <summary>Writes labels, six digits after the point, and <c>classes.txt</c>.</summary>
    public static void WriteGroundTruth(DetectionDataset dataset, string folder)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        Directory.CreateDirectory(folder);
        var order = new DatasetNames(dataset).InOrder;
        var objects = dataset.Objects.ToArray().ToLookup(o => o.ImageId);
        foreach (var image in dataset.Images) WriteImage(folder, image, objects[image.Id].Select(o => (o.CategoryId, o.Box, (double?)null)), order);
        AtomicFile.WriteText(Path.Combine(folder, "classes.txt"), string.Concat(order.Select(id => dataset.CategoryName(id) + "\n")));
    }

    /// <summary>Writes results, six digits after the point.</summary>
    public static void WriteResults(DetectionResults results, DetectionDataset dataset, string folder)
    {
        ArgumentNullException.ThrowIfNull(results);
        ArgumentNullException.ThrowIfNull(dataset);
        Directory.CreateDirectory(folder);
        var order = new DatasetNames(dataset).InOrder;
        var detections = results.Items.ToArray().ToLookup(d => d.ImageId);
        foreach (var image in dataset.Images) WriteImage(folder, image, detections[image.Id].Select(d => (d.CategoryId, d.Box, (double?)d.Score)), order);
    }

    private static void WriteImage(string folder, DatasetImage image, IEnumerable<(long Category, Box Box, double? Score)> lines, long[] order)
    {
        if (image.Width <= 0 || image.Height <= 0) throw new ArgumentException($"image {image.Id} ({image.FileName}) has no size; relative coordinates need one.", nameof(image));
        var text = new StringBuilder();
        foreach (var (category, box, score) in lines)
        {
            var index = Array.BinarySearch(order, category);
            if (index < 0) continue;
            text.Append(CultureInfo.InvariantCulture, $"{index} {(box.X + (box.Width / 2)) / image.Width:F6} {(box.Y + (box.Height / 2)) / image.Height:F6} {box.Width / image.Width:F6} {box.Height / image.Height:F6}");
            text.Append(score is { } s ? " " + VocFormat.Text(s) + "\n" : "\n");
        }
        AtomicFile.WriteText(Path.Combine(folder, Path.GetFileNameWithoutExtension(VocFormat.NameOf(image)) + ".txt"), text.ToString());
    }

    private static IEnumerable<(long Image, long Category, Box Box, double Score)> ReadLines(string folder, DetectionDataset dataset, ReadOptions options, bool withScore)
    {
        var names = new DatasetNames(dataset);
        foreach (var file in Directory.GetFiles(folder, "*.txt").Order(StringComparer.Ordinal))
        {
            if (Path.GetFileName(file) == "classes.txt") continue;
            var desk = new FaultDesk(file, options);
            if (names.Image(Path.GetFileNameWithoutExtension(file)) is not { } imageId)
            {
                desk.Fault(DataProblemKind.UnknownImage, "", "", "has the name of no image of the data set.");
                continue;
            }
            var image = dataset.FindImage(imageId)!;
            if (image.Width <= 0 || image.Height <= 0)
            {
                desk.Fault(DataProblemKind.MissingField, "", "", $"belongs to {image.FileName}, whose size is not known.");
                continue;
            }
            foreach (var (fields, record) in TextLines.Read(file))
            {
                var wanted = withScore ? 6 : 5;
                if (fields.Length != wanted)
                {
                    desk.Fault(DataProblemKind.Malformed, record, "", $"has {fields.Length} fields; {(withScore ? "class cx cy w h score" : "class cx cy w h")} are needed.");
                    continue;
                }
                if (!TextLines.TryNumbers(fields, desk, record, out var n)) continue;
                if (n[0] < 0 || n[0] >= names.InOrder.Length || Math.Floor(n[0]) != n[0])
                {
                    desk.Fault(DataProblemKind.UnknownCategory, record, "class", $"is {fields[0]}; there are classes 0 to {names.InOrder.Length - 1}.");
                    continue;
                }
                if (n[3] < 0 || n[4] < 0) desk.Fault(DataProblemKind.NegativeSize, record, "w", "or h is below 0.");
                var box = new Box((n[1] - (n[3] / 2)) * image.Width, (n[2] - (n[4] / 2)) * image.Height, n[3] * image.Width, n[4] * image.Height);
                yield return (imageId, names.InOrder[(int)n[0]], box, withScore ? n[5] : 1);
            }
        }
    }
}
