using System.Globalization;
using System.Text;
using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>What a line of a YOLO label file holds.</summary>
public enum YoloLabels
{
    /// <summary><c>class cx cy w h</c>.</summary>
    Boxes,

    /// <summary><c>class x1 y1 x2 y2 ...</c>, the outline; several outlines of one object are joined by a bridge there and back.</summary>
    Segments,

    /// <summary><c>class cx cy w h</c> and <c>x y v</c> for each keypoint.</summary>
    Pose,

    /// <summary><c>class x1 y1 x2 y2 x3 y3 x4 y4</c>, the corners of an oriented box.</summary>
    OrientedBoxes,
}

/// <summary>
/// Folders of YOLO labels: one text file per image, in the folders of the images, lines relative to the image's size; results have a score
/// at the end. Class numbers count the categories in ascending order of their ids.
/// </summary>
public static class YoloFormat
{
    /// <summary>Reads the labels of the given images; an image without a file has no objects.</summary>
    /// <remarks>Lines of five fields are boxes; with more they are outlines, or keypoints where their shape is given.</remarks>
    /// <param name="folder">Folder of <c>*.txt</c>.</param>
    /// <param name="classes">Class names, the first is class 0.</param>
    /// <param name="images">Images with their sizes, such as those of <see cref="ReadImages"/>.</param>
    /// <param name="options">Strict or lenient.</param>
    /// <param name="keypoints">Number of keypoints and values of each, 2 or 3 (<c>kpt_shape</c>); null when there are none.</param>
    /// <exception cref="DetectionFormatException">The first fault, unless lenient.</exception>
    public static DetectionDataset ReadGroundTruth(string folder, IReadOnlyList<string> classes, IReadOnlyList<DatasetImage> images,
        ReadOptions? options = null, (int Points, int Values)? keypoints = null)
        => ReadGroundTruth(folder, classes, images, options, keypoints, null);

    internal static DetectionDataset ReadGroundTruth(string folder, IReadOnlyList<string> classes, IReadOnlyList<DatasetImage> images,
        ReadOptions? options, (int Points, int Values)? keypoints, IReadOnlyList<string>? files)
    {
        ArgumentNullException.ThrowIfNull(classes);
        ArgumentNullException.ThrowIfNull(images);
        options ??= new ReadOptions();
        var categories = classes.Select((name, i) => new DatasetCategory(i + 1, name)).ToArray();
        var empty = new DetectionDataset(images, categories, Array.Empty<GroundTruthObject>());
        var objects = new List<GroundTruthObject>();
        var reader = new YoloReader(empty, options, withScore: false, keypoints);
        foreach (var line in reader.Read(folder, files))
        {
            objects.Add(new GroundTruthObject
            {
                Id = objects.Count + 1,
                ImageId = line.Image,
                CategoryId = line.Category,
                Box = line.Box == Box.Nowhere ? Box.Unreachable : line.Box,
                Area = line.Area,
                Segmentation = line.Polygon,
                Keypoints = line.Keypoints,
                CannotBeHit = line.Box == Box.Nowhere,
            });
        }
        return new DetectionDataset(images, categories, objects.ToArray()) { Source = folder };
    }

    /// <summary>Reads results for the images and categories of a data set.</summary>
    /// <param name="folder">Folder of <c>*.txt</c>.</param>
    /// <param name="dataset">Ground truth, which names images and classes.</param>
    /// <param name="options">Strict or lenient.</param>
    /// <param name="keypoints">Number of keypoints and values of each; null when there are none.</param>
    /// <exception cref="DetectionFormatException">The first fault, unless lenient.</exception>
    public static DetectionResults ReadResults(string folder, DetectionDataset dataset, ReadOptions? options = null,
        (int Points, int Values)? keypoints = null)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        var reader = new YoloReader(dataset, options ?? new ReadOptions(), withScore: true, keypoints);
        var results = new DetectionResults([.. reader.Read(folder).Select(l => new DetectedObject(l.Image, l.Category, l.Box, l.Score)
        {
            Shape = l.Polygon is null && l.Keypoints is null ? null
                : new DetectionShape { Segmentation = l.Polygon, Keypoints = l.Keypoints, HasBox = l.Polygon is null, FromFile = true },
        })])
        { Source = folder };
        AssumedShapes.Note(results, folder, options ?? new ReadOptions());
        return results;
    }

    /// <summary>The images of a folder and those below it (JPEG, PNG, GIF, BMP, WebP) with the sizes from their headers, by name.</summary>
    /// <exception cref="DetectionFormatException">A file is not a picture whose size can be read.</exception>
    public static IReadOnlyList<DatasetImage> ReadImages(string folder)
    {
        var images = new List<DatasetImage>();
        foreach (var file in FolderWalk.Files(folder).Where(ImageHeader.IsSized))
        {
            images.Add(ReadImage(file, Path.GetRelativePath(folder, file).Replace('\\', '/'), images.Count + 1));
        }
        return images;
    }

    internal static DatasetImage ReadImage(string file, string name, long id)
        => ImageHeader.TryReadSize(file, out var width, out var height)
            ? new DatasetImage(id, name, width, height)
            : throw new DetectionFormatException(
                new DataProblem(DataProblemKind.Malformed, file, "", "", "is not a picture whose size can be read."));

    /// <summary>Writes labels, six digits after the point, and <c>classes.txt</c>.</summary>
    /// <exception cref="ArgumentException">An image has no size, two have one name, or a shape that is asked for is missing.</exception>
    public static void WriteGroundTruth(DetectionDataset dataset, string folder, YoloLabels labels = YoloLabels.Boxes)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        var writer = new YoloWriter(dataset, labels);
        foreach (var o in dataset.Objects) writer.Add(o.ImageId, o.CategoryId, o.Box, o.Segmentation, o.Keypoints, null);
        writer.Write(folder, withClasses: true);
    }

    /// <summary>Writes results, six digits after the point.</summary>
    /// <exception cref="ArgumentException">An image has no size, two have one name, or a shape that is asked for is missing.</exception>
    public static void WriteResults(DetectionResults results, DetectionDataset dataset, string folder, YoloLabels labels = YoloLabels.Boxes)
    {
        ArgumentNullException.ThrowIfNull(results);
        ArgumentNullException.ThrowIfNull(dataset);
        var writer = new YoloWriter(dataset, labels);
        foreach (var d in results.Items) writer.Add(d.ImageId, d.CategoryId, d.Box, d.Shape?.Segmentation, d.Shape?.Keypoints, d.Score);
        writer.Write(folder, withClasses: false);
    }
}

