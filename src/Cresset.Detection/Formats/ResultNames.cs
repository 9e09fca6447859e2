using System.Globalization;

namespace Cresset.Detection;

/// <summary>Finds the images and categories that results mean: by id, and where a result has a text by that id or by name.</summary>
internal sealed class ResultNames
{
    private readonly JsonScanner _scanner;
    private readonly FaultDesk _desk;
    private readonly DetectionDataset? _dataset;
    private readonly IdSet _categories;
    private readonly Dictionary<long, long> _images = [], _categoryOf = [];
    private readonly HashSet<string> _twoMeanings = new(StringComparer.Ordinal);
    private DatasetNames? _byName;
    private long _lastImage = long.MinValue;
    private bool _hasLast;

    public ResultNames(JsonScanner scanner, FaultDesk desk, DetectionDataset? dataset)
    {
        (_scanner, _desk, _dataset) = (scanner, desk, dataset);
        _categories = new IdSet(dataset?.Categories.Select(c => c.Id) ?? []);
    }

    public TextIds Images { get; } = new();

    public TextIds Categories { get; } = new();

    public DatasetImage? Image(long id) => _dataset?.FindImage(id);

    /// <summary>Replaces what the file says by the ids of the data set; false when the image is not in it.</summary>
    public bool Find(ref long image, ref long category)
    {
        if (_dataset is null) return true;
        if (!_hasLast || image != _lastImage || _dataset.HasImageKeys || TextIds.IsProvisional(image))
        {
            var known = FindImage(image);
            if (known is null)
            {
                var shown = Images.TextOf(image) is { } text ? $"\"{text}\"" : image.ToString(CultureInfo.InvariantCulture);
                _desk.Fault(DataProblemKind.UnknownImage, _scanner.Where, "image_id",
                    WhyNot(Images.TextOf(image), "image") is { } why ? why : Images.TextOf(image) is { } several
                    && _byName is { } names && names.IsAmbiguous(several)
                    ? $"is {shown}, the name of several images of the data set; keep their folders."
                        : $"is {shown}; the data set has no such image.", _scanner.Offset);
                return false;
            }
            (_lastImage, _hasLast) = (image, true);
            image = known.Value;
        }
        if (!_dataset.HasCategoryKeys && !TextIds.IsProvisional(category) && _categories.Contains(category)) return true;
        if (FindCategory(category) is { } found)
        {
            category = found;
            return true;
        }
        var name = Categories.TextOf(category) is { } word ? $"\"{word}\"" : category.ToString(CultureInfo.InvariantCulture);
        var isShared = Categories.TextOf(category) is { } given && _byName?.IsAmbiguousCategory(given) == true;
        _desk.Fault(DataProblemKind.UnknownCategory, _scanner.Where, "category_id", WhyNot(Categories.TextOf(category), "category")
            ?? $"is {name}" + (isShared
                ? ", the name of several categories of the data set; write their ids."
                : "; the data set has no such category."), _scanner.Offset);
        return false;
    }

    public void Finish()
    {
        if (_dataset is not null) return;
        Images.Number(new HashSet<long>());
        Categories.Number(new HashSet<long>());
    }

    /// <summary>Without a data set texts get numbers of their own.</summary>
    public void Number(DetectedObject[] detections)
    {
        if (_dataset is not null || (!Images.Any && !Categories.Any)) return;
        for (var i = 0; i < detections.Length; i++)
        {
            var d = detections[i];
            detections[i] = d with { ImageId = Images.Final(d.ImageId), CategoryId = Categories.Final(d.CategoryId) };
        }
    }

    private long? FindImage(long id)
    {
        if (!TextIds.IsProvisional(id) && _dataset!.FindImage(id) is { Key: null }) return id;
        if (!_dataset!.HasImageKeys && !TextIds.IsProvisional(id)) return null;
        if (_images.TryGetValue(id, out var known)) return known < 0 && TextIds.IsProvisional(known) ? null : known;
        var text = Images.TextOf(id) ?? id.ToString(CultureInfo.InvariantCulture);
        _byName ??= new DatasetNames(_dataset!);
        var found = _byName.ImageKey(text)
            ?? Chosen(text, "image_id", ByNumber(text, n => _dataset!.FindImage(n) is { Key: null }), _byName.Image(text));
        _images[id] = found ?? long.MinValue;
        return found;
    }

    private long? FindCategory(long id)
    {
        if (!TextIds.IsProvisional(id) && _dataset!.FindCategory(id) is { Key: null }) return id;
        if (!_dataset!.HasCategoryKeys && !TextIds.IsProvisional(id)) return null;
        if (_categoryOf.TryGetValue(id, out var known)) return TextIds.IsProvisional(known) ? null : known;
        var text = Categories.TextOf(id) ?? id.ToString(CultureInfo.InvariantCulture);
        _byName ??= new DatasetNames(_dataset!);
        var found = _byName.CategoryKey(text)
            ?? Chosen(text, "category_id", ByNumber(text, n => _dataset!.FindCategory(n) is { Key: null }), _byName.Category(text));
        _categoryOf[id] = found ?? long.MinValue;
        return found;
    }

    private static long? ByNumber(string text, Func<long, bool> known)
        => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var n) && known(n) ? n : null;

    /// <summary>A text may write an id or a name; one that is the id of this and the name of that is neither.</summary>
    private long? Chosen(string text, string field, long? byNumber, long? byName)
    {
        if (byNumber is { } number && byName is { } named && number != named)
        {
            _twoMeanings.Add(text);
            return null;
        }
        if ((byNumber ?? byName) is not { } found) return null;
        if (byNumber is null)
            _desk.Note(DataProblemKind.MatchedByName, _scanner.Where, field, $"is \"{text}\"; it was taken for the one of that name.",
                _scanner.Offset);
        else _desk.Note(DataProblemKind.Converted, _scanner.Where, field, $"is the text \"{text}\"; it was taken as the number.",
            _scanner.Offset);
        return found;
    }

    private string? WhyNot(string? text, string one)
        => text is not null && _twoMeanings.Contains(text)
            ? $"is \"{text}\", the id of one {one} and the name of another; write ids as numbers." : null;
}
