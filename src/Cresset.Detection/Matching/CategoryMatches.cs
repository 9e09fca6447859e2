using System.Runtime.CompilerServices;

namespace Cresset.Detection;

/// <summary>
/// What matching left of one category: a segment per image with the scores of its detections in falling order and, for every detection and
/// layer (area range), one bit per IoU threshold for "hit" and one for "does not count". Everything that any curve needs, and independent
/// of the other images, so that shards can be joined. The bits are kept as a number of the pattern they form: a detection takes 12 bytes,
/// with its place in the file 16.
/// </summary>
internal sealed class CategoryMatches(long categoryId, int layers)
{
    private long[] _imageIds = [];
    private int[] _starts = [];
    private int[] _positives = [];
    private double[] _scores = [];
    private int[] _patterns = [];
    private int[]? _sequence;
    private ulong[] _hits = [], _ignored = [];
    private int _open;
    private readonly MatchPatterns _known = new(layers);

    public long CategoryId => categoryId;

    public int Layers => layers;

    public int Segments { get; private set; }

    public int Detections { get; private set; }

    public long ImageId(int segment) => _imageIds[segment];

    public int Start(int segment) => _starts[segment];

    public int End(int segment) => segment + 1 < Segments ? _starts[segment + 1] : Detections;

    public int Positives(int segment, int layer) => _positives[(segment * layers) + layer];

    public ReadOnlySpan<double> Scores => _scores.AsSpan(0, Detections);

    /// <summary>Place of a detection in its file, for protocols that break ties by it; 0 where nobody noted it.</summary>
    public int Sequence(int detection) => _sequence is null ? 0 : _sequence[detection];

    /// <summary>Hit bits of a detection, one for each threshold.</summary>
    public ulong Hits(int detection, int layer) => _known.Hits(_patterns[detection], layer);

    /// <summary>Ignore bits of a detection.</summary>
    public ulong Ignored(int detection, int layer) => _known.Ignored(_patterns[detection], layer);

