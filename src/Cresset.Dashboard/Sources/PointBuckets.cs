using Cresset.Runs;

namespace Cresset.Dashboard;

/// <summary>Buckets of a series whose points lie in memory, as <see cref="RunStore"/> makes them from its chunks.</summary>
internal static class PointBuckets
{
    /// <summary>
    /// The points between two steps with one neighbour on each side, so that lines go on to the edge, in at most <paramref name="most"/>
    /// buckets (two more for the neighbours).
    /// </summary>
    public static SeriesBucket[] Of(IReadOnlyList<SeriesPoint> points, long fromStep, long toStep, int most)
    {
        int first = -1, last = -1;
        var found = new List<SeriesBucket>();
        for (var i = 0; i < points.Count; i++)
        {
            if (points[i].Step < fromStep || points[i].Step > toStep) continue;
            if (first < 0) first = i;
            last = i;
            found.Add(SeriesBucket.Of(points[i]));
        }
        if (first < 0)
        {
            // A window between two points still shows the line that leads through it.
            var before = LastBefore(points, fromStep);
            return before < 0 || before + 1 >= points.Count ? [] : [SeriesBucket.Of(points[before]), SeriesBucket.Of(points[before + 1])];
        }
        var shown = Group(found, most);
        return [.. first > 0 ? [SeriesBucket.Of(points[first - 1])] : Array.Empty<SeriesBucket>(), .. shown,
            .. last + 1 < points.Count ? [SeriesBucket.Of(points[last + 1])] : Array.Empty<SeriesBucket>()];
    }

    private static SeriesBucket[] Group(List<SeriesBucket> items, int most)
    {
        if (items.Count <= most) return [.. items];
        var all = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(items);
        var grouped = new SeriesBucket[most];
        for (var i = 0; i < most; i++)
            grouped[i] = SeriesBucket.Merge(all[(int)((long)items.Count * i / most)..(int)((long)items.Count * (i + 1) / most)]);
        return grouped;
    }

    private static int LastBefore(IReadOnlyList<SeriesPoint> points, long step)
    {
        var found = -1;
        for (var i = 0; i < points.Count && points[i].Step < step; i++) found = i;
        return found;
    }
}
