namespace Cresset.Optim;

/// <summary>
/// A line search for the strong Wolfe conditions (Nocedal and Wright 2006, algorithms 3.5 and 3.6) with cubic interpolation;
/// constants and safeguards as in PyTorch, so that paths agree.
/// </summary>
internal sealed class StrongWolfeSearch(Func<double, (double Loss, double[] Gradient, double Slope)> evaluate)
{
    private const double C1 = 1e-4;
    private const double C2 = 0.9;
    private const double SmallestChange = 1e-9;
    private const int MaxTrials = 25;

    private readonly record struct Point(double T, double Loss, double[] Gradient, double Slope);

    private int _evaluations;

    public (double Loss, double[] Gradient, double T, int Evaluations) Find(double t, double directionSize, double loss, double[] gradient,
        double slope)
    {
        var origin = new Point(0, loss, gradient, slope);
        var previous = origin;
        var current = At(t);
        var trials = 0;
        Point low, high;
        var found = false;
        while (true)
        {
            if (trials >= MaxTrials)
            {
                (low, high) = (origin, current);
                break;
            }
            if (current.Loss > loss + (C1 * current.T * slope) || (trials > 1 && current.Loss >= previous.Loss))
            {
                (low, high) = (previous, current);
                break;
            }
            if (Math.Abs(current.Slope) <= -C2 * slope)
            {
                (low, high, found) = (current, current, true);
                break;
            }
            if (current.Slope >= 0)
            {
                (low, high) = (previous, current);
                break;
            }
            var next = Cubic(previous, current, current.T + (0.01 * (current.T - previous.T)), current.T * 10);
            previous = current;
            current = At(next);
            trials++;
        }
        return found ? Done(low) : Zoom(low, high, trials, directionSize, loss, slope);
    }

    private (double Loss, double[] Gradient, double T, int Evaluations) Zoom(Point a, Point b, int trials, double directionSize,
        double loss, double slope)
    {
        var (low, high) = a.Loss <= b.Loss ? (a, b) : (b, a);
        var insufficient = false;
        while (trials < MaxTrials)
        {
            if (Math.Abs(high.T - low.T) * directionSize < SmallestChange) break;
            var (left, right) = (Math.Min(low.T, high.T), Math.Max(low.T, high.T));
            var t = Cubic(a, b, left, right);
            // Too near to an end twice, or at the very end: move a tenth of the bracket inwards.
            var margin = 0.1 * (right - left);
            if (Math.Min(right - t, t - left) < margin)
            {
                if (insufficient || t >= right || t <= left)
                {
                    t = Math.Abs(t - right) < Math.Abs(t - left) ? right - margin : left + margin;
                    insufficient = false;
                }
                else
                {
                    insufficient = true;
                }
            }
            else
            {
                insufficient = false;
            }
            var trial = At(t);
            trials++;
            // a and b keep the order in which the bracket holds its ends; the cubic depends on it in the last digit only.
            var lowIsA = low.Equals(a);
            if (trial.Loss > loss + (C1 * t * slope) || trial.Loss >= low.Loss)
            {
                if (lowIsA) b = trial;
                else a = trial;
            }
            else
            {
                var done = Math.Abs(trial.Slope) <= -C2 * slope;
                if (!done && trial.Slope * (high.T - low.T) >= 0)
                {
                    if (lowIsA) b = low;
                    else a = low;
                }
                if (lowIsA) a = trial;
                else b = trial;
                if (done) return Done(trial);
            }
            (low, high) = a.Loss <= b.Loss ? (a, b) : (b, a);
        }
        return Done(low);
    }

    private Point At(double t)
    {
        _evaluations++;
        var (loss, gradient, slope) = evaluate(t);
        return new Point(t, loss, gradient, slope);
    }

    private (double Loss, double[] Gradient, double T, int Evaluations) Done(Point p) => (p.Loss, p.Gradient, p.T, _evaluations);

    /// <summary>The minimum of the cubic through two values and slopes, within the bounds.</summary>
    private static double Cubic(Point p, Point q, double min, double max)
    {
        var d1 = p.Slope + q.Slope - (3 * (p.Loss - q.Loss) / (p.T - q.T));
        var square = (d1 * d1) - (p.Slope * q.Slope);
        if (!(square >= 0)) return (min + max) / 2;
        var d2 = Math.Sqrt(square);
        var t = p.T <= q.T
            ? q.T - ((q.T - p.T) * ((q.Slope + d2 - d1) / (q.Slope - p.Slope + (2 * d2))))
            : p.T - ((p.T - q.T) * ((p.Slope + d2 - d1) / (p.Slope - q.Slope + (2 * d2))));
        return Math.Min(Math.Max(t, min), max);
    }
}
