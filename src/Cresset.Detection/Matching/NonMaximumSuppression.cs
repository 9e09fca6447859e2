using System.Numerics;

namespace Cresset.Detection;

/// <summary>How overlapping detections lose score.</summary>
public enum ScoreDecay
{
    /// <summary>By <c>1 - IoU</c>.</summary>
    Linear,

    /// <summary>By <c>exp(-IoU^2 / sigma)</c>.</summary>
    Gaussian,
}

/// <summary>A detection that is kept, with its score after decay.</summary>
/// <param name="Index">Its place in the input.</param>
/// <param name="Score">Its score.</param>
public readonly record struct KeptDetection(int Index, double Score);

/// <summary>Thinning of overlapping detections. Boxes are corners <c>[N, 4]</c>; ties in score keep the order of the input.</summary>
public static class NonMaximumSuppression
{
    /// <summary>
    /// Greedy suppression: by falling score, a box removes the later ones whose IoU with it exceeds the threshold. Gives the indexes that
    /// stay, by falling score.
    /// </summary>
    /// <param name="boxes">Corners, <c>[N, 4]</c>.</param>
    /// <param name="scores">Scores, <c>[N]</c>.</param>
    /// <param name="threshold">Largest IoU of two boxes that may stay together, in [0, 1].</param>
    /// <param name="labels">Classes, <c>[N]</c>; boxes of different classes do not meet. Empty: one class.</param>
    /// <exception cref="ArgumentException">Lengths do not fit.</exception>
    public static int[] Hard<T>(ReadOnlySpan<T> boxes, ReadOnlySpan<T> scores, double threshold, ReadOnlySpan<int> labels = default)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var order = Order(boxes, scores, threshold, labels);
        var sorted = Gather(boxes, order);
        var columns = new BoxColumns<T>(sorted);
        var removed = new bool[order.Length];
        var overlaps = new T[order.Length];
        var limit = T.CreateChecked(threshold);
        var kept = new List<int>();
        for (var i = 0; i < order.Length; i++)
        {
            if (removed[i]) continue;
            kept.Add(order[i]);
            if (i + 1 == order.Length) break;
            var rest = overlaps.AsSpan(0, order.Length - i - 1);
            columns.Overlaps(sorted[4 * i], sorted[(4 * i) + 1], sorted[(4 * i) + 2], sorted[(4 * i) + 3], BoxIouKind.Plain, i + 1, rest);
            for (var j = 0; j < rest.Length; j++)
            {
                if (rest[j] > limit && SameLabel(labels, order[i], order[i + 1 + j])) removed[i + 1 + j] = true;
            }
        }
        return [.. kept];
    }

    /// <summary>
    /// Soft suppression (Bodla et al. 2017, arXiv:1704.04503): the best box is taken, the others lose score by their IoU with it, and so on
    /// until no score reaches <paramref name="minScore"/>.
    /// </summary>
    /// <param name="boxes">Corners, <c>[N, 4]</c>.</param>
    /// <param name="scores">Scores, <c>[N]</c>.</param>
    /// <param name="decay">The rule of the loss.</param>
    /// <param name="sigma">Width of the Gaussian rule, 0.5 in the paper.</param>
    /// <param name="threshold">IoU from which the linear rule acts, 0.3 in the paper.</param>
    /// <param name="minScore">Least score that stays.</param>
    /// <param name="labels">Classes, <c>[N]</c>. Empty: one class.</param>
    public static KeptDetection[] Soft<T>(ReadOnlySpan<T> boxes, ReadOnlySpan<T> scores, ScoreDecay decay = ScoreDecay.Gaussian,
        double sigma = 0.5, double threshold = 0.3, double minScore = 0.001, ReadOnlySpan<int> labels = default)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (!(sigma > 0)) throw new ArgumentOutOfRangeException(nameof(sigma), sigma, "sigma must be greater than 0; 0.5 is usual.");
        var order = Order(boxes, scores, threshold, labels);
        var sorted = Gather(boxes, order);
        var columns = new BoxColumns<T>(sorted);
        var left = new double[order.Length];
        for (var i = 0; i < left.Length; i++) left[i] = double.CreateChecked(scores[order[i]]);
        var taken = new bool[order.Length];
        var overlaps = new T[order.Length];
        var kept = new List<KeptDetection>();
        while (true)
        {
            var best = -1;
            for (var i = 0; i < left.Length; i++)
            {
                if (!taken[i] && (best < 0 || left[i] > left[best])) best = i;
            }
            if (best < 0 || !(left[best] >= minScore)) return [.. kept];
            taken[best] = true;
            kept.Add(new KeptDetection(order[best], left[best]));
            columns.Overlaps(sorted[4 * best], sorted[(4 * best) + 1], sorted[(4 * best) + 2], sorted[(4 * best) + 3], BoxIouKind.Plain, 0,
                overlaps);
            for (var j = 0; j < left.Length; j++)
            {
                if (taken[j] || !SameLabel(labels, order[best], order[j])) continue;
                var iou = double.CreateChecked(overlaps[j]);
                if (decay == ScoreDecay.Gaussian) left[j] *= Math.Exp(-(iou * iou) / sigma);
                else if (iou > threshold) left[j] *= 1 - iou;
            }
        }
    }

    /// <summary>
    /// Matrix suppression (Wang et al. 2020, SOLOv2, arXiv:2003.10152): every score is multiplied by the least, over better boxes i, of
    /// <c>f(iou(i, j)) / f(max iou of i with better ones)</c>; all at once, without a loop over removals.
    /// </summary>
    /// <param name="boxes">Corners, <c>[N, 4]</c>.</param>
    /// <param name="scores">Scores, <c>[N]</c>.</param>
    /// <param name="decay">f: <c>1 - iou</c>, or <c>exp(-sigma * iou^2)</c>.</param>
    /// <param name="sigma">Factor of the Gaussian rule, 2 in the paper.</param>
    /// <param name="minScore">Least score that stays.</param>
    /// <param name="labels">Classes, <c>[N]</c>. Empty: one class.</param>
    public static KeptDetection[] Matrix<T>(ReadOnlySpan<T> boxes, ReadOnlySpan<T> scores, ScoreDecay decay = ScoreDecay.Gaussian,
        double sigma = 2, double minScore = 0.001, ReadOnlySpan<int> labels = default)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var order = Order(boxes, scores, 0, labels);
        var n = order.Length;
        var sorted = Gather(boxes, order);
        var iou = new T[n * n];
        PairwiseIou.Compute<T>(sorted, sorted, iou);
        var compensation = new double[n];
        for (var i = 0; i < n; i++)
        {
            for (var k = 0; k < i; k++)
            {
                if (SameLabel(labels, order[k], order[i]))
                {
                    compensation[i] = Math.Max(compensation[i], double.CreateChecked(iou[(k * n) + i]));
                }
            }
        }
        var kept = new List<KeptDetection>();
        for (var j = 0; j < n; j++)
        {
            double factor = 1;
            for (var i = 0; i < j; i++)
            {
                if (!SameLabel(labels, order[i], order[j])) continue;
                var x = double.CreateChecked(iou[(i * n) + j]);
                var c = compensation[i];
                factor = Math.Min(factor, decay == ScoreDecay.Gaussian ? Math.Exp(-sigma * ((x * x) - (c * c)))
                    : (1 - x) / Math.Max(1 - c, 1e-12));
            }
            var score = double.CreateChecked(scores[order[j]]) * factor;
            if (score >= minScore) kept.Add(new KeptDetection(order[j], score));
        }
        return [.. kept.OrderByDescending(k => k.Score)];
    }

    private static int[] Order<T>(ReadOnlySpan<T> boxes, ReadOnlySpan<T> scores, double threshold, ReadOnlySpan<int> labels)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        BoxList.Check(boxes.Length, nameof(boxes));
        if (scores.Length * 4 != boxes.Length)
        {
            throw new ArgumentException($"scores has {scores.Length} values; {boxes.Length / 4}, one a box, are needed.", nameof(scores));
        }
        if (labels.Length != 0 && labels.Length != scores.Length)
        {
            throw new ArgumentException($"labels has {labels.Length} values; {scores.Length} or none are needed.", nameof(labels));
        }
        if (!(threshold is >= 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(threshold), threshold, "The IoU threshold must lie in [0, 1].");
        }
        var keys = new ulong[scores.Length];
        for (var i = 0; i < keys.Length; i++) keys[i] = ScoreOrder.Key(double.CreateChecked(scores[i]));
        return ScoreOrder.Sort(keys);
    }

    private static T[] Gather<T>(ReadOnlySpan<T> boxes, int[] order)
    {
        var sorted = new T[boxes.Length];
        for (var i = 0; i < order.Length; i++) boxes.Slice(4 * order[i], 4).CopyTo(sorted.AsSpan(4 * i));
        return sorted;
    }

    private static bool SameLabel(ReadOnlySpan<int> labels, int i, int j) => labels.Length == 0 || labels[i] == labels[j];
}
