using System.Globalization;

namespace Cresset.Detection;

/// <summary>The fields of one COCO annotation while it is read.</summary>
internal struct CocoObjectDraft
{
    private long _id, _image, _category, _keypointCount;
    private double _area;
    private Box _box, _bounds;
    private bool _hasImage, _hasCategory, _hasArea, _hasBox, _hasKeypointCount, _hasShape, _hasBounds;
    private bool _brokenId, _brokenBox, _brokenShape;
    private ObjectMarks _marks;
    private Segmentation? _segmentation;
    private double[]? _keypoints;

    public bool HasId { get; private set; }

    public bool AreaIsAssumed { get; private set; }

    public bool BoxIsAssumed { get; private set; }

    public void TakeField(JsonScanner scanner, CocoRecordFields fields, CocoIds ids, RecordParts parts)
    {
        var name = scanner.ReadName();
        if (name.SequenceEqual("id"u8))
        {
            if (scanner.TryNull()) return;
            _id = fields.Id("id", ids.Objects);
            HasId = !fields.TakeFault();
        }
        else if (name.SequenceEqual("image_id"u8))
        {
            _image = fields.Id("image_id", ids.Images);
            _hasImage = true;
            _brokenId |= fields.TakeFault();
        }
        else if (name.SequenceEqual("category_id"u8))
        {
            _category = fields.Id("category_id", ids.Categories);
            _hasCategory = true;
            _brokenId |= fields.TakeFault();
        }
        else if (name.SequenceEqual("bbox"u8))
        {
            _hasBox = fields.TryBox("bbox", out _box);
            _brokenBox |= fields.TakeFault();
        }
        else if (name.SequenceEqual("area"u8))
        {
            TakeArea(scanner, fields);
        }
        else if (name.SequenceEqual("segmentation"u8))
        {
            TakeSegmentation(scanner, fields, parts);
        }
        else if (name.SequenceEqual("keypoints"u8))
        {
            if (scanner.TryNull()) return;
            _hasShape = true;
            if ((parts & RecordParts.Keypoints) != 0) _keypoints = fields.Numbers("keypoints");
            else scanner.Skip();
            _brokenShape |= fields.TakeFault();
        }
        else if (name.SequenceEqual("num_keypoints"u8))
        {
            _hasKeypointCount = scanner.Peek() != 'n';
            _keypointCount = fields.Whole("num_keypoints");
            if (fields.TakeFault()) _hasKeypointCount = false;
        }
        else
        {
            TakeMark(name, scanner, fields);
        }
    }

    /// <summary>Gives the object; false when it belongs to no image or category and has to be left out.</summary>
    public bool TryBuild(CocoRecordFields fields, RecordParts needs, out GroundTruthObject built)
    {
        built = default;
        if (!_hasImage || !_hasCategory)
        {
            fields.Fault(DataProblemKind.MissingField, !_hasImage ? "image_id" : "category_id", "is missing.");
            return false;
        }
        if (_brokenId) return false;
        if (!HasId)
            fields.Fault(DataProblemKind.MissingField, "id",
                "is missing; every annotation needs one of its own. Read leniently, it gets one.");
        CheckShape(fields, needs);
        if (_hasBox && !_brokenBox && (_box.Width < 0 || _box.Height < 0))
        {
            fields.Fault(DataProblemKind.NegativeSize, "bbox",
                string.Create(CultureInfo.InvariantCulture, $"has the size {_box.Width} x {_box.Height}; sizes are not below 0."));
        }
        FindBox(fields);
        AreaIsAssumed = !_hasArea;
        if (!_hasArea) _area = _segmentation is RunLengthSegmentation { Mask: var shape } ? shape.Area : _box.Area;
        if (!_hasKeypointCount && _keypoints is not null) _keypointCount = GroundTruthObject.CountLabelled(_keypoints);
        built = new GroundTruthObject
        {
            Id = _id,
            ImageId = _image,
            CategoryId = _category,
            Box = _box,
            Area = _area,
            Marks = _marks,
            Segmentation = _segmentation,
            Keypoints = _keypoints,
            KeypointCount = (int)Math.Clamp(_keypointCount, 0, int.MaxValue),
            FromFile = true,
            CannotBeHit = _brokenBox || _brokenShape,
        };
        return true;
    }

