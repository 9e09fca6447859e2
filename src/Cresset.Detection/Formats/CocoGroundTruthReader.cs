using System.Globalization;

namespace Cresset.Detection;

/// <summary>Reads the object of a COCO ground-truth file; its three lists may come in any order.</summary>
internal sealed class CocoGroundTruthReader
{
    private readonly JsonScanner _scanner;
    private readonly FaultDesk _desk;
    private readonly CocoRecordFields _fields;
    private readonly RecordParts _parts;
    private readonly CancellationToken _cancellation;
    private readonly List<DatasetImage> _images = [];
    private readonly List<DatasetCategory> _categories = [];
    private readonly List<GroundTruthObject> _objects = [];
    private readonly HashSet<long> _imageIds = [], _categoryIds = [], _objectIds = [];
    private bool _hasImages, _hasCategories, _hasObjects;

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
        if (_scanner.Peek() == '[') throw _scanner.Broken("ground truth must be one object; this is a list (a result file?)");
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
        if (!_hasImages) _desk.Fault(DataProblemKind.MissingField, "", "images", "is missing; ground truth needs images, annotations and categories.");
        if (!_hasObjects) _desk.Fault(DataProblemKind.MissingField, "", "annotations", "is missing; ground truth needs images, annotations and categories.");
        if (!_hasCategories) _desk.Fault(DataProblemKind.MissingField, "", "categories", "is missing; ground truth needs images, annotations and categories.");
    }

    public DetectionDataset Finish()
    {
        var kept = new List<GroundTruthObject>(_objects.Count);
        for (var i = 0; i < _objects.Count; i++)
        {
            var o = _objects[i];
            var record = string.Create(CultureInfo.InvariantCulture, $"annotation with id {o.Id}");
            if (!_imageIds.Contains(o.ImageId))
            {
                _desk.Fault(DataProblemKind.UnknownImage, record, "image_id", string.Create(CultureInfo.InvariantCulture, $"is {o.ImageId}; the file has no such image."));
                continue;
            }
            if (!_categoryIds.Contains(o.CategoryId))
            {
                _desk.Fault(DataProblemKind.UnknownCategory, record, "category_id", string.Create(CultureInfo.InvariantCulture, $"is {o.CategoryId}; the file has no such category."));
            }
            kept.Add(o);
        }
        return new DetectionDataset(_images, _categories, kept.ToArray()) { Source = _scanner.Path };
    }

    private void ReadList(string name, ref bool seen, Action record)
    {
        _scanner.WhereList = name;
        _scanner.WhereIndex = -1;
        if (seen) throw _scanner.Broken($"the list {name} occurs twice");
        seen = true;
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
                }
            }
            while (_scanner.NextElement((byte)']'));
        }
        _scanner.WhereList = "";
        _scanner.WhereIndex = -1;
    }

    private void ReadImage()
    {
        long id = 0, width = 0, height = 0;
        var hasId = false;
        var file = "";
        long[]? negative = null, open = null;
        if (!_scanner.TryTake((byte)'}'))
        {
            do
            {
                var name = _scanner.ReadName();
                if (name.SequenceEqual("id"u8))
                {
                    id = _fields.Integer("id");
                    hasId = true;
                }
                else if (name.SequenceEqual("width"u8)) width = _fields.Integer("width");
                else if (name.SequenceEqual("height"u8)) height = _fields.Integer("height");
                else if (name.SequenceEqual("file_name"u8)) file = _fields.Text("file_name");
                else if (name.SequenceEqual("neg_category_ids"u8)) negative = _fields.Integers("neg_category_ids");
                else if (name.SequenceEqual("not_exhaustive_category_ids"u8)) open = _fields.Integers("not_exhaustive_category_ids");
                else _scanner.Skip();
            }
            while (_scanner.NextElement((byte)'}'));
        }
        if (!hasId) _fields.Fault(DataProblemKind.MissingField, "id", "is missing.");
        if (width is < 0 or > int.MaxValue || height is < 0 or > int.MaxValue || width * height > int.MaxValue)
        {
            _fields.Fault(DataProblemKind.WrongValue, "width", string.Create(CultureInfo.InvariantCulture, $"and height are {width} and {height}; 0 or more, together at most 2^31 pixels, are allowed."));
        }
        if (!_fields.Sound) return;
        if (!_imageIds.Add(id)) _fields.Fault(DataProblemKind.DuplicateId, "id", string.Create(CultureInfo.InvariantCulture, $"{id} occurs twice."));
        _images.Add(new DatasetImage(id, file, (int)width, (int)height) { NegativeCategoryIds = negative, NotExhaustiveCategoryIds = open });
    }

    private void ReadCategory()
    {
        long id = 0;
        var hasId = false;
        string text = "", parent = "", frequency = "";
        if (!_scanner.TryTake((byte)'}'))
        {
            do
            {
                var name = _scanner.ReadName();
                if (name.SequenceEqual("id"u8))
                {
                    id = _fields.Integer("id");
                    hasId = true;
                }
                else if (name.SequenceEqual("name"u8)) text = _fields.Text("name");
                else if (name.SequenceEqual("supercategory"u8) && _scanner.Peek() == '"') parent = _fields.Text("supercategory");
                else if (name.SequenceEqual("frequency"u8) && _scanner.Peek() == '"') frequency = _fields.Text("frequency");
                else _scanner.Skip();
            }
            while (_scanner.NextElement((byte)'}'));
        }
        if (!hasId) _fields.Fault(DataProblemKind.MissingField, "id", "is missing.");
        if (!_fields.Sound) return;
        if (!_categoryIds.Add(id)) _fields.Fault(DataProblemKind.DuplicateId, "id", string.Create(CultureInfo.InvariantCulture, $"{id} occurs twice."));
        _categories.Add(new DatasetCategory(id, text) { Supercategory = parent, Frequency = frequency });
    }

    private void ReadObject()
    {
        var draft = new CocoObjectDraft();
        if (!_scanner.TryTake((byte)'}'))
        {
            do
            {
                draft.TakeField(_scanner, _fields, _parts);
            }
            while (_scanner.NextElement((byte)'}'));
        }
        if (!draft.TryBuild(_fields, out var built)) return;
        if (draft.HasId && !_objectIds.Add(built.Id)) _fields.Fault(DataProblemKind.DuplicateId, "id", string.Create(CultureInfo.InvariantCulture, $"{built.Id} occurs twice."));
        if (draft.AreaIsAssumed) _desk.Note(DataProblemKind.AssumedArea, _scanner.Where, "area", "is missing; the mask's or the box's area is taken.");
        _objects.Add(built);
    }
}
