namespace Cresset.Detection;

/// <summary>
/// A binary mask as run lengths down the columns of an image: counts of zeros and ones in turn, zeros first (the encoding of the COCO mask
/// code).
/// </summary>
public sealed partial class RunLengthMask : IEquatable<RunLengthMask>
{
    /// <summary>The runs, or null as long as only the compressed text is held.</summary>
    private uint[]? _runs;
    private readonly MaskText _text;
    private MaskMeasure _measure;
    private volatile bool _measured;

    /// <summary>Takes run lengths; they must sum to <c>height * width</c>.</summary>
    /// <exception cref="ArgumentException">The sizes or the sum are wrong.</exception>
    public RunLengthMask(int height, int width, ReadOnlySpan<uint> counts)
        : this(height, width, counts.ToArray())
    {
        var problem = Check(height, width, counts);
        if (problem is not null) throw new ArgumentException(problem, nameof(counts));
    }

    private RunLengthMask(int height, int width, uint[] counts)
    {
        Height = height;
        Width = width;
        _runs = counts;
    }

    private RunLengthMask(int height, int width, MaskText text, in MaskMeasure measure)
    {
        Height = height;
        Width = width;
        _text = text;
        _measure = measure;
        _measured = true;
    }

    /// <summary>Rows of the image.</summary>
    public int Height { get; }

    /// <summary>Columns of the image.</summary>
    public int Width { get; }

    /// <summary>The run lengths.</summary>
    public ReadOnlySpan<uint> Counts => Runs;

    /// <summary>Number of set pixels.</summary>
    public long Area => Measure.Area;

    /// <summary>The smallest box around the set pixels; all zero when there are none.</summary>
    public Box Bounds => Measure.Bounds;

    private uint[] Runs => _runs ??= _text.Decode(Measure.Runs);

    /// <summary>Area and bounds, measured once; threads that do it at the same time find the same.</summary>
    private ref readonly MaskMeasure Measure
    {
        get
        {
            if (_measured) return ref _measure;
            _measure = MaskMeasure.Of(_runs!, Height);
            _measured = true;
            return ref _measure;
        }
    }

    /// <summary>A mask without any set pixel.</summary>
    internal static RunLengthMask Empty(int height, int width) => new(height, width, [(uint)((long)height * width)]);

    /// <summary>The mask of a bitmap given column by column (<c>pixels[x * height + y]</c>); anything but zero is set.</summary>
    public static RunLengthMask Encode(ReadOnlySpan<byte> pixels, int height, int width)
    {
        if (height < 0 || width < 0 || (long)height * width != pixels.Length)
        {
            throw new ArgumentException($"pixels has {pixels.Length} values; height {height} times width {width} is needed.",
                nameof(pixels));
        }
        var counts = new List<uint>();
        var current = false;
        uint run = 0;
        foreach (var pixel in pixels)
        {
            if (pixel != 0 != current)
            {
                counts.Add(run);
                run = 0;
                current = !current;
            }
            run++;
        }
        counts.Add(run);
        return new RunLengthMask(height, width, counts.ToArray());
    }

    /// <summary>The bitmap column by column (<c>[x * height + y]</c>), ones and zeros.</summary>
    public byte[] Decode()
    {
        var pixels = new byte[checked(Height * Width)];
        var position = 0;
        var runs = Runs;
        for (var i = 0; i < runs.Length; i++)
        {
            var run = (int)runs[i];
            if (i % 2 == 1) pixels.AsSpan(position, run).Fill(1);
            position += run;
        }
        return pixels;
    }

    /// <summary>Pixels that are set in any of the masks; they must have one size.</summary>
    public static RunLengthMask Union(params ReadOnlySpan<RunLengthMask> masks) => Merge(masks, intersect: false);

    /// <summary>Pixels that are set in all of the masks; they must have one size.</summary>
    public static RunLengthMask Intersect(params ReadOnlySpan<RunLengthMask> masks) => Merge(masks, intersect: true);

