using Cresset.Runs;
using Xunit;

namespace Cresset.Tests.Managed.Runs;

/// <summary>What must hold between the points of a series and its buckets.</summary>
internal static class SeriesLaws
{
    public static void PyramidIsThatOfThePoints(RunStore store, string id, string tag)
    {
        var points = store.ReadSeries(id, tag);
        var info = store.Series(id).Single(s => s.Tag == tag);
        Assert.Equal((points.Count, points[^1]), (info.Count, info.Last));
        var finite = points.Where(p => double.IsFinite(p.Value)).Select(p => p.Value).DefaultIfEmpty(double.NaN).ToList();
        Assert.Equal((finite.Min(), finite.Max()), (info.Min, info.Max));
        foreach (var buckets in new[] { 1, 7, 100, points.Count + 1 })
            Covers(points, store.ReadSeries(id, tag, long.MinValue, long.MaxValue, buckets), buckets);
    }

    /// <summary>The buckets hold the points one after another, none twice, none lost.</summary>
    public static void Covers(IReadOnlyList<SeriesPoint> points, IReadOnlyList<SeriesBucket> buckets, int most)
    {
        Assert.True(buckets.Count <= most && buckets.Count >= Math.Min(most, points.Count),
            $"{buckets.Count} buckets of {most} for {points.Count} points");
        var at = 0;
        foreach (var bucket in buckets)
        {
            var own = points.Skip(at).Take(bucket.Count).ToList();
            at += bucket.Count;
            Assert.Equal((own.Min(p => p.Step), own.Max(p => p.Step)), (bucket.FirstStep, bucket.LastStep));
            Assert.Equal((own[0].WallTime, own[^1].WallTime), (bucket.FirstWallTime, bucket.LastWallTime));
            var finite = own.Where(p => double.IsFinite(p.Value)).Select(p => p.Value).ToList();
            Assert.Equal(own.Count - finite.Count, bucket.NonFinite);
            Assert.Equal(finite.DefaultIfEmpty(double.NaN).Min(), bucket.Min);
            Assert.Equal(finite.DefaultIfEmpty(double.NaN).Max(), bucket.Max);
            if (finite.Count > 0) Assert.Equal(finite.Average(), bucket.Mean, 1e-9 * (1 + finite.Max(Math.Abs)));
        }
        Assert.Equal(points.Count, at);
    }
}
