namespace Cresset.Detection;

/// <summary>
/// Overlaps as ultralytics measures them: IoU of boxes and of masks, a similarity of keypoints of its own, and for oriented boxes that of
/// their Gaussians. One instance serves one thread.
/// </summary>
internal sealed class YoloOverlaps(ProtocolOptions options)
{
    /// <summary>What the package adds where it divides.</summary>
    private const double Epsilon = 1e-7;

    /// <summary>The package has no area of a person's outline; this share of the box stands for it.</summary>
    private const double OutlineOfBox = 0.53;

    private readonly MaskOverlaps _masks = new(boundaryRatio: null, crowdsDivideByDetection: false);
    private readonly double[] _spreads = [.. options.KeypointSigmas.Select(KeypointSimilarity.SpreadOf)];
    private readonly bool _isPerson = ReferenceEquals(options.KeypointSigmas, CocoOptions.PersonSigmas);
    private double[] _values = new double[256];
    private double[] _equal = [];

    /// <summary>Overlaps <c>[detection * objects + object]</c>, valid until the next call.</summary>
    public ReadOnlySpan<double> Compute(in MatchGroup group)
    {
        int n = group.Detections.Length, m = group.Objects.Length;
        if (n * m > _values.Length) _values = new double[Math.Max(n * m, _values.Length * 2)];
        switch (options.Kind)
        {
            case IouKind.Mask: _masks.Compute(group, _values); break;
            case IouKind.Keypoints: ComputeKeypoints(group); break;
            case IouKind.Oriented: ComputeOriented(group); break;
            default: ComputeBoxes(group); break;
        }
        return _values.AsSpan(0, n * m);
    }

    private void ComputeBoxes(in MatchGroup group)
    {
        var m = group.Objects.Length;
        for (var d = 0; d < group.Detections.Length; d++)
        {
            var box = group.AllDetections[group.Detections[d]].Box;
            for (var g = 0; g < m; g++)
            {
                var other = group.AllObjects[group.Objects[g]].Box;
                _values[(d * m) + g] = options.YoloSinglePrecision ? SingleOverlap(box, other) : BoxOverlap.Iou(box, other);
            }
        }
    }

    private static float SingleOverlap(in Box a, in Box b)
    {
        float ax1 = (float)a.X, ay1 = (float)a.Y, ax2 = (float)a.Right, ay2 = (float)a.Bottom;
        float bx1 = (float)b.X, by1 = (float)b.Y, bx2 = (float)b.Right, by2 = (float)b.Bottom;
        var intersection = Math.Max(Math.Min(ax2, bx2) - Math.Max(ax1, bx1), 0f) * Math.Max(Math.Min(ay2, by2) - Math.Max(ay1, by1), 0f);
        return intersection / (((ax2 - ax1) * (ay2 - ay1)) + ((bx2 - bx1) * (by2 - by1)) - intersection + (float)Epsilon);
    }

    private void ComputeKeypoints(in MatchGroup group)
    {
        var m = group.Objects.Length;
        for (var g = 0; g < m; g++)
        {
            ref readonly var o = ref group.AllObjects[group.Objects[g]];
            var spreads = SpreadsFor(o);
            for (var d = 0; d < group.Detections.Length; d++)
            {
                var shape = group.AllDetections[group.Detections[d]].Shape;
                var never = o.CannotBeHit || shape is { CannotHit: true };
                _values[(d * m) + g] = never ? 0 : Similarity(o, shape?.Keypoints, spreads);
            }
        }
    }

    /// <summary>The package knows the sigmas of COCO's 17 points; any other skeleton of n points gets 1/n for each.</summary>
    private double[] SpreadsFor(in GroundTruthObject o)
    {
        var count = (o.Keypoints?.Length ?? 0) / 3;
        if (!_isPerson || count == 0 || count == _spreads.Length) return _spreads;
        if (_equal.Length != count)
        {
            _equal = new double[count];
            Array.Fill(_equal, KeypointSimilarity.SpreadOf(1.0 / count));
        }
        return _equal;
    }

