using System.Globalization;

namespace Cresset.Detection;

/// <summary>The fields of one COCO annotation while it is read.</summary>
internal struct CocoObjectDraft
{
    private long _id, _image, _category, _keypointCount;
    private double _area;
    private Box _box;
    private bool _hasImage, _hasCategory, _hasArea, _hasBox, _hasKeypointCount, _hasShape;
    private ObjectMarks _marks;
    private Segmentation? _segmentation;
    private double[]? _keypoints;

    public bool HasId { get; private set; }

    public bool AreaIsAssumed { get; private set; }

    public void TakeField(JsonScanner scanner, CocoRecordFields fields, RecordParts parts)
    {
        var name = scanner.ReadName();
        if (name.SequenceEqual("id"u8))
        {
            _id = fields.Integer("id");
            HasId = true;
        }
        else if (name.SequenceEqual("image_id"u8))
        {
            _image = fields.Integer("image_id");
            _hasImage = true;
        }
        else if (name.SequenceEqual("category_id"u8))
        {
            _category = fields.Integer("category_id");
            _hasCategory = true;
        }
        else if (name.SequenceEqual("bbox"u8))
        {
            _hasBox = fields.TryBox("bbox", out _box);
        }
        else if (name.SequenceEqual("area"u8))
        {
            _area = fields.Number("area");
            _hasArea = true;
        }
        else if (name.SequenceEqual("segmentation"u8))
        {
            _hasShape = true;
            if ((parts & RecordParts.Masks) != 0) _segmentation = fields.Segmentation("segmentation");
            else scanner.Skip();
        }
        else if (name.SequenceEqual("keypoints"u8))
        {
            _hasShape = true;
            if ((parts & RecordParts.Keypoints) != 0) _keypoints = fields.Numbers("keypoints");
            else scanner.Skip();
        }
        else if (name.SequenceEqual("num_keypoints"u8))
        {
            _keypointCount = fields.Integer("num_keypoints");
            _hasKeypointCount = true;
        }
        else
        {
            TakeMark(name, scanner);
        }
    }

    public bool TryBuild(CocoRecordFields fields, out GroundTruthObject built)
    {
        built = default;
        if (fields.Sound && (!HasId || !_hasImage || !_hasCategory))
        {
            fields.Fault(DataProblemKind.MissingField, !_hasImage ? "image_id" : !_hasCategory ? "category_id" : "id", "is missing.");
            // Without an id the object can still be used; the others cannot be guessed.
            fields.Sound = _hasImage && _hasCategory;
        }
        if (fields.Sound && !_hasBox && !_hasShape) fields.Fault(DataProblemKind.MissingField, "bbox", "is missing; an annotation needs bbox, segmentation or keypoints.");
        if (fields.Sound && _hasArea && !double.IsFinite(_area)) fields.Fault(DataProblemKind.NotFinite, "area", "is NaN or an infinity.");
        if (fields.Sound && _keypoints is not null && _keypoints.Length % 3 != 0)
        {
            fields.Fault(DataProblemKind.WrongValue, "keypoints", string.Create(CultureInfo.InvariantCulture, $"has {_keypoints.Length} numbers; triples x, y, v are needed."));
        }
        if (!fields.Sound) return false;
        if (_hasBox && (_box.Width < 0 || _box.Height < 0))
        {
            fields.Fault(DataProblemKind.NegativeSize, "bbox", string.Create(CultureInfo.InvariantCulture, $"has the size {_box.Width} x {_box.Height}; sizes are not below 0."));
        }
        if (!_hasBox && _segmentation is RunLengthSegmentation { Mask: var mask }) _box = mask.Bounds;
        AreaIsAssumed = !_hasArea;
        if (!_hasArea) _area = _segmentation is RunLengthSegmentation { Mask: var shape } ? shape.Area : _box.Area;
        if (!_hasKeypointCount && _keypoints is not null) _keypointCount = CountLabelled(_keypoints);
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
        };
        return true;
    }

    private static int CountLabelled(double[] keypoints)
    {
        var count = 0;
        for (var i = 2; i < keypoints.Length; i += 3)
        {
            if (keypoints[i] > 0) count++;
        }
        return count;
    }

    private void TakeMark(ReadOnlySpan<byte> name, JsonScanner scanner)
    {
        var mark = name.SequenceEqual("iscrowd"u8) ? ObjectMarks.Crowd
            : name.SequenceEqual("ignore"u8) ? ObjectMarks.Ignore
            : name.SequenceEqual("difficult"u8) ? ObjectMarks.Difficult
            : name.SequenceEqual("is_group_of"u8) || name.SequenceEqual("isgroupof"u8) || name.SequenceEqual("IsGroupOf"u8) ? ObjectMarks.GroupOf
            : ObjectMarks.None;
        if (mark == ObjectMarks.None || scanner.Peek() is (byte)'"' or (byte)'[' or (byte)'{')
        {
            scanner.Skip();
        }
        else if (!scanner.TryNull() && scanner.ReadFlag())
        {
            _marks |= mark;
        }
    }
}
