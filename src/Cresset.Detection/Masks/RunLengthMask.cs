namespace Cresset.Detection;

/// <summary>
/// A binary mask as run lengths down the columns of an image: counts of zeros and ones in turn, zeros first
/// (the encoding of the COCO mask code).
/// </summary>
public sealed partial class RunLengthMask : IEquatable<RunLengthMask>
{
    private readonly uint[] _counts;

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
        _counts = counts;
    }

    /// <summary>Rows of the image.</summary>
    public int Height { get; }

    /// <summary>Columns of the image.</summary>
    public int Width { get; }

    /// <summary>The run lengths.</summary>
    public ReadOnlySpan<uint> Counts => _counts;

    /// <summary>Number of set pixels.</summary>
    public long Area
    {
        get
        {
            long area = 0;
            for (var i = 1; i < _counts.Length; i += 2) area += _counts[i];
            return area;
        }
    }

    /// <summary>The smallest box around the set pixels; all zero when there are none.</summary>
    public Box Bounds
    {
        get
        {
            long h = Height;
            long left = Width, top = h, right = 0, bottom = 0, position = 0;
            var runs = _counts.Length / 2 * 2;
            if (runs == 0) return default;
            for (var i = 0; i < runs; i++)
            {
                var start = position;
                position += _counts[i];
                if (i % 2 == 0 || _counts[i] == 0) continue;
                long y0 = start % h, x0 = start / h, y1 = (position - 1) % h, x1 = (position - 1) / h;
                left = Math.Min(left, x0);
                right = Math.Max(right, x1);
                top = x0 < x1 ? 0 : Math.Min(top, y0);
                bottom = x0 < x1 ? h - 1 : Math.Max(bottom, y1);
            }
            // Only empty runs: the reference computes with unsigned 32-bit numbers; an empty mask has no extent.
            return position == 0 || left > right ? default : new Box(left, top, right - left + 1, bottom - top + 1);
        }
    }

    /// <summary>A mask without any set pixel.</summary>
    internal static RunLengthMask Empty(int height, int width) => new(height, width, [(uint)((long)height * width)]);

    /// <summary>The mask of a bitmap given column by column (<c>pixels[x * height + y]</c>); anything but zero is set.</summary>
    public static RunLengthMask Encode(ReadOnlySpan<byte> pixels, int height, int width)
    {
        if (height < 0 || width < 0 || (long)height * width != pixels.Length)
        {
            throw new ArgumentException($"pixels has {pixels.Length} values; height {height} times width {width} is needed.", nameof(pixels));
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
        for (var i = 0; i < _counts.Length; i++)
        {
            var run = (int)_counts[i];
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
        return BoxOverlap.Iou(Bounds, other.Bounds, otherIsCrowd) > 0 ? OverlapOfRuns(other, otherIsCrowd) : 0;
    }

    /// <summary>The run walk alone, for callers that have already compared the bounds.</summary>
    internal double OverlapOfRuns(RunLengthMask other, bool otherIsCrowd)
    {
        if (Height != other.Height || Width != other.Width) return -1;
        uint[] ra = _counts, rb = other._counts;
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
        => other is not null && Height == other.Height && Width == other.Width && _counts.AsSpan().SequenceEqual(other._counts);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as RunLengthMask);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.Add(Height);
        hash.Add(Width);
        foreach (var count in _counts) hash.Add(count);
        return hash.ToHashCode();
    }

    /// <summary>What is wrong with run lengths, or null.</summary>
    internal static string? Check(int height, int width, ReadOnlySpan<uint> counts)
    {
        if (height < 0 || width < 0 || (long)height * width > int.MaxValue) return $"the size {height} x {width} is not allowed";
        long sum = 0;
        foreach (var count in counts) sum += count;
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
            throw new ArgumentException($"masks differ in size: {first.Height} x {first.Width} and {second.Height} x {second.Width}.", nameof(second));
        }
        if (first._counts.Length == 0 || second._counts.Length == 0) return first;
        var merged = new List<uint>(first._counts.Length + second._counts.Length);
        uint ca = first._counts[0], cb = second._counts[0], run = 0;
        int a = 1, b = 1;
        bool inA = false, inB = false, value = false, more = true;
        while (more)
        {
            var step = Math.Min(ca, cb);
            run += step;
            ca -= step;
            if (ca == 0 && a < first._counts.Length)
            {
                ca = first._counts[a++];
                inA = !inA;
            }
            cb -= step;
            if (cb == 0 && b < second._counts.Length)
            {
                cb = second._counts[b++];
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
