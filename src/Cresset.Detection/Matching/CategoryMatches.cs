using System.Runtime.CompilerServices;

namespace Cresset.Detection;

/// <summary>
/// What matching left of one category: a segment per image with the scores of its detections in falling order and, for every
/// detection and layer (area range), one bit per IoU threshold for "hit" and one for "does not count". Everything that any
/// curve needs, and independent of the other images, so that shards can be joined.
/// </summary>
internal sealed class CategoryMatches(long categoryId, int layers)
{
    private long[] _imageIds = [];
    private int[] _starts = [];
    private int[] _positives = [];
    private double[] _scores = [];
    private long[] _sequence = [];
    private ulong[] _hits = [];
    private ulong[] _ignored = [];

    public long CategoryId => categoryId;

    public int Layers => layers;

    public int Segments { get; private set; }

    public int Detections { get; private set; }

    public long ImageId(int segment) => _imageIds[segment];

    public int Start(int segment) => _starts[segment];

    public int End(int segment) => segment + 1 < Segments ? _starts[segment + 1] : Detections;

    public int Positives(int segment, int layer) => _positives[(segment * layers) + layer];

    public ReadOnlySpan<double> Scores => _scores.AsSpan(0, Detections);

    /// <summary>Place of each detection in its file, for protocols that break ties by it.</summary>
    public ReadOnlySpan<long> Sequence => _sequence.AsSpan(0, Detections);

    /// <summary>Hit bits, <c>[detection * layers + layer]</c>.</summary>
    public ReadOnlySpan<ulong> Hits => _hits.AsSpan(0, Detections * layers);

    /// <summary>Ignore bits, <c>[detection * layers + layer]</c>.</summary>
    public ReadOnlySpan<ulong> Ignored => _ignored.AsSpan(0, Detections * layers);

    /// <summary>All objects that count, over all images.</summary>
    public long TotalPositives(int layer)
    {
        long sum = 0;
        for (var s = 0; s < Segments; s++) sum += _positives[(s * layers) + layer];
        return sum;
    }

    public void Reserve(int segments, int detections)
    {
        if (_imageIds.Length < segments)
        {
            Array.Resize(ref _imageIds, segments);
            Array.Resize(ref _starts, segments);
            Array.Resize(ref _positives, segments * layers);
        }
        if (_scores.Length < detections)
        {
            Array.Resize(ref _scores, detections);
            Array.Resize(ref _sequence, detections);
            Array.Resize(ref _hits, detections * layers);
            Array.Resize(ref _ignored, detections * layers);
        }
    }

    /// <summary>Opens a segment and hands out its places to be filled.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public SegmentSlots Append(long imageId, int detections)
    {
        if (Segments == _imageIds.Length || Detections + detections > _scores.Length)
        {
            Reserve(Segments == _imageIds.Length ? Math.Max(16, Segments * 2) : 0, Detections + detections > _scores.Length ? Math.Max(64, (Detections + detections) * 2) : 0);
        }
        var segment = Segments++;
        var start = Detections;
        Detections += detections;
        _imageIds[segment] = imageId;
        _starts[segment] = start;
        return new SegmentSlots
        {
            Scores = _scores.AsSpan(start, detections),
            Sequence = _sequence.AsSpan(start, detections),
            Hits = _hits.AsSpan(start * layers, detections * layers),
            Ignored = _ignored.AsSpan(start * layers, detections * layers),
            Positives = _positives.AsSpan(segment * layers, layers),
        };
    }

    /// <summary>The same segments in ascending order of image ids.</summary>
    public CategoryMatches InImageOrder()
    {
        var sorted = true;
        for (var s = 1; s < Segments && sorted; s++) sorted = _imageIds[s - 1] < _imageIds[s];
        if (sorted) return this;
        var order = new int[Segments];
        for (var s = 0; s < order.Length; s++) order[s] = s;
        var ids = _imageIds.AsSpan(0, Segments).ToArray();
        Array.Sort(ids, order);
        var result = new CategoryMatches(categoryId, layers);
        result.Reserve(Segments, Detections);
        foreach (var s in order) result.CopySegment(this, s);
        return result;
    }

    public void CopySegment(CategoryMatches source, int s)
    {
        var start = source.Start(s);
        var count = source.End(s) - start;
        var slots = Append(source._imageIds[s], count);
        source._scores.AsSpan(start, count).CopyTo(slots.Scores);
        source._sequence.AsSpan(start, count).CopyTo(slots.Sequence);
        source._hits.AsSpan(start * layers, count * layers).CopyTo(slots.Hits);
        source._ignored.AsSpan(start * layers, count * layers).CopyTo(slots.Ignored);
        source._positives.AsSpan(s * layers, layers).CopyTo(slots.Positives);
    }

    public void Write(BinaryWriter writer)
    {
        writer.Write(categoryId);
        writer.Write(Segments);
        writer.Write(Detections);
        for (var s = 0; s < Segments; s++)
        {
            writer.Write(_imageIds[s]);
            writer.Write(End(s) - _starts[s]);
        }
        foreach (var p in _positives.AsSpan(0, Segments * layers)) writer.Write(p);
        foreach (var x in Scores) writer.Write(x);
        foreach (var x in Sequence) writer.Write(x);
        foreach (var x in Hits) writer.Write(x);
        foreach (var x in Ignored) writer.Write(x);
    }

    public static CategoryMatches Read(BinaryReader reader, int layers)
    {
        var matches = new CategoryMatches(reader.ReadInt64(), layers);
        var segments = reader.ReadInt32();
        var detections = reader.ReadInt32();
        var left = reader.BaseStream.Length - reader.BaseStream.Position;
        if (segments < 0 || detections < 0 || left < (segments * (12L + (4 * layers))) + (detections * (16L + (16 * layers)))) throw new InvalidDataException("The state of the evaluator is damaged: its counts do not fit what follows.");
        for (var s = 0; s < segments; s++)
        {
            var image = reader.ReadInt64();
            var count = reader.ReadInt32();
            if (count < 0 || matches.Detections + (long)count > detections) throw new InvalidDataException("The state of the evaluator is damaged: segments do not fit.");
            matches.Append(image, count);
        }
        if (matches.Detections != detections) throw new InvalidDataException("The state of the evaluator is damaged: segments do not fit.");
        for (var i = 0; i < segments * layers; i++) matches._positives[i] = reader.ReadInt32();
        for (var i = 0; i < detections; i++) matches._scores[i] = reader.ReadDouble();
        for (var i = 0; i < detections; i++) matches._sequence[i] = reader.ReadInt64();
        for (var i = 0; i < detections * layers; i++) matches._hits[i] = reader.ReadUInt64();
        for (var i = 0; i < detections * layers; i++) matches._ignored[i] = reader.ReadUInt64();
        return matches;
    }
}

/// <summary>The places of one segment.</summary>
internal ref struct SegmentSlots
{
    public Span<double> Scores;
    public Span<long> Sequence;
    public Span<ulong> Hits;
    public Span<ulong> Ignored;
    public Span<int> Positives;
}
