using Cresset.Runs;

namespace Cresset.Dashboard;

/// <summary>A series as it is drawn, or why it cannot be.</summary>
internal sealed record Curve(string Run, SeriesInfo? Series, IReadOnlyList<SeriesBucket> Buckets, double[]? Smooth, string? Problem)
{
    /// <summary>Every bucket is one point.</summary>
    public bool IsExact { get; } = Buckets.All(b => b.Count == 1);

    /// <summary>Points that no line can show.</summary>
    public long Bad => Buckets.Sum(b => (long)b.NonFinite);

    /// <summary>
    /// Reads a series; null where the run has none of that tag: a run that ends in between is no reason to refuse the others.
    /// </summary>
    public static Curve? Read(IRunSource source, string id, string tag, long from, long to, int most, double weight)
    {
        try
        {
            var series = source.Find(id, tag);
            if (series is null) return null;
            // A short series is read whole: then the line goes on to the edges of a zoom.
            var buckets = series.Count <= SeriesApi.MostBuckets ? PointBuckets.Of(source.Points(id, tag), from, to, most)
                : source.Buckets(id, tag, from, to, most);
            return new Curve(id, series, buckets, weight > 0 ? Smoothing.Of(source, id, series, buckets, weight) : null, null);
        }
        catch (Exception e) when (BadRow.IsFault(e))
        {
            // A series whose points are damaged is told as that beside the others.
            return new Curve(id, null, [], null, $"'{tag}' of {id} cannot be read: {e.Message}");
        }
    }

    public static double StepOf(SeriesBucket bucket) => bucket.FirstStep + ((bucket.LastStep - bucket.FirstStep) / 2.0);

    public static double TimeOf(SeriesBucket bucket) => (bucket.FirstWallTime + ((bucket.LastWallTime - bucket.FirstWallTime) / 2)) / 1e6;

    public object ToJson() => Problem is not null ? new { Run, Problem } : new
    {
        Run,
        Series!.Count,
        Series.FirstStep,
        Series.LastStep,
        Exact = IsExact,
        Step = Buckets.Select(StepOf),
        Time = Buckets.Select(TimeOf),
        Mean = Buckets.Select(b => b.Mean),
        Min = IsExact ? null : Buckets.Select(b => b.Min),
        Max = IsExact ? null : Buckets.Select(b => b.Max),
        Points = IsExact ? null : Buckets.Select(b => b.Count),
        Bad,
        Smooth,
    };
}
