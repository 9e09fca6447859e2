using System.Runtime.CompilerServices;

namespace Cresset.Detection;

/// <summary>Overlaps of all detections with all objects of a group, row by row.</summary>
internal sealed class OverlapMatrix(CocoOptions options, bool crowdsDivideByDetection = true)
{
    private double[] _values = new double[256];
    private Box[] _boxes = new Box[16];
    private readonly MaskOverlaps _masks = new(options.Kind == IouKind.Boundary ? options.BoundaryRatio : null, crowdsDivideByDetection);
    private readonly double[] _spreads = [.. options.KeypointSigmas.Select(KeypointSimilarity.SpreadOf)];

    /// <summary><c>[detection * objects + object]</c>.</summary>
    public double[] Values => _values;

    public void Compute(in MatchGroup group)
    {
        int n = group.Detections.Length, m = group.Objects.Length;
        if (n * m > _values.Length) _values = new double[Math.Max(n * m, _values.Length * 2)];
        if (m > _boxes.Length) _boxes = new Box[Math.Max(m, _boxes.Length * 2)];
        switch (options.Kind)
        {
            case IouKind.Box: ComputeBoxes(group); break;
            case IouKind.Keypoints: ComputeKeypoints(group); break;
            case IouKind.Oriented: ComputeOriented(group); break;
            default: _masks.Compute(group, _values); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ComputeBoxes(in MatchGroup group)
    {
        int n = group.Detections.Length, m = group.Objects.Length;
        var anyCrowd = false;
        for (var g = 0; g < m; g++)
        {
            ref readonly var o = ref group.AllObjects[group.Objects[g]];
            _boxes[g] = o.Box;
            anyCrowd |= o.IsCrowd;
        }
        anyCrowd &= crowdsDivideByDetection;
        for (var d = 0; d < n; d++)
        {
            var box = group.AllDetections[group.Detections[d]].Box;
            for (var g = 0; g < m; g++)
            {
                var crowd = anyCrowd && group.AllObjects[group.Objects[g]].IsCrowd;
                _values[(d * m) + g] = BoxOverlap.Iou(box, _boxes[g], crowd);
            }
        }
    }

    private void ComputeOriented(in MatchGroup group)
    {
        int n = group.Detections.Length, m = group.Objects.Length;
        var objects = new double[m][];
        for (var g = 0; g < m; g++) objects[g] = CornersOf(group.AllObjects[group.Objects[g]]);
        for (var d = 0; d < n; d++)
        {
            ref readonly var detection = ref group.AllDetections[group.Detections[d]];
            var corners = CornersOf(detection);
            for (var g = 0; g < m; g++)
            {
                ref readonly var o = ref group.AllObjects[group.Objects[g]];
                var never = o.CannotBeHit || detection.Shape is { CannotHit: true };
                _values[(d * m) + g] = never ? 0 : CornerOverlap.Iou(corners, objects[g], crowdsDivideByDetection && o.IsCrowd);
            }
        }
    }

    /// <summary>Corners of an object's oriented box.</summary>
    public static double[] CornersOf(in GroundTruthObject o)
    {
        var (id, image) = (o.Id, o.ImageId);
        return CornerOverlap.CornersOf(o.CannotBeHit ? null : o.Segmentation, o.Box, () => $"object {id} of image {image}");
    }

    /// <summary>Corners of a detection's oriented box; a detection that is a box alone stands level.</summary>
    public static double[] CornersOf(in DetectedObject d)
    {
        var image = d.ImageId;
        return CornerOverlap.CornersOf(d.Shape is { CannotHit: true } ? null : d.Shape?.Segmentation, d.Box, ()
            => $"a detection of image {image}");
    }

    private void ComputeKeypoints(in MatchGroup group)
    {
        int n = group.Detections.Length, m = group.Objects.Length;
        for (var g = 0; g < m; g++)
        {
            ref readonly var o = ref group.AllObjects[group.Objects[g]];
            for (var d = 0; d < n; d++)
            {
                var shape = group.AllDetections[group.Detections[d]].Shape;
                var never = o.CannotBeHit || shape is { CannotHit: true };
                _values[(d * m) + g] = never ? 0 : KeypointSimilarity.Oks(o, shape?.Keypoints, _spreads);
            }
        }
    }
}
