namespace Cresset.Runs;

/// <summary>The blobs of the table <c>chunks</c>: points at level 0, buckets above.</summary>
internal static class ChunkCodec
{
    /// <summary>Points or buckets of a full chunk. A multiple of the fan-out, so a group never crosses chunks.</summary>
    public const int Capacity = 512;

    /// <summary>How many items of one level make one of the next.</summary>
    public const int FanOut = 16;

    private const byte Version = 1;

    public static byte[] Encode(ReadOnlySpan<SeriesPoint> points, ColumnWriter writer)
    {
        Span<long> integers = stackalloc long[Capacity];
        Span<double> doubles = stackalloc double[Capacity];
        integers = integers[..points.Length];
        doubles = doubles[..points.Length];
        Begin(writer, points.Length);
        for (var i = 0; i < points.Length; i++) integers[i] = points[i].Step;
        writer.Integers(integers);
        for (var i = 0; i < points.Length; i++) integers[i] = points[i].WallTime;
        writer.Integers(integers);
        for (var i = 0; i < points.Length; i++) doubles[i] = points[i].Value;
        writer.Doubles(doubles);
        return writer.ToArray();
    }

    public static SeriesPoint[] DecodePoints(ReadOnlySpan<byte> blob)
    {
        var reader = new ColumnReader(blob);
        var count = Begin(ref reader);
        Span<long> steps = stackalloc long[count];
        Span<long> times = stackalloc long[count];
        Span<double> values = stackalloc double[count];
        reader.Integers(steps);
        reader.Integers(times);
        reader.Doubles(values);
        var points = new SeriesPoint[count];
        for (var i = 0; i < count; i++) points[i] = new(steps[i], times[i], values[i]);
        return points;
    }

    public static byte[] Encode(ReadOnlySpan<SeriesBucket> buckets, ColumnWriter writer)
    {
        Begin(writer, buckets.Length);
        Integers(writer, buckets, static b => b.FirstStep);
        Integers(writer, buckets, static b => b.LastStep);
        Integers(writer, buckets, static b => b.FirstWallTime);
        Integers(writer, buckets, static b => b.LastWallTime);
        Integers(writer, buckets, static b => b.Count);
        Integers(writer, buckets, static b => b.NonFinite);
        Doubles(writer, buckets, static b => b.Min);
        Doubles(writer, buckets, static b => b.Max);
        Doubles(writer, buckets, static b => b.Sum);
        return writer.ToArray();
    }

    public static SeriesBucket[] DecodeBuckets(ReadOnlySpan<byte> blob)
    {
        var reader = new ColumnReader(blob);
        var count = Begin(ref reader);
        var integers = new long[6 * count];
        var doubles = new double[3 * count];
        for (var column = 0; column < 6; column++) reader.Integers(integers.AsSpan(column * count, count));
        for (var column = 0; column < 3; column++) reader.Doubles(doubles.AsSpan(column * count, count));
        var buckets = new SeriesBucket[count];
        for (var i = 0; i < count; i++)
        {
            buckets[i] = new(
                integers[i], integers[count + i], integers[(2 * count) + i], integers[(3 * count) + i],
                doubles[i], doubles[count + i], doubles[(2 * count) + i], (int)integers[(4 * count) + i], (int)integers[(5 * count) + i]);
        }
        return buckets;
    }

    private static void Begin(ColumnWriter writer, int count)
    {
        writer.Clear();
        writer.Byte(Version);
        writer.Varint((ulong)count);
    }

    private static int Begin(ref ColumnReader reader)
    {
        if (reader.Byte() is var version && version != Version)
            throw new InvalidDataException($"A chunk of a series has format {version}; this version reads {Version}.");
        var count = reader.Varint();
        return count <= Capacity ? (int)count
            : throw new InvalidDataException($"A chunk of a series claims {count} items; at most {Capacity} are possible.");
    }

    private static void Integers(ColumnWriter writer, ReadOnlySpan<SeriesBucket> buckets, Func<SeriesBucket, long> pick)
    {
        Span<long> column = stackalloc long[buckets.Length];
        for (var i = 0; i < column.Length; i++) column[i] = pick(buckets[i]);
        writer.Integers(column);
    }

    private static void Doubles(ColumnWriter writer, ReadOnlySpan<SeriesBucket> buckets, Func<SeriesBucket, double> pick)
    {
        Span<double> column = stackalloc double[buckets.Length];
        for (var i = 0; i < column.Length; i++) column[i] = pick(buckets[i]);
        writer.Doubles(column);
    }
}
