namespace Cresset.Detection;

/// <summary>Finds the images and categories of a data set by name, for results in other formats.</summary>
internal sealed class DatasetNames
{
    private const long Several = long.MinValue;
    private readonly Dictionary<string, long> _images = new(StringComparer.Ordinal), _shortImages = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _categories = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _fileCategories = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _nearlyCategories = new(StringComparer.Ordinal);
    private readonly DetectionDataset _dataset;
    private readonly Dictionary<string, long> _imageKeys = new(StringComparer.Ordinal), _categoryKeys = new(StringComparer.Ordinal);

    public DatasetNames(DetectionDataset dataset)
    {
        _dataset = dataset;
        var paths = new ImagePaths(dataset.Images);
        foreach (var image in dataset.Images)
        {
            if (image.Key is not null) Put(_imageKeys, image.Key, image.Id);
            var name = ImagePaths.NameOf(image);
            Put(_images, name, image.Id);
            Put(_images, ImagePaths.WithoutExtension(name), image.Id);
            Put(_images, paths.Of(image.Id), image.Id);
            if (image.Alias is { } alias) Put(_images, alias, image.Id);
            var last = name[(name.LastIndexOf('/') + 1)..];
            Put(_shortImages, last, image.Id);
            Put(_shortImages, ImagePaths.WithoutExtension(last), image.Id);
        }
        foreach (var category in dataset.Categories)
        {
            if (category.Key is not null) Put(_categoryKeys, category.Key, category.Id);
            Put(_categories, dataset.CategoryName(category.Id), category.Id);
            Put(_fileCategories, SafeNames.Segment(dataset.CategoryName(category.Id)), category.Id);
            Put(_nearlyCategories, Plain(dataset.CategoryName(category.Id)), category.Id);
        }
        InOrder = [.. dataset.Categories.Select(c => c.Id).Distinct().Order()];
    }

    /// <summary>Category ids ascending: class numbers of YOLO files count in this order.</summary>
    public long[] InOrder { get; }

    public long? ImageKey(string text) => Get(_imageKeys, text);

    public long? CategoryKey(string text) => Get(_categoryKeys, text);

    /// <summary>
    /// The image of a name: with its folders, then without extension, then without folders where only one image has that name.
    /// Null when there is none or several.
    /// </summary>
    public long? Image(string name)
    {
        name = name.Replace('\\', '/');
        foreach (var wanted in Forms(name))
        {
            if (_images.TryGetValue(wanted, out var id)) return id == Several ? null : id;
        }
        var last = name[(name.LastIndexOf('/') + 1)..];
        foreach (var wanted in Forms(last))
        {
            if (_shortImages.TryGetValue(wanted, out var id)) return id == Several ? null : id;
        }
        return null;
    }

    /// <summary>Whether a name fits several images, so that none can be chosen.</summary>
    public bool IsAmbiguous(string name)
    {
        name = name.Replace('\\', '/');
        var last = name[(name.LastIndexOf('/') + 1)..];
        return Forms(name).Any(f => _images.GetValueOrDefault(f) == Several)
            || (Image(name) is null && Forms(last).Any(f => _shortImages.GetValueOrDefault(f) == Several));
    }

    /// <summary>Whether several categories have this name.</summary>
    public bool IsAmbiguousCategory(string name) => _categories.GetValueOrDefault(name) == Several;

    public long? Category(string name)
        => Get(_categories, name) ?? Get(_categories, SafeNames.Original(name)) ?? Get(_fileCategories, name);

    /// <summary>The only category whose name differs from this one in blanks, dashes, underscores or case alone, and its name.</summary>
    public (long Id, string Name)? CategoryNearly(string name)
        => Get(_nearlyCategories, Plain(SafeNames.Original(name))) is { } id ? (id, _dataset.CategoryName(id)) : null;

    private static string Plain(string name)
        => string.Concat(name.Where(c => !char.IsWhiteSpace(c) && c is not ('-' or '_'))).ToLowerInvariant();

    /// <summary>Only extensions of pictures are taken off: in "scan.5" the 5 belongs to the name.</summary>
    private static string[] Forms(string name)
        => ImageHeader.IsPicture(name) ? [name, ImagePaths.WithoutExtension(name), SafeNames.Original(name)]
            : [name, SafeNames.Original(name)];

    private static long? Get(Dictionary<string, long> map, string name) => map.TryGetValue(name, out var id) && id != Several ? id : null;

    private static void Put(Dictionary<string, long> map, string name, long id)
    {
        if (!map.TryAdd(name, id) && map[name] != id) map[name] = Several;
    }
}
