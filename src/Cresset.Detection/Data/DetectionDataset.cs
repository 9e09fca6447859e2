namespace Cresset.Detection;

/// <summary>The ground truth: images, categories and objects, each in the order of the file.</summary>
public sealed class DetectionDataset
{
    private readonly GroundTruthObject[] _objects;
    private readonly Dictionary<long, DatasetImage> _imageOf = [];
    private readonly Dictionary<long, DatasetCategory> _categoryOf = [];

    /// <summary>Makes a data set. Of images or categories with the same id the last one counts.</summary>
    public DetectionDataset(IReadOnlyList<DatasetImage> images, IReadOnlyList<DatasetCategory> categories, IReadOnlyList<GroundTruthObject> objects)
        : this(images, categories, [.. objects])
    {
    }

    internal DetectionDataset(IReadOnlyList<DatasetImage> images, IReadOnlyList<DatasetCategory> categories, GroundTruthObject[] objects)
    {
        Images = images;
        Categories = categories;
        _objects = objects;
        foreach (var image in images) _imageOf[image.Id] = image;
        foreach (var category in categories) _categoryOf[category.Id] = category;
    }

    /// <summary>The images.</summary>
    public IReadOnlyList<DatasetImage> Images { get; }

    /// <summary>The categories.</summary>
    public IReadOnlyList<DatasetCategory> Categories { get; }

    /// <summary>The annotated objects.</summary>
    public ReadOnlySpan<GroundTruthObject> Objects => _objects;

    /// <summary>Where it was read from; empty for one made in memory.</summary>
    public string Source { get; init; } = "";

    /// <summary>The image with this id, or null.</summary>
    public DatasetImage? FindImage(long id) => _imageOf.GetValueOrDefault(id);

    /// <summary>The category with this id, or null.</summary>
    public DatasetCategory? FindCategory(long id) => _categoryOf.GetValueOrDefault(id);

    /// <summary>The name of a category, or its number when it has none.</summary>
    public string CategoryName(long id)
        => FindCategory(id) is { Name.Length: > 0 } category ? category.Name : id.ToString(System.Globalization.CultureInfo.InvariantCulture);
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
