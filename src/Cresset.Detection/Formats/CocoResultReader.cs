using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Cresset.Detection;

/// <summary>Reads the list of a COCO result file.</summary>
internal sealed class CocoResultReader
{
    private const int HasImage = 1, HasCategory = 2, HasScore = 4, HasBox = 8, HasMask = 16, HasKeypoints = 32;
    private const int ChunkSize = 1 << 14;
    private static readonly string[] Wrappers = ["annotations", "results", "predictions", "detections"];
    private readonly JsonScanner _scanner;
    private readonly FaultDesk _desk;
    private readonly CocoRecordFields _fields;
    private readonly ResultNames _names;
    private RecordParts _parts;
    private readonly CancellationToken _cancellation;
    private readonly List<DetectedObject[]> _chunks = [];
    private DetectedObject[] _chunk = new DetectedObject[ChunkSize];
    private readonly int[] _order = new int[8];
    private int _used;
    private long _records, _lost;

    public CocoResultReader(JsonScanner scanner, FaultDesk desk, DetectionDataset? dataset, RecordParts parts,
        CancellationToken cancellation)
    {
        _scanner = scanner;
        _desk = desk;
        _parts = parts;
        _cancellation = cancellation;
        _fields = new CocoRecordFields(scanner, desk);
        _names = new ResultNames(scanner, desk, dataset);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Read()
    {
        _scanner.WhereList = "results";
        if (_scanner.Peek() == '{') ReadWrapped();
        else if (_scanner.Peek() != '[') throw _scanner.Structure("results must be one list.");
        else ReadRecords();
        if (_scanner.Peek() != 0) throw _scanner.Unexpected("the end of the file");
        _names.Finish();
    }

    /// <summary>What the records are read for.</summary>
    public RecordParts Parts => _parts;

    /// <summary>Detections read so far.</summary>
    public int Count => (_chunks.Count * ChunkSize) + _used;

    /// <summary>Faults and notes met.</summary>
    public int FaultCount => _desk.Report.Total;

    /// <summary>Reads the bracket and the first record of a plain list; false when it is not such a list or ends there.</summary>
    public bool BeginPiece()
    {
        _scanner.WhereList = "results";
        if (_scanner.Peek() != '[') return false;
        _scanner.Expect((byte)'[');
        if (_scanner.Peek() != '{') return false;
        _scanner.WhereIndex = 0;
        _records++;
        ReadRecord();
        return _scanner.NextElement((byte)']');
    }

    /// <summary>
    /// Reads records up to the one that begins at an offset, or to the end of the file; false when no record begins there.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool ReadPiece(long stop)
    {
        _scanner.WhereList = "results";
        // No record of a piece is the first of the file.
        _scanner.WhereIndex = 1;
        do
        {
            if (_scanner.Peek() != '{') return false;
            if (_scanner.Offset >= stop) return _scanner.Offset == stop;
            if ((++_records & 0xFFF) == 0) _cancellation.ThrowIfCancellationRequested();
            ReadRecord();
        }
        while (_scanner.NextElement((byte)']'));
        return stop == long.MaxValue && _scanner.Peek() == 0;
    }

    /// <summary>Moves the detections to their place; gives their number.</summary>
    public int MoveTo(Span<DetectedObject> all)
    {
        var count = Count;
        for (var i = 0; i < _chunks.Count; i++)
        {
            _chunks[i].CopyTo(all[(i * ChunkSize)..]);
            _chunks[i] = [];
        }
        _chunk.AsSpan(0, _used).CopyTo(all[(_chunks.Count * ChunkSize)..]);
        _chunks.Clear();
        _used = 0;
        return count;
    }

    /// <summary>Some tools put the list into an object, as ground truth has it.</summary>
    private void ReadWrapped()
    {
        string? taken = null;
        var first = _scanner.Offset;
        _scanner.Expect((byte)'{');
        if (!_scanner.TryTake((byte)'}'))
        {
            do
            {
                var name = Encoding.UTF8.GetString(_scanner.ReadName());
                if (taken is null && Array.IndexOf(Wrappers, name) >= 0 && _scanner.Peek() == '[')
                {
                    taken = name;
                    _scanner.WhereList = name;
                    ReadRecords();
                    _scanner.WhereList = "results";
                    _scanner.WhereIndex = -1;
                }
                else if (Array.IndexOf(Wrappers, name) >= 0)
                {
                    throw _scanner.Structure($"results must be one list; this object holds {taken ?? "no list"} and {name}.");
                }
                else
                {
                    _scanner.Skip();
                }
            }
            while (_scanner.NextElement((byte)'}'));
        }
        if (taken is null)
        {
            throw _scanner.Structure("results must be one list; this is an object without a list " + string.Join(", ", Wrappers) + ".");
        }
        _desk.Note(DataProblemKind.Layout, "results", "", $"is an object; its list {taken} was taken.", first);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ReadRecords()
    {
        _scanner.Expect((byte)'[');
        if (_scanner.TryTake((byte)']')) return;
        do
        {
            _scanner.WhereIndex++;
            if ((_scanner.WhereIndex & 0xFFF) == 0) _cancellation.ThrowIfCancellationRequested();
            _records++;
            if (_scanner.Peek() == '{') ReadRecord();
            else SkipWrongRecord();
        }
        while (_scanner.NextElement((byte)']'));
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
        _names.Number(all);
        _desk.Tally(_records, _lost);
        return all;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ReadRecord()
    {
        _scanner.Expect((byte)'{');
        _fields.Sound = true;
        int have = 0, broken = 0;
        long image = 0, category = 0;
        double score = 0;
        Box box = default, bounds = default;
        Segmentation? mask = null;
        double[]? keypoints = null;
        var hasBounds = false;
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
                        image = _fields.Id("image_id", _names.Images);
                        break;
                    case HasCategory:
                        category = _fields.Id("category_id", _names.Categories);
                        break;
                    case HasBox:
                        if (!_fields.TryBox("bbox", out box)) field = _fields.Sound ? 0 : HasBox;
                        break;
                    case HasScore:
                        score = _fields.Number("score");
                        break;
                    case HasMask when (_parts & RecordParts.Masks) != 0 || first:
                        mask = _fields.Segmentation("segmentation");
                        break;
                    case HasMask when (have & HasBox) == 0:
                        hasBounds |= _fields.TryBounds(out bounds);
                        break;
                    case HasKeypoints when _scanner.TryNull():
                        field = 0;
                        break;
                    case HasKeypoints when (_parts & RecordParts.Keypoints) != 0 || first || ((have & HasBox) == 0 && !hasBounds):
                        keypoints = _fields.Numbers("keypoints");
                        break;
                    default:
                        _scanner.Skip();
                        break;
                }
                have |= field;
                if (_fields.TakeFault()) broken |= field;
            }
            while (_scanner.NextElement((byte)'}'));
        }
        if (((broken | ~have) & (HasImage | HasCategory)) != 0)
        {
            Drop(have);
            return;
        }
        if (!_names.Find(ref image, ref category))
        {
            _lost++;
            return;
        }
        broken |= Faults(have, broken, box, score, mask, keypoints, hasBounds, image);
        if ((have & HasBox) == 0)
        {
            // Results without boxes get them from their shapes, so the shapes of all the others are needed too.
            if (first) _parts |= RecordParts.All;
            box = mask is not null || keypoints is not null ? ShapeBounds.Of(mask, keypoints) : hasBounds ? bounds : Box.Nowhere;
        }
        Keep(new DetectedObject(image, category, (broken & (HasBox | HasScore)) != 0 ? Box.Nowhere : box, (broken & HasScore) != 0
            ? DetectedObject.FirstRank : score)
        {
            Shape = mask is not null || keypoints is not null || (have & HasBox) == 0 || broken != 0
                ? new DetectionShape
                {
                    Segmentation = mask,
                    Keypoints = keypoints,
                    HasBox = (have & HasBox) != 0,
                    FromFile = true,
                    CannotHit = broken != 0
                }
                : null,
        });
    }

