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
    private readonly RecordParts _parts;
    private readonly CancellationToken _cancellation;
    private readonly List<Detection[]> _chunks = [];
    private Detection[] _chunk = new Detection[ChunkSize];
    private int _used;
    private long _lastImage = long.MinValue, _lastCategory = long.MinValue;

    public CocoResultReader(JsonScanner scanner, FaultDesk desk, DetectionDataset? dataset, RecordParts parts, CancellationToken cancellation)
    {
        _scanner = scanner;
        _desk = desk;
        _dataset = dataset;
        _parts = parts;
        _cancellation = cancellation;
        _fields = new CocoRecordFields(scanner, desk);
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

    public Detection[] ToArray()
    {
        var all = new Detection[(_chunks.Count * ChunkSize) + _used];
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
        if (!_scanner.TryTake((byte)'}'))
        {
            do
            {
                var name = _scanner.ReadName();
                if (name.SequenceEqual("image_id"u8))
                {
                    image = _fields.Integer("image_id");
                    have |= HasImage;
                }
                else if (name.SequenceEqual("category_id"u8))
                {
                    category = _fields.Integer("category_id");
                    have |= HasCategory;
                }
                else if (name.SequenceEqual("bbox"u8))
                {
                    if (_fields.TryBox("bbox", out box)) have |= HasBox;
                }
                else if (name.SequenceEqual("score"u8))
                {
                    score = _fields.Number("score");
                    have |= HasScore;
                }
                else if (name.SequenceEqual("segmentation"u8))
                {
                    have |= HasMask;
                    if ((_parts & RecordParts.Masks) != 0) mask = _fields.Segmentation("segmentation");
                    else _scanner.Skip();
                }
                else if (name.SequenceEqual("keypoints"u8))
                {
                    have |= HasKeypoints;
                    if ((_parts & RecordParts.Keypoints) != 0) keypoints = _fields.Numbers("keypoints");
                    else _scanner.Skip();
                }
                else
                {
                    _scanner.Skip();
                }
            }
            while (_scanner.NextElement((byte)'}'));
        }
        if (!_fields.Sound || !Complete(have, keypoints) || !Plausible(have, image, category, box, score)) return;
        DetectionShape? shape = null;
        if (mask is not null || keypoints is not null || (have & HasBox) == 0)
        {
            shape = new DetectionShape { Segmentation = mask, Keypoints = keypoints, HasBox = (have & HasBox) != 0 };
        }
        if (_used == ChunkSize)
        {
            _chunks.Add(_chunk);
            _chunk = new Detection[ChunkSize];
            _used = 0;
        }
        _chunk[_used++] = new Detection { ImageId = image, CategoryId = category, Box = box, Score = score, Shape = shape };
    }

    private bool Complete(int have, double[]? keypoints)
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
        if (_dataset is null || (image == _lastImage && category == _lastCategory)) return true;
        if (_dataset.FindImage(image) is null)
        {
            _desk.Fault(DataProblemKind.UnknownImage, _scanner.Where, "image_id", string.Create(CultureInfo.InvariantCulture, $"is {image}; the data set has no such image."), _scanner.Offset);
            return false;
        }
        if (_dataset.FindCategory(category) is null)
        {
            _desk.Fault(DataProblemKind.UnknownCategory, _scanner.Where, "category_id", string.Create(CultureInfo.InvariantCulture, $"is {category}; the data set has no such category."), _scanner.Offset);
            return true;
        }
        _lastImage = image;
        _lastCategory = category;
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
