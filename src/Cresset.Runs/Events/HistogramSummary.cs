namespace Cresset.Runs;

/// <summary>The distribution of many values as counts in buckets, as TensorBoard shows it.</summary>
public sealed record HistogramSummary
{
    /// <summary>Smallest finite value.</summary>
    public double Min { get; init; }

    /// <summary>Largest finite value.</summary>
    public double Max { get; init; }

    /// <summary>Number of finite values.</summary>
    public double Count { get; init; }

    /// <summary>Sum of the finite values.</summary>
    public double Sum { get; init; }

    /// <summary>Sum of their squares.</summary>
    public double SumSquares { get; init; }

    /// <summary>Upper end of each bucket, rising. A bucket begins where the one before ends, the first at <see cref="Min"/>.</summary>
    public IReadOnlyList<double> BucketLimits { get; init; } = [];

    /// <summary>Number of values in each bucket.</summary>
    public IReadOnlyList<double> Buckets { get; init; } = [];

    /// <summary>How many values were NaN or infinite; they are in no bucket. Not part of event files.</summary>
    public long NonFinite { get; init; }

    /// <summary>Counts values in buckets of equal width.</summary>
    /// <param name="values">Any number of values, none included.</param>
    /// <param name="buckets">Number of buckets, at least 1.</param>
    public static HistogramSummary Of(ReadOnlySpan<float> values, int buckets = 30)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(buckets, 1);
        double min = double.PositiveInfinity, max = double.NegativeInfinity, sum = 0, squares = 0;
        long count = 0;
        foreach (var value in values)
        {
            if (!float.IsFinite(value)) continue;
            count++;
            min = Math.Min(min, value);
            max = Math.Max(max, value);
            sum += value;
            squares += (double)value * value;
        }
        if (count == 0) return new() { NonFinite = values.Length };
        var width = (max - min) / buckets;
        if (width == 0) (buckets, width) = (1, 1);
        var counts = new double[buckets];
        foreach (var value in values)
        {
            if (float.IsFinite(value)) counts[Math.Min((int)((value - min) / width), buckets - 1)]++;
        }
        var limits = new double[buckets];
        for (var i = 0; i < buckets; i++) limits[i] = i == buckets - 1 ? max : min + ((i + 1) * width);
        return new()
        {
            Min = min,
            Max = max,
            Count = count,
            Sum = sum,
            SumSquares = squares,
            BucketLimits = limits,
            Buckets = counts,
            NonFinite = values.Length - count,
        };
    }

    internal byte[] Encode()
    {
        var writer = new ProtoWriter();
        Write(writer);
        writer.Integer(15, NonFinite);
        return writer.Written.ToArray();
    }

    internal void Write(ProtoWriter writer)
    {
        writer.Double(1, Min);
        writer.Double(2, Max);
        writer.Double(3, Count);
        writer.Double(4, Sum);
        writer.Double(5, SumSquares);
        writer.Doubles(6, BucketLimits.ToArray());
        writer.Doubles(7, Buckets.ToArray());
    }

    internal static HistogramSummary Read(ReadOnlySpan<byte> bytes)
    {
        var result = new HistogramSummary();
        List<double> limits = [], buckets = [];
        var reader = new ProtoReader(bytes);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1: result = result with { Min = reader.Double }; break;
                case 2: result = result with { Max = reader.Double }; break;
                case 3: result = result with { Count = reader.Double }; break;
                case 4: result = result with { Sum = reader.Double }; break;
                case 5: result = result with { SumSquares = reader.Double }; break;
                case 6: reader.AddDoubles(limits); break;
                case 7: reader.AddDoubles(buckets); break;
                case 15: result = result with { NonFinite = (long)reader.Bits }; break;
            }
        }
        if (limits.Count != buckets.Count)
            throw new InvalidDataException($"A histogram has {limits.Count} limits and {buckets.Count} buckets.");
        return result with { BucketLimits = limits, Buckets = buckets };
    }
}