    /// <summary>
    /// Intersection over union with <paramref name="other"/>; when that one is a crowd, intersection over this mask's area.
    /// Masks of different size give -1 where their boxes overlap, else 0.
    /// </summary>
    public double Iou(RunLengthMask other, bool otherIsCrowd = false)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (!(BoxOverlap.Iou(Bounds, other.Bounds, otherIsCrowd) > 0)) return 0;
        MaskIntervals own = new(), others = new();
        CopyTo(own);
        other.CopyTo(others);
        return Overlap(own, other, others, otherIsCrowd);
    }

    /// <summary>The overlap of two masks whose bounds have been compared and whose set runs are at hand.</summary>
    internal double Overlap(MaskIntervals own, RunLengthMask other, MaskIntervals others, bool otherIsCrowd)
    {
        if (Height != other.Height || Width != other.Width) return -1;
        // Where both have empty runs inside, the reference's walk may stop early; it has to be walked as it does.
        if (Measure.HasEmptyRuns && other.Measure.HasEmptyRuns) return OverlapOfRuns(other, otherIsCrowd);
        var common = own.Common(others);
        return common == 0 ? 0 : (double)common / (otherIsCrowd ? Area : Area + other.Area - common);
    }

    /// <summary>Start and end of every set run, in column order.</summary>
    internal void CopyTo(MaskIntervals intervals)
    {
        if (_runs is not null) intervals.Fill(_runs);
        else _text.CopyTo(intervals, Measure.Runs);
    }

    /// <summary>The walk over both lists of runs, step by step as the reference takes it.</summary>
    private double OverlapOfRuns(RunLengthMask other, bool otherIsCrowd)
    {
        if (Height != other.Height || Width != other.Width) return -1;
        uint[] ra = Runs, rb = other.Runs;
        uint ca = ra[0], cb = rb[0];
        int a = 1, b = 1;
        long intersection = 0, union = 0;
        bool inA = false, inB = false, more = true;
        while (more)
        {
            var step = Math.Min(ca, cb);
            if (inA || inB)
            {
                union += step;
                if (inA && inB) intersection += step;
            }
            ca -= step;
            if (ca == 0 && a < ra.Length)
            {
                ca = ra[a++];
                inA = !inA;
            }
            cb -= step;
            if (cb == 0 && b < rb.Length)
            {
                cb = rb[b++];
                inB = !inB;
            }
            more = ca > 0 || cb > 0;
        }
        if (intersection == 0) union = 1;
        else if (otherIsCrowd) union = Area;
        return (double)intersection / union;
    }

    /// <inheritdoc/>
    public bool Equals(RunLengthMask? other)
        => other is not null && Height == other.Height && Width == other.Width && Runs.AsSpan().SequenceEqual(other.Runs);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as RunLengthMask);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.Add(Height);
        hash.Add(Width);
        foreach (var count in Runs) hash.Add(count);
        return hash.ToHashCode();
    }

    /// <summary>What is wrong with run lengths, or null.</summary>
    internal static string? Check(int height, int width, ReadOnlySpan<uint> counts)
    {
        long sum = 0;
        foreach (var count in counts) sum += count;
        return Check(height, width, sum);
    }

    private static string? Check(int height, int width, long sum)
    {
        if (height < 0 || width < 0 || (long)height * width > int.MaxValue) return $"the size {height} x {width} is not allowed";
        return sum == (long)height * width ? null : $"the runs sum to {sum}; {height} x {width} needs {(long)height * width}";
    }

    private static RunLengthMask Merge(ReadOnlySpan<RunLengthMask> masks, bool intersect)
    {
        if (masks.Length == 0) throw new ArgumentException("masks is empty; at least one mask is needed.", nameof(masks));
        var merged = masks[0];
        for (var i = 1; i < masks.Length; i++) merged = MergeTwo(merged, masks[i], intersect);
        return merged;
    }

    private static RunLengthMask MergeTwo(RunLengthMask first, RunLengthMask second, bool intersect)
    {
        if (first.Height != second.Height || first.Width != second.Width)
        {
            throw new ArgumentException($"masks differ in size: {first.Height} x {first.Width} and {second.Height} x {second.Width}.",
                nameof(second));
        }
        uint[] ra = first.Runs, rb = second.Runs;
        if (ra.Length == 0 || rb.Length == 0) return first;
        var merged = new List<uint>(ra.Length + rb.Length);
        uint ca = ra[0], cb = rb[0], run = 0;
        int a = 1, b = 1;
        bool inA = false, inB = false, value = false, more = true;
        while (more)
        {
            var step = Math.Min(ca, cb);
            run += step;
            ca -= step;
            if (ca == 0 && a < ra.Length)
            {
                ca = ra[a++];
                inA = !inA;
            }
            cb -= step;
            if (cb == 0 && b < rb.Length)
            {
                cb = rb[b++];
                inB = !inB;
            }
            more = ca > 0 || cb > 0;
            var before = value;
            value = intersect ? inA && inB : inA || inB;
            if (value != before || !more)
            {
                merged.Add(run);
                run = 0;
            }
        }
        return new RunLengthMask(first.Height, first.Width, merged.ToArray());
    }
}