    /// <summary>
    /// Mean over the labelled points of <c>exp(-d^2 / (2 (2 sigma)^2 area))</c>, the area being 0.53 of the box; 0 without a labelled
    /// point.
    /// </summary>
    private static double Similarity(in GroundTruthObject target, ReadOnlySpan<double> detected, double[] spreads)
    {
        KeypointSimilarity.RequirePoints(target, detected, spreads.Length);
        var truth = target.Keypoints!;
        var area = (target.Box.Width * target.Box.Height * OutlineOfBox) + Epsilon;
        double sum = 0;
        var labelled = 0;
        for (var i = 0; i < spreads.Length; i++)
        {
            if (truth[(3 * i) + 2] == 0) continue;
            labelled++;
            double dx = detected[3 * i] - truth[3 * i], dy = detected[(3 * i) + 1] - truth[(3 * i) + 1];
            sum += Math.Exp(-((dx * dx) + (dy * dy)) / (2 * spreads[i] * area));
        }
        return sum / (labelled + Epsilon);
    }

    private void ComputeOriented(in MatchGroup group)
    {
        var m = group.Objects.Length;
        var objects = new BoxGaussian[m];
        for (var g = 0; g < m; g++) objects[g] = BoxGaussian.Of(OverlapMatrix.CornersOf(group.AllObjects[group.Objects[g]]));
        for (var d = 0; d < group.Detections.Length; d++)
        {
            ref readonly var detection = ref group.AllDetections[group.Detections[d]];
            var own = BoxGaussian.Of(OverlapMatrix.CornersOf(detection));
            for (var g = 0; g < m; g++)
            {
                var never = group.AllObjects[group.Objects[g]].CannotBeHit || detection.Shape is { CannotHit: true };
                _values[(d * m) + g] = never ? 0 : objects[g].Similarity(own);
            }
        }
    }

    /// <summary>
    /// The Gaussian of an oriented box: that of the uniform distribution over it (Llerena et al. 2021, arXiv:2106.06072, eq. 1 to 3).
    /// </summary>
    private readonly record struct BoxGaussian(double X, double Y, double A, double B, double C)
    {
        /// <summary>
        /// Of the smallest rectangle about four corners, for corners need not make one. A side of it lies along a side of their hull, and
        /// no other direction gives a smaller one, so that all six lines through two corners may be tried.
        /// </summary>
        public static BoxGaussian Of(ReadOnlySpan<double> corners)
        {
            var (best, smallest) = (default(BoxGaussian), double.PositiveInfinity);
            for (var i = 0; i < 8; i += 2)
            {
                for (var j = i + 2; j < 8; j += 2)
                {
                    double ux = corners[j] - corners[i], uy = corners[j + 1] - corners[i + 1];
                    var length = Math.Sqrt((ux * ux) + (uy * uy));
                    // Corners that all lie on one point have no direction; level will do.
                    (ux, uy) = length > 0 ? (ux / length, uy / length) : (1, 0);
                    double left = double.PositiveInfinity, right = double.NegativeInfinity, low = left, high = right;
                    for (var k = 0; k < 8; k += 2)
                    {
                        double along = (corners[k] * ux) + (corners[k + 1] * uy), across = (corners[k + 1] * ux) - (corners[k] * uy);
                        (left, right) = (Math.Min(left, along), Math.Max(right, along));
                        (low, high) = (Math.Min(low, across), Math.Max(high, across));
                    }
                    double width = right - left, height = high - low, x = (left + right) / 2, y = (low + high) / 2;
                    if (!(width * height < smallest)) continue;
                    smallest = width * height;
                    double a = width * width / 12, b = height * height / 12;
                    best = new BoxGaussian((x * ux) - (y * uy), (x * uy) + (y * ux), (a * ux * ux) + (b * uy * uy),
                        (a * uy * uy) + (b * ux * ux), (a - b) * ux * uy);
                }
            }
            return best;
        }

        /// <summary>
        /// One less the Hellinger distance of two Gaussians, from their Bhattacharyya distance (the same paper, eq. 4 to 7), with the
        /// package's small numbers.
        /// </summary>
        public double Similarity(in BoxGaussian other)
        {
            double a = A + other.A, b = B + other.B, c = C + other.C, dx = X - other.X, dy = Y - other.Y;
            var determinant = (a * b) - (c * c);
            var apart = (((a * dy * dy) + (b * dx * dx)) / (determinant + Epsilon) / 4) - (c * dx * dy / (determinant + Epsilon) / 2);
            var spread = Math.Sqrt(Math.Max((A * B) - (C * C), 0) * Math.Max((other.A * other.B) - (other.C * other.C), 0));
            var distance = apart + (Math.Log((determinant / ((4 * spread) + Epsilon)) + Epsilon) / 2);
            return 1 - Math.Sqrt(1 - Math.Exp(-Math.Clamp(distance, Epsilon, 100)) + Epsilon);
        }
    }
}