    /// <summary>An object without the shape that is asked for, or with a broken one, stays as one that cannot be hit.</summary>
    private void CheckShape(CocoRecordFields fields, RecordParts needs)
    {
        if (_keypoints is not null && _keypoints.Length % 3 != 0)
        {
            fields.Fault(DataProblemKind.WrongValue, "keypoints",
                string.Create(CultureInfo.InvariantCulture, $"has {_keypoints.Length} numbers; triples x, y, v are needed."));
            _brokenShape = true;
        }
        if ((needs & RecordParts.Masks) != 0 && _segmentation is null && !_brokenShape)
        {
            fields.Fault(DataProblemKind.MissingField, "segmentation", "is missing or empty; masks are asked for.");
            _brokenShape = true;
        }
        if ((needs & RecordParts.Keypoints) != 0 && _keypoints is null && !_brokenShape)
        {
            fields.Fault(DataProblemKind.MissingField, "keypoints", "is missing; keypoints are asked for.");
            _brokenShape = true;
        }
    }

    private void FindBox(CocoRecordFields fields)
    {
        if (_brokenBox)
        {
            _box = Box.Unreachable;
            return;
        }
        if (_hasBox) return;
        if (_segmentation is not null) (_bounds, _hasBounds) = (ShapeBounds.Of(_segmentation, null), true);
        else if (!_hasBounds && _keypoints is not null) (_bounds, _hasBounds) = (ShapeBounds.Of(null, _keypoints, labelledOnly: true),
            true);
        if (_hasBounds)
        {
            _box = _bounds;
            BoxIsAssumed = true;
            return;
        }
        var why = _hasShape ? "is missing, and the record has no other shape that gives one."
            : "is missing; an annotation needs bbox, segmentation or keypoints.";
        fields.Fault(DataProblemKind.MissingField, "bbox", why);
        _box = Box.Unreachable;
        _brokenBox = true;
    }

    private void TakeArea(JsonScanner scanner, CocoRecordFields fields)
    {
        if (scanner.TryNull()) return;
        _area = fields.Number("area");
        _hasArea = !fields.TakeFault();
        if (!_hasArea || (double.IsFinite(_area) && _area >= 0)) return;
        if (double.IsFinite(_area))
            fields.Fault(DataProblemKind.NegativeSize, "area",
                string.Create(CultureInfo.InvariantCulture, $"is {_area}; areas are not below 0, and such an object would never count."));
        else fields.Fault(DataProblemKind.NotFinite, "area", "is NaN or an infinity.");
        _hasArea = false;
    }

    private void TakeSegmentation(JsonScanner scanner, CocoRecordFields fields, RecordParts parts)
    {
        _hasShape |= scanner.Peek() != 'n';
        if ((parts & RecordParts.Masks) != 0) _segmentation = fields.Segmentation("segmentation");
        else if (_hasBox) scanner.Skip();
        else _hasBounds = fields.TryBounds(out _bounds);
        _brokenShape |= fields.TakeFault();
    }

    private void TakeMark(ReadOnlySpan<byte> name, JsonScanner scanner, CocoRecordFields fields)
    {
        var other = name.SequenceEqual("isCrowd"u8) || name.SequenceEqual("is_crowd"u8);
        var mark = other || name.SequenceEqual("iscrowd"u8) ? ObjectMarks.Crowd
            : name.SequenceEqual("ignore"u8) ? ObjectMarks.Ignore
            : name.SequenceEqual("difficult"u8) ? ObjectMarks.Difficult
            : name.SequenceEqual("is_group_of"u8) || name.SequenceEqual("isgroupof"u8) || name.SequenceEqual("IsGroupOf"u8)
                ? ObjectMarks.GroupOf
            : ObjectMarks.None;
        if (mark == ObjectMarks.None)
        {
            scanner.Skip();
            return;
        }
        var text = scanner.Peek() == '"';
        if (!scanner.TryReadFlag(out var set))
        {
            fields.Fault(DataProblemKind.WrongValue, FieldOf(mark), "is neither 0 nor 1; 0, 1, true or false is needed.");
            fields.TakeFault();
        }
        if (text) fields.Note(DataProblemKind.Converted, FieldOf(mark), $"is a text; it was taken as {(set ? 1 : 0)}.");
        if (other) fields.Note(DataProblemKind.Converted, "iscrowd", $"has another spelling; it was taken as {(set ? 1 : 0)}.");
        if (set) _marks |= mark;
    }

    private static string FieldOf(ObjectMarks mark) => mark switch
    {
        ObjectMarks.Crowd => "iscrowd",
        ObjectMarks.Ignore => "ignore",
        ObjectMarks.Difficult => "difficult",
        _ => "is_group_of",
    };
}

/// <summary>The ids of a ground-truth file that are texts.</summary>
internal sealed class CocoIds
{
    public TextIds Images { get; } = new();

    public TextIds Categories { get; } = new();

    public TextIds Objects { get; } = new();
}
