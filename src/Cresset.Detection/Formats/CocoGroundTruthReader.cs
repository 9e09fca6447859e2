using System.Globalization;

namespace Cresset.Detection;

/// <summary>Reads the object of a COCO ground-truth file; its three lists may come in any order.</summary>
internal sealed class CocoGroundTruthReader
{
    private readonly JsonScanner _scanner;
    private readonly FaultDesk _desk;
    private readonly CocoRecordFields _fields;
    private readonly CocoIds _ids = new();
    private readonly RecordParts _parts;
    private readonly CancellationToken _cancellation;
    private readonly List<DatasetImage> _images = [];
    private readonly List<DatasetCategory> _categories = [];
    private readonly List<GroundTruthObject> _objects = [];
    private readonly HashSet<long> _imageIds = [], _categoryIds = [], _objectIds = [];
    private readonly List<int> _withoutId = [];
    private bool _hasImages, _hasCategories, _hasObjects;
    private long _records, _lost;

    public CocoGroundTruthReader(JsonScanner scanner, FaultDesk desk, RecordParts parts, CancellationToken cancellation)
    {
        _scanner = scanner;
        _desk = desk;
        _parts = parts;
        _cancellation = cancellation;
        _fields = new CocoRecordFields(scanner, desk);
    }

    public void Read()
    {
        if (_scanner.Peek() == '[') throw _scanner.Structure("ground truth must be one object; this is a list (a result file?).");
        _scanner.Expect((byte)'{');
        if (!_scanner.TryTake((byte)'}'))
        {
            do
            {
                var name = _scanner.ReadName();
                if (name.SequenceEqual("images"u8)) ReadList("images", ref _hasImages, ReadImage);
                else if (name.SequenceEqual("categories"u8)) ReadList("categories", ref _hasCategories, ReadCategory);
                else if (name.SequenceEqual("annotations"u8)) ReadList("annotations", ref _hasObjects, ReadObject);
                else _scanner.Skip();
            }
            while (_scanner.NextElement((byte)'}'));
        }
        if (_scanner.Peek() != 0) throw _scanner.Unexpected("the end of the file");
        if (!_hasImages)
        {
            _desk.Fault(DataProblemKind.MissingField, "", "images", "is missing; ground truth needs images, annotations and categories.");
        }
        if (!_hasObjects)
        {
            _desk.Fault(DataProblemKind.MissingField, "", "annotations",
                "is missing; ground truth needs images, annotations and categories.");
        }
        if (!_hasCategories)
        {
            _desk.Fault(DataProblemKind.MissingField, "", "categories",
                "is missing; ground truth needs images, annotations and categories.");
        }
    }

    public DetectionDataset Finish()
    {
        NumberTexts();
        var images = _images.ToDictionaryOfLast(i => i.Id);
        var kept = new List<GroundTruthObject>(_objects.Count);
        for (var i = 0; i < _objects.Count; i++)
        {
            var o = _objects[i];
            if (!images.TryGetValue(o.ImageId, out var image))
            {
                _desk.Fault(DataProblemKind.UnknownImage, RecordOf(o), "image_id",
                    $"is {Referred(o.ImageId, _ids.Images)}; the file has no such image.");
                _lost++;
                continue;
            }
            if (!_categoryIds.Contains(o.CategoryId))
            {
                _desk.Fault(DataProblemKind.UnknownCategory, RecordOf(o), "category_id",
                    $"is {Referred(o.CategoryId, _ids.Categories)}; the file has no such category.");
                _lost++;
            }
            kept.Add((_desk.Needs & (RecordParts.Masks | RecordParts.Corners)) == RecordParts.Masks ? WithSize(o, image) : o);
        }
        _desk.Tally(_records, _lost);
        return new DetectionDataset(_images, _categories, kept.ToArray())
        {
            Source = _scanner.Path,
            ObjectKeys = _ids.Objects.Any ? _ids.Objects.Texts() : null,
        };
    }

    private static string RecordOf(in GroundTruthObject o) => string.Create(CultureInfo.InvariantCulture, $"annotation with id {o.Id}");

    /// <summary>An id after texts got their numbers, as the file writes it.</summary>
    private static string Referred(long id, TextIds texts) =>
        texts.TextOfFinal(id) is { } text ? $"\"{text}\"" : id.ToString(CultureInfo.InvariantCulture);

    private static string Shown(long id, TextIds texts) => texts.TextOf(id) is { } text ? $"\"{text}\""
        : id.ToString(CultureInfo.InvariantCulture);

