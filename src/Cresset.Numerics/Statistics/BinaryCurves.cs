namespace Cresset.Numerics;

/// <summary>
/// How well scores tell positive cases from negative ones at every threshold: precision against recall, and the receiver operating
/// characteristic. Cases with equal scores stand together.
/// </summary>
internal sealed class BinaryCurves
{
    private BinaryCurves(double[] thresholds, double[] truePositives, double[] falsePositives)
    {
        Thresholds = thresholds;
        TruePositives = truePositives;
        FalsePositives = falsePositives;
        Positives = truePositives[^1];
        Negatives = falsePositives[^1];
    }

    /// <summary>The distinct scores, falling: a case counts as found when its score is at least the threshold.</summary>
    public IReadOnlyList<double> Thresholds { get; }

    /// <summary>Number of positive cases found at each threshold.</summary>
    public IReadOnlyList<double> TruePositives { get; }

    /// <summary>Number of negative cases found at each threshold.</summary>
    public IReadOnlyList<double> FalsePositives { get; }

    /// <summary>Number of positive cases.</summary>
    public double Positives { get; }

    /// <summary>Number of negative cases.</summary>
    public double Negatives { get; }

    /// <summary>
    /// Average precision: the sum of precision times the gain in recall over all thresholds, without interpolation. 0 when there is no
    /// positive case.
    /// </summary>
    public double AveragePrecision
    {
        get
        {
            double sum = 0, before = 0;
            for (var i = 0; i < Thresholds.Count; i++)
            {
                var recall = Recall(i);
                sum += (recall - before) * Precision(i);
                before = recall;
            }
            return sum;
        }
    }

    /// <summary>Area under the receiver operating characteristic by trapezoids; NaN when all cases are of one kind.</summary>
    public double RocArea
    {
        get
        {
            if (Positives == 0 || Negatives == 0) return double.NaN;
            double area = 0, x = 0, y = 0;
            for (var i = 0; i < Thresholds.Count; i++)
            {
                area += (FalsePositives[i] - x) * (TruePositives[i] + y) / 2;
                (x, y) = (FalsePositives[i], TruePositives[i]);
            }
            return area / (Positives * Negatives);
        }
    }

    /// <summary>Counts at every threshold.</summary>
    /// <param name="positive">Whether each case is positive.</param>
    /// <param name="scores">The score of each case; not NaN.</param>
    /// <exception cref="ArgumentException">There are no cases, the lengths differ, or a score is NaN.</exception>
    public static BinaryCurves Of(ReadOnlySpan<bool> positive, ReadOnlySpan<double> scores)
    {
        if (positive.Length != scores.Length)
            throw new ArgumentException($"There are {positive.Length} labels and {scores.Length} scores; they must be equally many.",
                nameof(scores));
        if (scores.IsEmpty) throw new ArgumentException("There are no cases.", nameof(scores));
        var keys = scores.ToArray();
        if (Array.Exists(keys, double.IsNaN)) throw new ArgumentException("A score is NaN.", nameof(scores));
        var labels = positive.ToArray();
        Array.Sort(keys, labels);
        List<double> thresholds = [], found = [], wrong = [];
        double hits = 0, misses = 0;
        for (var i = keys.Length - 1; i >= 0; i--)
        {
            if (labels[i]) hits++;
            else misses++;
            if (i > 0 && keys[i - 1] == keys[i]) continue;
            thresholds.Add(keys[i]);
            found.Add(hits);
            wrong.Add(misses);
        }
        return new([.. thresholds], [.. found], [.. wrong]);
    }

    /// <summary>
    /// Precision and recall with rising thresholds, followed by the point (1, 0) that has no threshold: the convention of scikit-learn's
    /// <c>precision_recall_curve</c>. Without positive cases recall is 1 everywhere but at the end.
    /// </summary>
    public (double[] Precision, double[] Recall, double[] Thresholds) PrecisionRecall()
    {
        var n = Thresholds.Count;
        var (precision, recall, thresholds) = (new double[n + 1], new double[n + 1], new double[n]);
        for (var i = 0; i < n; i++)
        {
            var from = n - 1 - i;
            (precision[i], recall[i], thresholds[i]) = (Precision(from), Positives == 0 ? 1 : Recall(from), Thresholds[from]);
        }
        precision[n] = 1;
        return (precision, recall, thresholds);
    }

    /// <summary>
    /// False and true positive rate with falling thresholds, beginning with the point (0, 0) whose threshold is infinite. A rate that has
    /// no cases is NaN.
    /// </summary>
    public (double[] FalsePositiveRate, double[] TruePositiveRate, double[] Thresholds) Roc()
    {
        var n = Thresholds.Count;
        var (x, y, thresholds) = (new double[n + 1], new double[n + 1], new double[n + 1]);
        thresholds[0] = double.PositiveInfinity;
        for (var i = 0; i < n; i++)
            (x[i + 1], y[i + 1], thresholds[i + 1]) = (FalsePositives[i] / Negatives, TruePositives[i] / Positives, Thresholds[i]);
        if (Negatives == 0) x[0] = double.NaN;
        if (Positives == 0) y[0] = double.NaN;
        return (x, y, thresholds);
    }

    private double Precision(int i) => TruePositives[i] / (TruePositives[i] + FalsePositives[i]);

    private double Recall(int i) => Positives == 0 ? 0 : TruePositives[i] / Positives;
}
