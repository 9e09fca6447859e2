using System.Globalization;
using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>The ground truth: images, categories and objects, each in the order of the file.</summary>
public sealed class DetectionDataset
{
    private readonly GroundTruthObject[] _objects;
    private readonly Dictionary<long, DatasetImage> _imageOf = [];
    private readonly Dictionary<long, DatasetCategory> _categoryOf = [];

    /// <summary>Makes a data set. Of images or categories with the same id the last one counts.</summary>
    /// <exception cref="ArgumentException">An object lies in an image or has a category that is not among the given ones.</exception>
    public DetectionDataset(
        IReadOnlyList<DatasetImage> images,
        IReadOnlyList<DatasetCategory> categories,
        IReadOnlyList<GroundTruthObject> objects)
        : this(images, categories, [.. objects])
    {
        for (var i = 0; i < _objects.Length; i++)
        {
            ref readonly var o = ref _objects[i];
            if (!_imageOf.ContainsKey(o.ImageId))
            {
                throw new ArgumentException(
                    $"objects[{i}] has ImageId {o.ImageId}; the data set has {Few(_imageOf.Keys, "image")}.", nameof(objects));
            }
            // Files may hold such objects (pycocotools passes over them); in code it is a mistake.
            if (!o.FromFile && !_categoryOf.ContainsKey(o.CategoryId))
            {
                throw new ArgumentException(
                    $"objects[{i}] has CategoryId {o.CategoryId}; the data set has {Few(_categoryOf.Keys, "category")}.", nameof(objects));
            }
        }
    }

    internal DetectionDataset(IReadOnlyList<DatasetImage> images, IReadOnlyList<DatasetCategory> categories, GroundTruthObject[] objects)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(categories);
        Images = images;
        Categories = categories;
        _objects = objects;
        foreach (var image in images) _imageOf[image.Id] = image;
        foreach (var category in categories) _categoryOf[category.Id] = category;
        HasImageKeys = images.Any(i => i.Key is not null);
        HasCategoryKeys = categories.Any(c => c.Key is not null);
    }

    /// <summary>The images.</summary>
    public IReadOnlyList<DatasetImage> Images { get; }

    /// <summary>The categories.</summary>
    public IReadOnlyList<DatasetCategory> Categories { get; }

    /// <summary>The annotated objects.</summary>
    public ReadOnlySpan<GroundTruthObject> Objects => _objects;

    /// <summary>Where it was read from; empty for one made in memory.</summary>
    public string Source { get; init; } = "";

    /// <summary>Whether ids of images are texts in the file, so that a number of another file means none of them.</summary>
    internal bool HasImageKeys { get; }

    internal bool HasCategoryKeys { get; }

    /// <summary>Annotation ids that are texts in the file, by the number they got; null when there are none.</summary>
    internal IReadOnlyDictionary<long, string>? ObjectKeys { get; init; }

    /// <summary>The image with this id, or null.</summary>
    public DatasetImage? FindImage(long id) => _imageOf.GetValueOrDefault(id);

    /// <summary>The category with this id, or null.</summary>
    public DatasetCategory? FindCategory(long id) => _categoryOf.GetValueOrDefault(id);

    /// <summary>The name of a category, or its number when it has none.</summary>
    public string CategoryName(long id)
        => FindCategory(id) is { Name.Length: > 0 } category ? category.Name : id.ToString(CultureInfo.InvariantCulture);

    /// <summary>
    /// What tells these objects from others: images, categories, boxes, areas, marks and keypoints of all, whatever their order in a file.
    /// </summary>
    internal string Fingerprint()
    {
        var sum = 0UL;
        foreach (var o in _objects)
        {
            var hash = Mixed(Mixed(Mixed(0, (ulong)o.ImageId), (ulong)o.CategoryId), (ulong)o.Marks);
            foreach (var number in (ReadOnlySpan<double>)[o.Box.X, o.Box.Y, o.Box.Width, o.Box.Height, o.Area, .. o.Keypoints ?? []])
                hash = Mixed(hash, BitConverter.DoubleToUInt64Bits(number));
            // A sum does not know the order of what was added.
            sum += hash;
        }
        return sum.ToString("x16", CultureInfo.InvariantCulture);

        static ulong Mixed(ulong hash, ulong word) => SplitMix64.ForIndex(hash, word).Next();
    }

    /// <summary>The same images and categories with other objects.</summary>
    internal DetectionDataset With(GroundTruthObject[] objects) => With(Images, Categories, objects);

    internal DetectionDataset With(IReadOnlyList<DatasetImage> images, IReadOnlyList<DatasetCategory> categories,
        GroundTruthObject[] objects)
        => new(images, categories, objects) { Source = Source, ObjectKeys = ObjectKeys };

    private static string Few(IEnumerable<long> ids, string what)
    {
        var some = ids.Take(6).Select(id => id.ToString(CultureInfo.InvariantCulture)).ToArray();
        return some.Length switch
        {
            0 => $"no {what}",
            1 => $"the {what} {some[0]}",
            > 5 => $"{what} ids such as {string.Join(", ", some[..5])}",
            _ => $"{what} ids {string.Join(", ", some)}",
        };
    }
}

/// <summary>The detections of a model in the order of the file.</summary>
public sealed class DetectionResults
{
    private readonly DetectedObject[] _items;

    /// <summary>Makes results from detections.</summary>
    public DetectionResults(IReadOnlyList<DetectedObject> detections)
        : this([.. detections])
    {
    }

    internal DetectionResults(DetectedObject[] items) => _items = items;

    /// <summary>The detections.</summary>
    public ReadOnlySpan<DetectedObject> Items => _items;

    /// <summary>Where they were read from; empty for results made in memory.</summary>
    public string Source { get; init; } = "";
}