/// <summary>Collects the lines of all images, so that a fault is found before anything is written.</summary>
internal sealed class YoloWriter
{
    private readonly DetectionDataset _dataset;
    private readonly YoloLabels _labels;
    private readonly long[] _order;
    private readonly Dictionary<long, StringBuilder> _lines = [];

    public YoloWriter(DetectionDataset dataset, YoloLabels labels)
    {
        (_dataset, _labels) = (dataset, labels);
        ImagePaths.RequireNames(dataset, images: true, categories: false);
        _order = new DatasetNames(dataset).InOrder;
        foreach (var image in dataset.Images)
        {
            if (image.Width <= 0
                || image.Height <= 0) throw new ArgumentException(
                $"image {image.Id} ({image.FileName}) has no size; relative coordinates need one.", nameof(dataset));
            _lines[image.Id] = new StringBuilder();
        }
        foreach (var category in dataset.Categories)
        {
            if (category.Name.AsSpan()
                .ContainsAny('\r', '\n')) throw new ArgumentException(
                $"the class name \"{category.Name}\" has a line break; classes.txt holds one name per line.", nameof(dataset));
        }
    }

    public void Add(long imageId, long category, Box box, Segmentation? shape, double[]? keypoints, double? score)
    {
        var image = _dataset.FindImage(imageId) ?? throw new ArgumentException(
            $"a record lies in image {imageId}, which the data set does not have.");
        var index = Array.BinarySearch(_order, category);
        if (index < 0) throw new ArgumentException(
            $"a record of image {imageId} has the category {category}, which the data set does not have.");
        var text = _lines[imageId].Append(CultureInfo.InvariantCulture, $"{index}");
        if (_labels is YoloLabels.Segments or YoloLabels.OrientedBoxes) Outline(text, image, shape, imageId);
        else text.Append(CultureInfo.InvariantCulture,
            $" {(box.X + (box.Width / 2)) / image.Width:F6} {(box.Y + (box.Height / 2)) / image.Height:F6} {box.Width / image.Width:F6} "
                + $"{box.Height / image.Height:F6}");
        if (_labels == YoloLabels.Pose)
        {
            if (keypoints is null) throw new ArgumentException($"a record of image {imageId} has no keypoints; pose labels need them.");
            for (var i = 0; i + 2 < keypoints.Length; i += 3)
            {
                text.Append(CultureInfo.InvariantCulture,
                    $" {keypoints[i] / image.Width:F6} {keypoints[i + 1] / image.Height:F6} {keypoints[i + 2]:0.######}");
            }
        }
        if (score is { } s) text.Append(' ').Append(VocFormat.Text(s));
        text.Append('\n');
    }

    public void Write(string folder, bool withClasses)
    {
        var paths = new ImagePaths(_dataset.Images);
        Directory.CreateDirectory(folder);
        foreach (var (id, text) in _lines) AtomicFile.WriteText(SafeNames.Below(folder, paths.Of(id) + ".txt"), text.ToString());
        if (withClasses) AtomicFile.WriteText(Path.Combine(folder, "classes.txt"),
            string.Concat(_order.Select(id => _dataset.CategoryName(id) + "\n")));
    }

    private void Outline(StringBuilder text, DatasetImage image, Segmentation? shape, long imageId)
    {
        if (shape is not PolygonSegmentation { Polygons: var polygons })
        {
            throw new ArgumentException(
                $"a record of image {imageId} has {(shape is null ? "no polygon" : "a run-length mask")}; outlines need polygons. Write "
                    + $"boxes (yolo), or COCO.");
        }
        if (_labels == YoloLabels.OrientedBoxes && (polygons.Count != 1 || polygons[0].Length != 8))
        {
            throw new ArgumentException(
                $"a record of image {imageId} has a shape that is not one polygon of four corners; oriented boxes need that.");
        }
        foreach (var polygon in polygons)
        {
            for (var i = 0; i < polygon.Length; i += 2) Point(polygon[i], polygon[i + 1]);
            if (polygons.Count == 1) break;
            // Back to where this outline began, and to the beginning of the first: the way there and back encloses nothing.
            Point(polygon[0], polygon[1]);
            if (!ReferenceEquals(polygon, polygons[0])) Point(polygons[0][0], polygons[0][1]);
        }

        void Point(double x, double y) => text.Append(CultureInfo.InvariantCulture, $" {x / image.Width:F6} {y / image.Height:F6}");
    }
}
