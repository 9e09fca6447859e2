using System.Runtime.CompilerServices;

namespace Cresset.Detection;

/// <summary>Overlaps of all detections with all objects of a group, row by row.</summary>
internal sealed class OverlapMatrix(CocoOptions options, bool crowdsDivideByDetection = true)
{
    private double[] _values = new double[256];
    private Box[] _boxes = new Box[16];
    private RunLengthMask?[] _masks = new RunLengthMask?[16], _boundaries = new RunLengthMask?[16];

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
            default: ComputeMasks(group, options.Kind == IouKind.Boundary); break;
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

    private void ComputeMasks(in MatchGroup group, bool withBoundary)
    {
        int n = group.Detections.Length, m = group.Objects.Length;
        if (m > _masks.Length) (_masks, _boundaries) = (new RunLengthMask?[m * 2], new RunLengthMask?[m * 2]);
        var (height, width) = CanvasOf(group);
        for (var g = 0; g < m; g++)
        {
            ref readonly var o = ref group.AllObjects[group.Objects[g]];
            _masks[g] = o.CannotBeHit ? RunLengthMask.Empty(height, width) : (o.Segmentation ?? new PolygonSegmentation([CornersOf(o.Box)])).ToMask(height, width);
            _boundaries[g] = null;
            _boxes[g] = _masks[g]!.Bounds;
        }
        for (var d = 0; d < n; d++)
        {
            ref readonly var detection = ref group.AllDetections[group.Detections[d]];
            var mask = detection.Shape is { CannotHit: true } ? RunLengthMask.Empty(height, width) : (detection.Shape?.Segmentation ?? new PolygonSegmentation([CornersOf(detection.Box)])).ToMask(height, width);
            RunLengthMask? boundary = null;
            var bounds = mask.Bounds;
            for (var g = 0; g < m; g++)
            {
                var crowd = crowdsDivideByDetection && group.AllObjects[group.Objects[g]].IsCrowd;
                var iou = BoxOverlap.Iou(bounds, _boxes[g], crowd) > 0 ? mask.OverlapOfRuns(_masks[g]!, crowd) : 0;
                if (withBoundary && !crowd && iou > 0)
                {
                    // A band has the bounds of its mask, and most pairs never meet: bands are made when they are needed.
                    boundary ??= mask.Boundary(options.BoundaryRatio);
                    _boundaries[g] ??= _masks[g]!.Boundary(options.BoundaryRatio);
                    iou = Math.Min(iou, boundary.OverlapOfRuns(_boundaries[g]!, otherIsCrowd: false));
                }
                _values[(d * m) + g] = iou;
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
        return CornerOverlap.CornersOf(d.Shape is { CannotHit: true } ? null : d.Shape?.Segmentation, d.Box, () => $"a detection of image {image}");
    }

    private void ComputeKeypoints(in MatchGroup group)
    {
        int n = group.Detections.Length, m = group.Objects.Length;
        for (var d = 0; d < n; d++)
        {
            var shape = group.AllDetections[group.Detections[d]].Shape;
            var points = shape?.Keypoints;
            for (var g = 0; g < m; g++)
            {
                _values[(d * m) + g] = shape is { CannotHit: true } || group.AllObjects[group.Objects[g]].CannotBeHit ? 0 : KeypointSimilarity.Oks(group.AllObjects[group.Objects[g]], points, options.KeypointSigmas);
            }
        }
    }

    /// <summary>
    /// The size in which polygons are drawn: that of the image, where it is not known that of a mask, else one that holds all
    /// shapes. Only what an unknown border would cut off can differ.
    /// </summary>
    private static (int Height, int Width) CanvasOf(in MatchGroup group)
    {
        if (group.Image is { Height: > 0, Width: > 0 } image) return (image.Height, image.Width);
        double right = 1, bottom = 1;
        foreach (var i in group.Objects)
        {
            ref readonly var o = ref group.AllObjects[i];
            if (o.Segmentation is RunLengthSegmentation { Mask: var mask }) return (mask.Height, mask.Width);
            var b = ShapeBounds.Of(o.Segmentation, null);
            (right, bottom) = (Math.Max(right, Math.Max(b.Right, o.Box.Right)), Math.Max(bottom, Math.Max(b.Bottom, o.Box.Bottom)));
        }
        foreach (var i in group.Detections)
        {
            ref readonly var d = ref group.AllDetections[i];
            if (d.Shape?.Segmentation is RunLengthSegmentation { Mask: var mask }) return (mask.Height, mask.Width);
            var b = ShapeBounds.Of(d.Shape?.Segmentation, null);
            (right, bottom) = (Math.Max(right, Math.Max(b.Right, d.Box.Right)), Math.Max(bottom, Math.Max(b.Bottom, d.Box.Bottom)));
        }
        if (right * bottom > int.MaxValue) throw new ArgumentException($"image {group.ImageId} has no size, and its shapes reach to {right:0} x {bottom:0}; give the image its width and height.");
        return ((int)Math.Ceiling(bottom) + 1, (int)Math.Ceiling(right) + 1);
    }

    private static double[] CornersOf(Box b) => [b.X, b.Y, b.X, b.Bottom, b.Right, b.Bottom, b.Right, b.Y];
}