    /// <summary>Pattern of each detection, and what the patterns are.</summary>
    public (int[] Patterns, MatchPatterns Known) Bits => (_patterns, _known);

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
            Array.Resize(ref _patterns, detections);
            if (_sequence is not null) Array.Resize(ref _sequence, detections);
        }
    }

    /// <summary>Opens a segment and hands out its places to be filled; <see cref="Seal"/> closes it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public SegmentSlots Append(long imageId, int detections, bool inFileOrder = false)
    {
        if (Segments == _imageIds.Length || Detections + detections > _scores.Length)
        {
            Reserve(Segments == _imageIds.Length ? Math.Max(16, Grown(Segments)) : 0, Detections + detections > _scores.Length
                ? Math.Max(64, Grown(Detections + detections)) : 0);
        }
        if (inFileOrder) _sequence ??= new int[_scores.Length];
        if (_hits.Length < detections * layers)
        {
            (_hits, _ignored) = (new ulong[2 * detections * layers], new ulong[2 * detections * layers]);
        }
        _hits.AsSpan(0, detections * layers).Clear();
        _ignored.AsSpan(0, detections * layers).Clear();
        _open = detections;
        var segment = Segments++;
        var start = Detections;
        Detections += detections;
        _imageIds[segment] = imageId;
        _starts[segment] = start;
        return new SegmentSlots
        {
            Scores = _scores.AsSpan(start, detections),
            Sequence = _sequence is null ? default : _sequence.AsSpan(start, detections),
            Hits = _hits.AsSpan(0, detections * layers),
            Ignored = _ignored.AsSpan(0, detections * layers),
            Positives = _positives.AsSpan(segment * layers, layers),
        };
    }

    /// <summary>Keeps the bits of the segment that was opened last.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Seal()
    {
        var start = Detections - _open;
        for (var i = 0; i < _open; i++) _patterns[start + i] = _known.NumberOf(_hits.AsSpan(i * layers, layers),
            _ignored.AsSpan(i * layers, layers));
        _open = 0;
    }

    /// <summary>The same segments, scores and places with no bit set; they are shared and must not grow.</summary>
    public CategoryMatches Blank() => new(categoryId, layers)
    {
        _imageIds = _imageIds,
        _starts = _starts,
        _scores = _scores,
        _sequence = _sequence,
        _positives = new int[Segments * layers],
        _patterns = new int[Detections],
        Segments = Segments,
        Detections = Detections,
    };

    /// <summary>The places of a segment whose bits are to be found anew; <see cref="Reseal"/> keeps them.</summary>
    public SegmentSlots Reopen(int segment)
    {
        int start = Start(segment), bits = (End(segment) - start) * layers;
        if (_hits.Length < bits) (_hits, _ignored) = (new ulong[2 * bits], new ulong[2 * bits]);
        _hits.AsSpan(0, bits).Clear();
        _ignored.AsSpan(0, bits).Clear();
        return new SegmentSlots
        {
            Scores = _scores.AsSpan(start, End(segment) - start),
            Sequence = _sequence is null ? default : _sequence.AsSpan(start, End(segment) - start),
            Hits = _hits.AsSpan(0, bits),
            Ignored = _ignored.AsSpan(0, bits),
            Positives = _positives.AsSpan(segment * layers, layers),
        };
    }

    /// <summary>Keeps the bits of a segment that was opened again.</summary>
    public void Reseal(int segment)
    {
        int start = Start(segment), count = End(segment) - start;
        for (var i = 0; i < count; i++)
        {
            _patterns[start + i] = _known.NumberOf(_hits.AsSpan(i * layers, layers), _ignored.AsSpan(i * layers, layers));
        }
    }

    // Small lists double; what is large must not reserve as much again.
    private static int Grown(int count) => count < 1 << 16 ? count * 2 : count + (count / 4);

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
        var slots = Append(source._imageIds[s], count, source._sequence is not null);
        source._scores.AsSpan(start, count).CopyTo(slots.Scores);
        if (source._sequence is { } sequence) sequence.AsSpan(start, count).CopyTo(slots.Sequence);
        else slots.Sequence.Clear();
        for (var i = 0; i < count; i++)
        {
            for (var l = 0; l < layers; l++) (slots.Hits[(i * layers) + l], slots.Ignored[(i * layers) + l]) = (source.Hits(start + i, l),
                source.Ignored(start + i, l));
        }
        source._positives.AsSpan(s * layers, layers).CopyTo(slots.Positives);
        Seal();
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
        for (var i = 0; i < Detections; i++) writer.Write((long)Sequence(i));
        for (var i = 0; i < Detections; i++)
        {
            for (var l = 0; l < layers; l++) writer.Write(Hits(i, l));
        }
        for (var i = 0; i < Detections; i++)
        {
            for (var l = 0; l < layers; l++) writer.Write(Ignored(i, l));
        }
    }

    public static CategoryMatches Read(BinaryReader reader, int layers)
    {
        var matches = new CategoryMatches(reader.ReadInt64(), layers);
        var segments = reader.ReadInt32();
        var detections = reader.ReadInt32();
        var left = reader.BaseStream.Length - reader.BaseStream.Position;
        if (segments < 0 || detections < 0 || left < (segments * (12L + (4 * layers))) + (detections * (16L + (16 * layers))))
        {
            throw new InvalidDataException("The state of the evaluator is damaged: its counts do not fit what follows.");
        }
        for (var s = 0; s < segments; s++)
        {
            var image = reader.ReadInt64();
            var count = reader.ReadInt32();
            if (count < 0 || matches.Detections + (long)count > detections)
            {
                throw new InvalidDataException("The state of the evaluator is damaged: segments do not fit.");
            }
            matches.Append(image, count);
            matches.Seal();
        }
        if (matches.Detections != detections) throw new InvalidDataException("The state of the evaluator is damaged: segments do not fit.");
        for (var i = 0; i < segments * layers; i++) matches._positives[i] = reader.ReadInt32();
        for (var i = 0; i < detections; i++) matches._scores[i] = reader.ReadDouble();
        for (var i = 0; i < detections; i++)
        {
            var place = reader.ReadInt64();
            if (place is < 0 or > int.MaxValue)
            {
                throw new InvalidDataException($"The state of the evaluator is damaged: a detection has the place {place}.");
            }
            if (place != 0) (matches._sequence ??= new int[matches._scores.Length])[i] = (int)place;
        }
        var hits = new ulong[detections * layers];
        for (var i = 0; i < hits.Length; i++) hits[i] = reader.ReadUInt64();
        var ignored = new ulong[layers];
        for (var i = 0; i < detections; i++)
        {
            for (var l = 0; l < layers; l++) ignored[l] = reader.ReadUInt64();
            matches._patterns[i] = matches._known.NumberOf(hits.AsSpan(i * layers, layers), ignored);
        }
        return matches;
    }
}

/// <summary>The places of one segment.</summary>
internal ref struct SegmentSlots
{
    public Span<double> Scores;
    public Span<int> Sequence;
    public Span<ulong> Hits;
    public Span<ulong> Ignored;
    public Span<int> Positives;
}
