namespace Cresset.Detection;

/// <summary>AP with one kind of error repaired; curves are read at the recalls i/100 and classes that are empty do not count.</summary>
internal sealed class TideRepair(TideRecord[] records)
{
    public TideResult Result()
    {
        var classes = ClassAps(null);
        var ap = MeanOf(classes);
        var counts = new Dictionary<TideError, int>();
        var deltas = new Dictionary<TideError, double>();
        foreach (var kind in Enum.GetValues<TideError>())
        {
            counts[kind] = kind == TideError.Missed
                ? records.Count(r => r.Kind == TideRecordKind.Missed)
                : records.Count(r => r.Kind == TideRecordKind.Error && r.Error == kind);
            deltas[kind] = Math.Max(0, MeanOf(ClassAps(kind)) - ap);
        }
        return new TideResult(ap, counts, deltas, MeanOf(ClassAps(null, perfectOrder: true)) - ap,
            MeanOf(ClassAps(null, nothingMissed: true)) - ap, classes);
    }

    /// <summary>Mean AP alone, with nothing repaired.</summary>
    public double Ap() => MeanOf(ClassAps(null));

    private static double MeanOf(Dictionary<long, double> classes) => classes.Count == 0 ? 0 : classes.Values.Sum() / classes.Count;

    private Dictionary<long, double> ClassAps(TideError? repaired, bool perfectOrder = false, bool nothingMissed = false)
    {
        var points = new Dictionary<long, List<(double Score, bool Hit)>>();
        var positives = new Dictionary<long, long>();
        void Point(long category, double score, bool hit)
        {
            if (!points.TryGetValue(category, out var list)) points[category] = list = [];
            list.Add((perfectOrder ? hit ? 1 : 0 : score, hit));
        }

        void Count(long category, int change) => positives[category] = positives.GetValueOrDefault(category) + change;

        // Repaired curves hold the errors first and the hits after them, which decides between equal scores.
        var plain = repaired is null && !perfectOrder && !nothingMissed;
        foreach (var r in records)
        {
            switch (r.Kind)
            {
                case TideRecordKind.Object:
                    Count(r.Category, 1);
                    break;
                case TideRecordKind.Hit when plain:
                    Point(r.Category, r.Score, true);
                    break;
                case TideRecordKind.Error when repaired == r.Error:
                    if (r.Repairs) Point(r.RepairedCategory, r.Score, true);
                    break;
                case TideRecordKind.Error when !r.Ignored:
                    Point(r.Category, r.Score, false);
                    break;
                case TideRecordKind.Missed when repaired == TideError.Missed || nothingMissed:
                case TideRecordKind.Unmatched when nothingMissed:
                    Count(r.Category, -1);
                    break;
            }
        }
        foreach (var r in records)
        {
            if (r.Kind == TideRecordKind.Hit && !plain) Point(r.Category, r.Score, true);
        }
        var classes = new Dictionary<long, double>();
        foreach (var category in points.Keys.Union(positives.Keys).Order())
        {
            var list = points.GetValueOrDefault(category) ?? [];
            var count = positives.GetValueOrDefault(category);
            if (list.Count > 0 || count > 0) classes[category] = count == 0 ? 0 : Ap(list, count);
        }
        return classes;
    }

    private static double Ap(List<(double Score, bool Hit)> points, long positives)
    {
        var keys = new ulong[points.Count];
        for (var i = 0; i < keys.Length; i++) keys[i] = ScoreOrder.Key(points[i].Score);
        var order = ScoreOrder.Sort(keys);
        var scores = Array.ConvertAll(order, i => points[i].Score);
        return new RankedCurve(scores, Array.ConvertAll(order, i => points[i].Hit ? 1.0 : 0.0), positives).HundredPointAp();
    }
}
