using System.Globalization;
using System.Runtime.CompilerServices;

namespace Cresset.Detection;

/// <summary>Reads the list of a COCO result file.</summary>
internal sealed class CocoResultReader
{
    private const int HasImage = 1, HasCategory = 2, HasScore = 4, HasBox = 8, HasMask = 16, HasKeypoints = 32;
    private const int ChunkSize = 1 << 14;
    private readonly JsonScanner _scanner;
    private readonly FaultDesk _desk;
    private readonly CocoRecordFields _fields;
    private readonly DetectionDataset? _dataset;
    private RecordParts _parts;
    private readonly CancellationToken _cancellation;
    private readonly List<DetectedObject[]> _chunks = [];
    private DetectedObject[] _chunk = new DetectedObject[ChunkSize];
    private readonly int[] _order = new int[8];
    private int _used;
    private long _lastImage = long.MinValue;
    private readonly IdSet _knownCategories;

    public CocoResultReader(JsonScanner scanner, FaultDesk desk, DetectionDataset? dataset, RecordParts parts, CancellationToken cancellation)
    {
        _scanner = scanner;
        _desk = desk;
        _dataset = dataset;
        _parts = parts;
        _cancellation = cancellation;
        _fields = new CocoRecordFields(scanner, desk);
        _knownCategories = new IdSet(dataset?.Categories.Select(c => c.Id) ?? []);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Read()
    {
        _scanner.WhereList = "results";
        if (_scanner.Peek() != '[') throw NotAList();
        _scanner.Expect((byte)'[');
        if (!_scanner.TryTake((byte)']'))
        {
            do
            {
                _scanner.WhereIndex++;
                if ((_scanner.WhereIndex & 0xFFF) == 0) _cancellation.ThrowIfCancellationRequested();
                if (_scanner.Peek() == '{') ReadRecord();
                else SkipWrongRecord();
            }
            while (_scanner.NextElement((byte)']'));
        }
        if (_scanner.Peek() != 0) throw _scanner.Unexpected("the end of the file");
    }

    public DetectedObject[] ToArray()
    {
        var all = new DetectedObject[(_chunks.Count * ChunkSize) + _used];
        for (var i = 0; i < _chunks.Count; i++)
        {
            _chunks[i].CopyTo(all, i * ChunkSize);
            _chunks[i] = [];
        }
        _chunk.AsSpan(0, _used).CopyTo(all.AsSpan(_chunks.Count * ChunkSize));
        return all;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ReadRecord()
    {
        _scanner.Expect((byte)'{');
        _fields.Sound = true;
        var have = 0;
        long image = 0, category = 0;
        double score = 0;
        Box box = default;
        Segmentation? mask = null;
        double[]? keypoints = null;
        var place = 0;
        var first = _scanner.WhereIndex == 0;
        if (!_scanner.TryTake((byte)'}'))
        {
            do
            {
                var field = NextField(place++);
                switch (field)
                {
                    case HasImage:
                        image = _fields.Integer("image_id");
                        break;
                    case HasCategory:
                        category = _fields.Integer("category_id");
                        break;
                    case HasBox:
                        if (!_fields.TryBox("bbox", out box)) field = 0;
                        break;
                    case HasScore:
                        score = _fields.Number("score");
                        break;
                    case HasMask when (_parts & RecordParts.Masks) != 0 || first:
                        mask = _fields.Segmentation("segmentation");
                        break;
                    case HasKeypoints when (_parts & RecordParts.Keypoints) != 0 || first:
                        keypoints = _fields.Numbers("keypoints");
                        break;
                    default:
                        _scanner.Skip();
                        break;
                }
                have |= field;
            }
            while (_scanner.NextElement((byte)'}'));
        }
        if (!_fields.Sound || !Complete(have, mask, keypoints) || !Plausible(have, image, category, box, score)) return;
        if ((have & HasBox) == 0)
        {
            // Results without boxes get them from their shapes, so the shapes of all the others are needed too.
            if (first) _parts |= RecordParts.All;
            box = ShapeBounds.Of(mask, keypoints);
        }
        DetectionShape? shape = null;
        if (mask is not null || keypoints is not null || (have & HasBox) == 0)
        {
            shape = new DetectionShape { Segmentation = mask, Keypoints = keypoints, HasBox = (have & HasBox) != 0 };
        }
        if (_used == ChunkSize)
        {
            _chunks.Add(_chunk);
            _chunk = new DetectedObject[ChunkSize];
            _used = 0;
        }
        _chunk[_used++] = new DetectedObject { ImageId = image, CategoryId = category, Box = box, Score = score, Shape = shape };
    }

    /// <summary>The name of the next member as its flag, 0 for others. Records mostly repeat the order of the one before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int NextField(int place)
    {
        var guess = place < _order.Length ? _order[place] : 0;
        var right = guess switch
        {
            HasImage => _scanner.TryTakeLiteral("\"image_id\":"u8),
            HasCategory => _scanner.TryTakeLiteral("\"category_id\":"u8),
            HasBox => _scanner.TryTakeLiteral("\"bbox\":"u8),
            HasScore => _scanner.TryTakeLiteral("\"score\":"u8),
            _ => false,
        };
        if (right) return guess;
        var field = ReadField();
        if (place < _order.Length) _order[place] = field;
        return field;
    }

    private int ReadField()
    {
        var name = _scanner.ReadName();
        if (name.SequenceEqual("image_id"u8)) return HasImage;
        if (name.SequenceEqual("category_id"u8)) return HasCategory;
        if (name.SequenceEqual("bbox"u8)) return HasBox;
        if (name.SequenceEqual("score"u8)) return HasScore;
        if (name.SequenceEqual("segmentation"u8)) return HasMask;
        return name.SequenceEqual("keypoints"u8) ? HasKeypoints : 0;
    }

    private bool Complete(int have, Segmentation? mask, double[]? keypoints)
    {
        const int Required = HasImage | HasCategory | HasScore;
        if ((have & Required) != Required)
        {
            var missing = (have & HasImage) == 0 ? "image_id" : (have & HasCategory) == 0 ? "category_id" : "score";
            _fields.Fault(DataProblemKind.MissingField, missing, "is missing.");
        }
        else if ((have & (HasBox | HasMask | HasKeypoints)) == 0)
        {
            _fields.Fault(DataProblemKind.MissingField, "bbox", "is missing; a result needs bbox, segmentation or keypoints.");
        }
        else if ((have & HasBox) == 0 && mask is null && keypoints is null)
        {
            _fields.Fault(DataProblemKind.MissingField, "bbox", "is missing, and the result has no other shape that is read.");
        }
        else if (keypoints is not null && keypoints.Length % 3 != 0)
        {
            _fields.Fault(DataProblemKind.WrongValue, "keypoints", string.Create(CultureInfo.InvariantCulture, $"has {keypoints.Length} numbers; triples x, y, v are needed."));
        }
        return _fields.Sound;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Plausible(int have, long image, long category, in Box box, double score)
    {
        if (!double.IsFinite(score)) _desk.Fault(DataProblemKind.NotFinite, _scanner.Where, "score", "is NaN or an infinity; a NaN is ranked last.", _scanner.Offset);
        if ((have & HasBox) != 0 && (box.Width < 0 || box.Height < 0)) NegativeSize(box);
        if (_dataset is null) return true;
        if (image != _lastImage)
        {
            if (_dataset.FindImage(image) is null)
            {
                _desk.Fault(DataProblemKind.UnknownImage, _scanner.Where, "image_id", string.Create(CultureInfo.InvariantCulture, $"is {image}; the data set has no such image."), _scanner.Offset);
                return false;
            }
            _lastImage = image;
        }
        if (!_knownCategories.Contains(category))
        {
            _desk.Fault(DataProblemKind.UnknownCategory, _scanner.Where, "category_id", string.Create(CultureInfo.InvariantCulture, $"is {category}; the data set has no such category."), _scanner.Offset);
        }
        return true;
    }

    private void NegativeSize(Box box)
        => _desk.Fault(DataProblemKind.NegativeSize, _scanner.Where, "bbox", string.Create(CultureInfo.InvariantCulture, $"has the size {box.Width} x {box.Height}; sizes are not below 0."), _scanner.Offset);

    private void SkipWrongRecord()
    {
        var offset = _scanner.Offset;
        _scanner.Skip();
        _desk.Fault(DataProblemKind.WrongValue, _scanner.Where, "", "is not an object.", offset);
    }

    private DetectionFormatException NotAList()
        => _scanner.Broken(_scanner.Peek() == '{' ? "results must be one list; this is an object (a ground-truth file?)" : "results must be one list");
}
