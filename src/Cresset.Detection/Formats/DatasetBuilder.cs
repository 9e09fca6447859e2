namespace Cresset.Detection;

/// <summary>Collects a data set whose files name images and classes instead of numbering them.</summary>
internal sealed class DatasetBuilder
{
    private readonly List<DatasetImage> _images = [];
    private readonly List<DatasetCategory> _categories = [];
    private readonly List<GroundTruthObject> _objects = [];
    private readonly Dictionary<string, long> _imageOf = new(StringComparer.Ordinal), _categoryOf = new(StringComparer.Ordinal);
    private readonly bool _closed;

    /// <summary>With class names given, others are unknown.</summary>
    public DatasetBuilder(IReadOnlyList<string>? classes)
    {
        _closed = classes is not null;
        if (classes?.GroupBy(n => n, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice)
        {
            throw new ArgumentException(
                $"the class \"{twice.Key}\" is named {twice.Count()} times; files that name their classes could mean either.",
                nameof(classes));
        }
        foreach (var name in classes ?? []) AddCategory(name);
    }

    public bool HasImage(string name) => _imageOf.ContainsKey(name);

    public long AddImage(string name, int width = 0, int height = 0, string? alias = null)
    {
        var id = _images.Count + 1;
        _images.Add(new DatasetImage(id, name, width, height) { Alias = alias });
        _imageOf[name] = id;
        return id;
    }

    public long ImageOf(string name) => _imageOf.TryGetValue(name, out var id) ? id : AddImage(name);

    /// <summary>The category of a name; null when the classes were given and it is not among them.</summary>
    public long? CategoryOf(string name) => _categoryOf.TryGetValue(name, out var id) ? id : _closed ? null : AddCategory(name);

    public int Objects => _objects.Count;

    public void Add(long image, long category, Box box, ObjectMarks marks, double? area = null, Segmentation? shape = null,
        double[]? keypoints = null)
        => _objects.Add(new GroundTruthObject
        {
            Id = _objects.Count + 1,
            ImageId = image,
            CategoryId = category,
            Box = box,
            Area = area ?? box.Area,
            Marks = marks,
            Segmentation = shape,
            Keypoints = keypoints,
        });

    /// <summary>Without given classes they are numbered in the order of their names.</summary>
    public DetectionDataset Finish(string source)
    {
        if (_closed) return new DetectionDataset(_images, _categories, _objects.ToArray()) { Source = source };
        var sorted = _categories.OrderBy(c => c.Name, StringComparer.Ordinal).ToArray();
        var idOf = sorted.Select((c, i) => (c.Id, New: (long)i + 1)).ToDictionary(x => x.Id, x => x.New);
        var objects = _objects.ConvertAll(o => o with { CategoryId = idOf[o.CategoryId] });
        return new DetectionDataset(_images, [.. sorted.Select((c, i) => c with { Id = i + 1 })], objects.ToArray()) { Source = source };
    }

    private long AddCategory(string name)
    {
        var id = _categories.Count + 1;
        _categories.Add(new DatasetCategory(id, name));
        _categoryOf[name] = id;
        return id;
    }
}