    /// <summary>Masks are compared in pixels of the image, so its size has to be known and theirs has to be the same.</summary>
    private GroundTruthObject WithSize(GroundTruthObject o, DatasetImage image)
    {
        if (o.Segmentation is PolygonSegmentation && (image.Width == 0 || image.Height == 0))
        {
            _desk.Fault(DataProblemKind.MissingField, string.Create(CultureInfo.InvariantCulture, $"image with id {image.Id}"), "width",
                "or height is missing; polygons need the size of their image.");
            return o with { CannotBeHit = true };
        }
        if (o.Segmentation is RunLengthSegmentation { Mask: var mask } && image is { Width: > 0, Height: > 0 }
            && (mask.Width != image.Width || mask.Height != image.Height))
        {
            _desk.Fault(DataProblemKind.BadMask, RecordOf(o), "segmentation",
                $"is {mask.Height} x {mask.Width}, its image {image.Height} x {image.Width} (height x width); masks have the size of their "
                    + $"image.");
            return o with { CannotBeHit = true };
        }
        return o;
    }

    /// <summary>Gives texts and missing ids numbers that no other record has.</summary>
    private void NumberTexts()
    {
        if (_ids.Images.Any)
        {
            _ids.Images.Number(_imageIds);
            var texts = _ids.Images.Texts();
            for (var i = 0; i < _images.Count; i++)
            {
                var id = _ids.Images.Final(_images[i].Id);
                if (id != _images[i].Id) _images[i] = _images[i] with { Id = id, Key = texts[id] };
            }
            _imageIds.UnionWith(_images.Select(i => i.Id));
        }
        if (_ids.Categories.Any)
        {
            _ids.Categories.Number(_categoryIds);
            var texts = _ids.Categories.Texts();
            for (var i = 0; i < _categories.Count; i++)
            {
                var id = _ids.Categories.Final(_categories[i].Id);
                if (id != _categories[i].Id) _categories[i] = _categories[i] with { Id = id, Key = texts[id] };
            }
            _categoryIds.UnionWith(_categories.Select(c => c.Id));
        }
        if (_ids.Images.MetNumbers > 0) NoteNumbers("image_id");
        if (_ids.Categories.MetNumbers > 0) NoteNumbers("category_id");
        _ids.Objects.Number(_objectIds);
        var anyText = _ids.Images.Any || _ids.Categories.Any || _ids.Objects.Any;
        for (var i = 0; anyText && i < _objects.Count; i++)
        {
            var o = _objects[i];
            _objects[i] = o with
            {
                Id = _ids.Objects.Final(o.Id),
                ImageId = _ids.Images.Final(o.ImageId),
                CategoryId = _ids.Categories.Final(o.CategoryId)
            };
        }
        if (_withoutId.Count == 0) return;
        var taken = _objects.Select(o => o.Id).ToHashSet();
        long next = 1;
        foreach (var i in _withoutId)
        {
            while (!taken.Add(next)) next++;
            _objects[i] = _objects[i] with { Id = next };
        }
    }

    private void NoteNumbers(string field)
        => _desk.Note(DataProblemKind.Converted, "annotations", field, "is a text where the id is a number; it was taken as the number.");

    private void ReadList(string name, ref bool seen, Action record)
    {
        _scanner.WhereList = name;
        _scanner.WhereIndex = -1;
        if (seen) ForgetList(name);
        seen = true;
        if (_scanner.TryNull())
        {
            _desk.Fault(DataProblemKind.WrongValue, "", name, "is null; a list is needed.", _scanner.Offset);
            return;
        }
        if (_scanner.Peek() != '[') throw _scanner.Unexpected($"the list {name}");
        _scanner.Expect((byte)'[');
        if (!_scanner.TryTake((byte)']'))
        {
            do
            {
                _scanner.WhereIndex++;
                if ((_scanner.WhereIndex & 0xFFF) == 0) _cancellation.ThrowIfCancellationRequested();
                _fields.Sound = true;
                if (_scanner.Peek() == '{')
                {
                    _scanner.Expect((byte)'{');
                    record();
                }
                else
                {
                    _scanner.Skip();
                    _fields.Fault(DataProblemKind.WrongValue, "", "is not an object.");
                    if (name == "annotations") CountLost();
                }
            }
            while (_scanner.NextElement((byte)']'));
        }
        _scanner.WhereList = "";
        _scanner.WhereIndex = -1;
    }

    /// <summary>Of a key that is given twice the last one counts, as in every JSON reader.</summary>
    private void ForgetList(string name)
    {
        _desk.Note(DataProblemKind.Layout, name, "", "occurs twice; the last one counts.", _scanner.Offset);
        if (name == "images") (_images, _imageIds).Clear();
        else if (name == "categories") (_categories, _categoryIds).Clear();
        else
        {
            (_objects, _objectIds).Clear();
            _withoutId.Clear();
            (_records, _lost) = (0, 0);
        }
    }

    private void CountLost()
    {
        _records++;
        _lost++;
    }

