using System.Runtime.CompilerServices;

namespace Cresset.Detection;

/// <summary>
/// Overlaps of the masks of a group. Most pairs lie apart, so masks are drawn and their runs decoded when the first pair needs them:
/// until then the extent of a shape decides. One instance serves one thread.
/// </summary>
/// <param name="boundaryRatio">Width of the band for boundary IoU; null for mask IoU.</param>
/// <param name="crowdsDivideByDetection">Whether the overlap with a crowd is taken over the detection's area.</param>
internal sealed class MaskOverlaps(double? boundaryRatio, bool crowdsDivideByDetection)
{
    /// <summary>A drawn polygon leaves its corners by less than this many pixels.</summary>
    private const double Margin = 2;

    private static readonly Box Everywhere = new(-1e9, -1e9, 2e9, 2e9);
    private readonly Side _detection = new();
    private Side[] _objects = [];

    /// <summary>Fills <c>[detection * objects + object]</c>.</summary>
    public void Compute(in MatchGroup group, double[] values)
    {
        int n = group.Detections.Length, m = group.Objects.Length;
        if (_objects.Length < m)
        {
            var from = _objects.Length;
            Array.Resize(ref _objects, Math.Max(m, 2 * from));
            for (var i = from; i < _objects.Length; i++) _objects[i] = new Side();
        }
        var canvas = CanvasOf(group);
        for (var g = 0; g < m; g++)
        {
            ref readonly var o = ref group.AllObjects[group.Objects[g]];
            _objects[g].Begin(o.Segmentation, o.Box, o.CannotBeHit, canvas);
        }
        for (var d = 0; d < n; d++)
        {
            ref readonly var detection = ref group.AllDetections[group.Detections[d]];
            _detection.Begin(detection.Shape?.Segmentation, detection.Box, detection.Shape is { CannotHit: true }, canvas);
            for (var g = 0; g < m; g++)
            {
                var apart = !Meet(_detection.Extent, _objects[g].Extent);
                values[(d * m) + g] = apart ? 0 : Overlap(_objects[g], group.AllObjects[group.Objects[g]].IsCrowd);
            }
        }
    }

    private double Overlap(Side target, bool isCrowd)
    {
        var crowd = crowdsDivideByDetection && isCrowd;
        RunLengthMask own = _detection.Mask, other = target.Mask;
        if (!(BoxOverlap.Iou(own.Bounds, other.Bounds, crowd) > 0)) return 0;
        var iou = own.Overlap(_detection.Runs, other, target.Runs, crowd);
        if (boundaryRatio is not { } ratio || crowd || !(iou > 0)) return iou;
        // A band has the bounds of its mask, and most pairs never meet: bands are made when they are needed.
        return Math.Min(iou, _detection.Band(ratio).Overlap(_detection.BandRuns, target.Band(ratio), target.BandRuns, otherIsCrowd: false));
    }

    /// <summary>Not a number meets everything: drawing the shape then refuses it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Meet(in Box a, in Box b)
        => !(Math.Min(a.Right, b.Right) <= Math.Max(a.X, b.X) || Math.Min(a.Bottom, b.Bottom) <= Math.Max(a.Y, b.Y));

    /// <summary>
    /// The size in which polygons are drawn: that of the image, where it is not known that of a mask, else one that holds all shapes. Only
    /// what an unknown border would cut off can differ.
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
        if (right * bottom > int.MaxValue)
        {
            throw new ArgumentException(
                $"image {group.ImageId} has no size, and its shapes reach to {right:0} x {bottom:0}; give the image its width and height.");
        }
        return ((int)Math.Ceiling(bottom) + 1, (int)Math.Ceiling(right) + 1);
    }

    /// <summary>A shape, its mask once it was needed, and the set runs of that.</summary>
    private sealed class Side
    {
        private readonly MaskIntervals _runs = new(), _bandRuns = new();
        private Segmentation? _shape;
        private Box _box;
        private (int Height, int Width) _canvas;
        private bool _isEmpty, _hasRuns, _hasBandRuns;
        private RunLengthMask? _mask, _band;

        /// <summary>A box that holds the mask.</summary>
        public Box Extent { get; private set; }

        public RunLengthMask Mask => _mask ??= _isEmpty ? RunLengthMask.Empty(_canvas.Height, _canvas.Width)
            : _shape is not null ? _shape.ToMask(_canvas.Height, _canvas.Width)
                : RunLengthMask.FromBox(_box, _canvas.Height, _canvas.Width);

        public MaskIntervals Runs
        {
            get
            {
                if (!_hasRuns) Mask.CopyTo(_runs);
                _hasRuns = true;
                return _runs;
            }
        }

        /// <summary>The set runs of the band, which was made before.</summary>
        public MaskIntervals BandRuns
        {
            get
            {
                if (!_hasBandRuns) _band!.CopyTo(_bandRuns);
                _hasBandRuns = true;
                return _bandRuns;
            }
        }

        public RunLengthMask Band(double ratio) => _band ??= Mask.Boundary(ratio);

        public void Begin(Segmentation? shape, in Box box, bool isEmpty, (int Height, int Width) canvas)
        {
            (_shape, _box, _isEmpty, _canvas) = (shape, box, isEmpty, canvas);
            (_mask, _band, _hasRuns, _hasBandRuns) = (null, null, false, false);
            Extent = isEmpty ? default : ExtentOf(shape, box);
        }

        private static Box ExtentOf(Segmentation? shape, in Box box)
        {
            // Masks have a size of their own and know their bounds.
            if (shape is RunLengthSegmentation { Mask: var mask }) return mask.Bounds;
            // What a lenient reader put nowhere meets nothing.
            if (shape is null && (box == Box.Nowhere || box == Box.Unreachable)) return default;
            var b = shape is null ? box : ShapeBounds.Of(shape, null);
            double left = Math.Min(b.X, b.Right), top = Math.Min(b.Y, b.Bottom), right = Math.Max(b.X, b.Right);
            var bottom = Math.Max(b.Y, b.Bottom);
            // What lies so far out cannot be drawn, which has to be said.
            if (!(Math.Max(right, bottom) <= RunLengthMask.MaxCoordinate
                && Math.Min(left, top) >= -RunLengthMask.MaxCoordinate)) return Everywhere;
            return new Box(left - Margin, top - Margin, right - left + (2 * Margin), bottom - top + (2 * Margin));
        }
    }
}