    private void Keep(in DetectedObject detection)
    {
        if (_used == ChunkSize)
        {
            _chunks.Add(_chunk);
            _chunk = new DetectedObject[ChunkSize];
            _used = 0;
        }
        _chunk[_used++] = detection;
    }

    /// <summary>A record that belongs to no image or category cannot stay, not even as a miss.</summary>
    private void Drop(int have)
    {
        _lost++;
        var missing = (have & HasImage) == 0 ? "image_id" : (have & HasCategory) == 0 ? "category_id" : null;
        if (missing is not null) _fields.Fault(DataProblemKind.MissingField, missing, "is missing.");
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
            HasMask => _scanner.TryTakeLiteral("\"segmentation\":"u8),
            HasKeypoints => _scanner.TryTakeLiteral("\"keypoints\":"u8),
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
        // Detectors of oriented boxes write their four corners under "poly".
        if (name.SequenceEqual("segmentation"u8) || name.SequenceEqual("poly"u8)) return HasMask;
        return name.SequenceEqual("keypoints"u8) ? HasKeypoints : 0;
    }

    /// <summary>
    /// What is missing or broken in a record, as flags; leniently such a record stays as a miss ranked by its score, or first.
    /// </summary>
    private int Faults(int have, int broken, in Box box, double score, Segmentation? mask, double[]? keypoints, bool hasBounds, long image)
    {
        var found = 0;
        if ((have & HasScore) == 0)
        {
            _fields.Fault(DataProblemKind.MissingField, "score", "is missing.");
            found |= HasScore;
        }
        else if (!double.IsFinite(score))
        {
            _desk.Fault(DataProblemKind.NotFinite, _scanner.Where, "score",
                "is not finite; a score is needed. Read leniently, the detection is ranked last.",
                _scanner.Offset);
        }
        if ((have & (HasBox | HasMask | HasKeypoints)) == 0)
        {
            _fields.Fault(DataProblemKind.MissingField, "bbox", "is missing; a result needs bbox, segmentation or keypoints.");
            found |= HasBox;
        }
        else if ((have & HasBox) == 0 && mask is null && keypoints is null && !hasBounds && (broken & (HasMask | HasKeypoints)) == 0)
        {
            _fields.Fault(DataProblemKind.MissingField, "bbox", "is missing, and the result has no other shape that gives one.");
            found |= HasBox;
        }
        if ((have & HasBox) != 0 && (broken & HasBox) == 0 && (box.Width < 0 || box.Height < 0)) NegativeSize(box);
        if (keypoints is not null && keypoints.Length % 3 != 0)
        {
            _fields.Fault(DataProblemKind.WrongValue, "keypoints",
                string.Create(CultureInfo.InvariantCulture, $"has {keypoints.Length} numbers; triples x, y, v are needed."));
            found |= HasKeypoints;
        }
        if (_desk.Needs != 0) found |= MissingShapes(mask, keypoints, broken, image, (have & HasBox) != 0);
        return found;
    }

