using System.Runtime.CompilerServices;

namespace Cresset.Detection;

/// <summary>Object keypoint similarity (the OKS of the COCO keypoint task).</summary>
internal static class KeypointSimilarity
{
    /// <summary>
    /// Mean over the labelled points of <c>exp(-d^2 / (2 (2 sigma)^2 (area + eps)))</c>. When the object has no labelled point, distances
    /// are taken to its box doubled on each side, over all points.
    /// </summary>
    /// <exception cref="ArgumentException">The number of points is not that of the sigmas.</exception>
    public static double Oks(in GroundTruthObject target, ReadOnlySpan<double> detected, IReadOnlyList<double> sigmas)
    {
        ArgumentNullException.ThrowIfNull(sigmas);
        return Oks(target, detected, [.. sigmas.Select(SpreadOf)]);
    }

    /// <summary>What the squared distances of a point are divided by.</summary>
    internal static double SpreadOf(double sigma)
    {
        var spread = sigma * 2;
        return spread * spread;
    }

    /// <summary>The same with the spreads of the sigmas at hand.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static double Oks(in GroundTruthObject target, ReadOnlySpan<double> detected, double[] spreads)
    {
        RequirePoints(target, detected, spreads.Length);
        var truth = target.Keypoints!;
        var anyLabelled = false;
        for (var i = 2; i < truth.Length; i += 3) anyLabelled |= truth[i] > 0;
        Span<double> terms = spreads.Length <= 32 ? stackalloc double[32] : new double[spreads.Length];
        var count = 0;
        var b = target.Box;
        var area = target.Area + Epsilon;
        double x0 = b.X - b.Width, x1 = b.X + (b.Width * 2), y0 = b.Y - b.Height, y1 = b.Y + (b.Height * 2);
        for (var i = 0; i < spreads.Length; i++)
        {
            double dx, dy, x = detected[3 * i], y = detected[(3 * i) + 1];
            if (anyLabelled)
            {
                if (truth[(3 * i) + 2] <= 0) continue;
                dx = x - truth[3 * i];
                dy = y - truth[(3 * i) + 1];
            }
            else
            {
                dx = Math.Max(0, x0 - x) + Math.Max(0, x - x1);
                dy = Math.Max(0, y0 - y) + Math.Max(0, y - y1);
            }
            var distance = ((dx * dx) + (dy * dy)) / spreads[i] / area / 2;
            // Below the smallest double the exponential is 0, which most points of other people's poses are.
            terms[count++] = distance > Underflow ? 0 : Math.Exp(-distance);
        }
        return PairwiseSum(terms[..count]) / count;
    }

    /// <exception cref="ArgumentException">Object or detection has another number of points than there are sigmas.</exception>
    internal static void RequirePoints(in GroundTruthObject target, ReadOnlySpan<double> detected, int sigmas)
    {
        var truth = target.Keypoints;
        if (truth is not null && truth.Length == 3 * sigmas && detected.Length == 3 * sigmas) return;
        throw new ArgumentException(
            $"image {target.ImageId}: the object has {(truth?.Length ?? 0) / 3} keypoints and the detection {detected.Length / 3}; "
                + $"{sigmas} are needed, one a sigma. For another skeleton give its sigmas (--sigmas of the command, KeypointSigmas in "
                + "code).", nameof(detected));
    }

    /// <summary>exp(-x) of a larger x rounds to 0.</summary>
    private const double Underflow = 746;

    /// <summary>Distance from 1 to the next double.</summary>
    internal const double Epsilon = 2.220446049250313e-16;

    /// <summary>The order in which numpy adds up to 128 values.</summary>
    private static double PairwiseSum(ReadOnlySpan<double> x)
    {
        double sum = 0;
        var i = 0;
        if (x.Length >= 8)
        {
            Span<double> r = stackalloc double[8];
            x[..8].CopyTo(r);
            for (i = 8; i + 8 <= x.Length; i += 8)
            {
                for (var k = 0; k < 8; k++) r[k] += x[i + k];
            }
            sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
        }
        for (; i < x.Length; i++) sum += x[i];
        return sum;
    }
}