    private void ReadImage()
    {
        long id = 0, width = 0, height = 0;
        var hasId = false;
        var file = "";
        long[]? negative = null, open = null;
        Dictionary<string, string>? attributes = null;
        if (!_scanner.TryTake((byte)'}'))
        {
            do
            {
                var name = _scanner.ReadName();
                if (name.SequenceEqual("id"u8))
                {
                    id = _fields.Id("id", _ids.Images);
                    hasId = true;
                }
                else if (name.SequenceEqual("width"u8)) width = _fields.Whole("width");
                else if (name.SequenceEqual("height"u8)) height = _fields.Whole("height");
                else if (name.SequenceEqual("file_name"u8)) file = _fields.Text("file_name");
                else if (name.SequenceEqual("neg_category_ids"u8)) negative = _fields.Integers("neg_category_ids");
                else if (name.SequenceEqual("not_exhaustive_category_ids"u8)) open = _fields.Integers("not_exhaustive_category_ids");
                else ImageAttributes.Take(_scanner, name, ref attributes);
            }
            while (_scanner.NextElement((byte)'}'));
        }
        if (!hasId) _fields.Fault(DataProblemKind.MissingField, "id", "is missing.");
        if (width is < 0 or > int.MaxValue || height is < 0 or > int.MaxValue || width * height > int.MaxValue)
        {
            _fields.Fault(DataProblemKind.WrongValue, "width",
                string.Create(CultureInfo.InvariantCulture,
                $"and height are {width} and {height}; 0 or more, together at most 2^31 pixels, are allowed."));
        }
        if (!_fields.Sound) return;
        if (!_imageIds.Add(id)) _fields.Fault(DataProblemKind.DuplicateId, "id", $"{Shown(id, _ids.Images)} occurs twice.");
        _images.Add(new DatasetImage(id, file, (int)width, (int)height)
        {
            NegativeCategoryIds = negative,
            NotExhaustiveCategoryIds = open,
            Attributes = attributes
        });
    }

    private void ReadCategory()
    {
        long id = 0;
        var hasId = false;
        string text = "", parent = "", frequency = "";
        IReadOnlyList<string>? points = null;
        double[]? sigmas = null;
        if (!_scanner.TryTake((byte)'}'))
        {
            do
            {
                var name = _scanner.ReadName();
                if (name.SequenceEqual("id"u8))
                {
                    id = _fields.Id("id", _ids.Categories);
                    hasId = true;
                }
                else if (name.SequenceEqual("name"u8)) text = _fields.Text("name");
                else if (name.SequenceEqual("supercategory"u8) && _scanner.Peek() == '"') parent = _fields.Text("supercategory");
                else if (name.SequenceEqual("frequency"u8) && _scanner.Peek() == '"') frequency = _fields.Text("frequency");
                else if (name.SequenceEqual("keypoints"u8) && _scanner.Peek() == '[') points = ImageAttributes.Texts(_scanner);
                else if (name.SequenceEqual("sigmas"u8) && _scanner.Peek() == '[') sigmas = _fields.Numbers("sigmas");
                else _scanner.Skip();
            }
            while (_scanner.NextElement((byte)'}'));
        }
        if (!hasId) _fields.Fault(DataProblemKind.MissingField, "id", "is missing.");
        if (!_fields.Sound) return;
        if (!_categoryIds.Add(id)) _fields.Fault(DataProblemKind.DuplicateId, "id", $"{Shown(id, _ids.Categories)} occurs twice.");
        _categories.Add(new DatasetCategory(id, text)
        {
            Supercategory = parent,
            Frequency = frequency,
            KeypointNames = points,
            KeypointSigmas = sigmas
        });
    }

    private void ReadObject()
    {
        var draft = new CocoObjectDraft();
        if (!_scanner.TryTake((byte)'}'))
        {
            do
            {
                draft.TakeField(_scanner, _fields, _ids, _parts);
            }
            while (_scanner.NextElement((byte)'}'));
        }
        if (!draft.TryBuild(_fields, _desk.Needs, out var built))
        {
            CountLost();
            return;
        }
        _records++;
        if (!draft.HasId) _withoutId.Add(_objects.Count);
        else if (!_objectIds.Add(built.Id)) _fields.Fault(DataProblemKind.DuplicateId, "id",
            $"{Shown(built.Id, _ids.Objects)} occurs twice.");
        if (draft.HasId && built.Id == 0)
        {
            _fields.Note(DataProblemKind.ZeroId, "id",
                "is 0; pycocotools, and so the protocols coco and lvis, can never hit this object. Take coco-fixed, or number from 1.");
        }
        if (draft.AreaIsAssumed) _fields.Note(DataProblemKind.AssumedArea, "area", "is missing; the mask's or the box's area is taken.");
        if (draft.BoxIsAssumed)
        {
            _fields.Note(DataProblemKind.AssumedBox, "bbox", "is missing; the bounds of the segmentation or the keypoints are taken.");
        }
        _objects.Add(built);
    }
}