    private int MissingShapes(Segmentation? mask, double[]? keypoints, int broken, long image, bool hasBox)
    {
        var found = 0;
        if ((_desk.Needs & RecordParts.Masks) != 0 && (broken & HasMask) == 0)
        {
            if (mask is null && hasBox)
            {
                _desk.Note(DataProblemKind.AssumedMask, _scanner.Where, "segmentation",
                    "is missing; the box stands in for it, as in pycocotools.", _scanner.Offset);
            }
            else if (mask is null)
            {
                _fields.Fault(DataProblemKind.MissingField, "segmentation", "is missing; masks are asked for.");
                found |= HasMask;
            }
            else if (mask is RunLengthSegmentation { Mask: var m } && _names.Image(image) is { Width: > 0, Height: > 0 } i
                && (m.Width != i.Width || m.Height != i.Height))
            {
                _fields.Fault(DataProblemKind.BadMask, "segmentation",
                    $"is {m.Height} x {m.Width}, its image {i.Height} x {i.Width} (height x width); masks have the size of their image.");
                found |= HasMask;
            }
        }
        if ((_desk.Needs & RecordParts.Keypoints) != 0 && keypoints is null && (broken & HasKeypoints) == 0)
        {
            _fields.Fault(DataProblemKind.MissingField, "keypoints", "is missing; keypoints are asked for.");
            found |= HasKeypoints;
        }
        return found;
    }

    private void NegativeSize(Box box)
        => _desk.Fault(DataProblemKind.NegativeSize, _scanner.Where, "bbox",
            string.Create(CultureInfo.InvariantCulture, $"has the size {box.Width} x {box.Height}; sizes are not below 0."),
            _scanner.Offset);

    private void SkipWrongRecord()
    {
        var offset = _scanner.Offset;
        _scanner.Skip();
        _lost++;
        _desk.Fault(DataProblemKind.WrongValue, _scanner.Where, "", "is not an object.", offset);
    }
}
