namespace Cresset.Detection;

/// <summary>The curves of ultralytics: AP by trapezoids over 101 interpolated points, and the confidence of best mean F1.</summary>
internal static class YoloCurve
{
    private const int Points = 1000;
    private static readonly double[] Grid101 = Grid.Linspace(0, 1, 101), Confidences = Grid.Linspace(0, 1, Points);

    /// <summary>AP of one curve; the legacy form runs straight from the last point to recall 1.</summary>
    public static double Ap(RankedCurve curve, bool legacy)
    {
        var n = curve.Scores.Count;
        if (n == 0 || curve.Positives == 0) return 0;
        var tail = legacy ? 1 : 2;
        var recall = new double[n + 1 + tail];
        var precision = new double[n + 1 + tail];
        precision[0] = 1;
        curve.Recall.CopyTo(recall, 1);
        curve.Precision.CopyTo(precision, 1);
        if (!legacy) recall[n + 1] = curve.Recall[n - 1];
        recall[^1] = 1;
        for (var i = precision.Length - 1; i > 0; i--) precision[i - 1] = Math.Max(precision[i - 1], precision[i]);
        double area = 0, before = Interpolate(Grid101[0], recall, precision, precision[0]);
        for (var i = 1; i < Grid101.Length; i++)
        {
            var here = Interpolate(Grid101[i], recall, precision, precision[0]);
            area += (Grid101[i] - Grid101[i - 1]) * (here + before) / 2;
            before = here;
        }
        return area;
    }

    /// <summary>The confidence where the smoothed mean F1 of all classes is highest, with each class's values there.</summary>
    public static YoloOperatingPoint OperatingPoint(IReadOnlyList<RankedCurve> curves)
    {
        var k = curves.Count;
        var precision = new double[k][];
        var recall = new double[k][];
        var f1 = new double[k][];
        var mean = new double[Points];
        for (var c = 0; c < k; c++)
        {
            (precision[c], recall[c], f1[c]) = (new double[Points], new double[Points], new double[Points]);
            var curve = curves[c];
            var falling = Array.ConvertAll([.. curve.Scores], s => -s);
            for (var i = 0; i < Points && falling.Length > 0; i++)
            {
                recall[c][i] = Interpolate(-Confidences[i], falling, curve.Recall, 0);
                precision[c][i] = Interpolate(-Confidences[i], falling, curve.Precision, 1);
            }
            for (var i = 0; i < Points; i++)
            {
                f1[c][i] = 2 * precision[c][i] * recall[c][i] / (precision[c][i] + recall[c][i] + 1e-16);
                mean[i] += f1[c][i];
            }
        }
        if (k == 0) return new YoloOperatingPoint(0, [], [], []);
        for (var i = 0; i < Points; i++) mean[i] /= k;
        var at = ArgMax(Smooth(mean));
        return new YoloOperatingPoint(Confidences[at], Array.ConvertAll(precision, p => p[at]), Array.ConvertAll(recall, p => p[at]),
            Array.ConvertAll(f1, p => p[at]));
    }

    /// <summary>Box filter over 101 places, ends repeated.</summary>
    private static double[] Smooth(double[] y)
    {
        const int Width = 101, Half = Width / 2;
        var smooth = new double[y.Length];
        for (var i = 0; i < y.Length; i++)
        {
            double sum = 0;
            for (var j = -Half; j <= Half; j++) sum += y[Math.Clamp(i + j, 0, y.Length - 1)] * (1.0 / Width);
            smooth[i] = sum;
        }
        return smooth;
    }

    private static int ArgMax(double[] values)
    {
        var best = 0;
        for (var i = 1; i < values.Length; i++)
        {
            if (values[i] > values[best]) best = i;
        }
        return best;
    }

    /// <summary>Piecewise linear interpolation as numpy.interp: of equal abscissas the last counts.</summary>
    private static double Interpolate(double x, double[] xs, double[] ys, double left)
    {
        int low = 0, high = xs.Length;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (xs[middle] <= x) low = middle + 1;
            else high = middle;
        }
        var j = low - 1;
        if (j < 0) return left;
        if (j == xs.Length - 1 || xs[j] == x) return ys[j];
        return ((ys[j + 1] - ys[j]) / (xs[j + 1] - xs[j]) * (x - xs[j])) + ys[j];
    }
}

/// <summary>The operating point that ultralytics reports.</summary>
/// <param name="Confidence">Confidence threshold.</param>
/// <param name="Precision">Precision of each class with objects.</param>
/// <param name="Recall">Recall of each.</param>
/// <param name="F1">F1 of each.</param>
public sealed record YoloOperatingPoint(double Confidence, IReadOnlyList<double> Precision, IReadOnlyList<double> Recall,
    IReadOnlyList<double> F1);
