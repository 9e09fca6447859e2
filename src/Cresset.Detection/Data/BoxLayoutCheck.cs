using System.Globalization;

namespace Cresset.Detection;

/// <summary>Finds boxes that were written in another layout than they are read in: a score of 0 would look like a bad model.</summary>
internal static class BoxLayoutCheck
{
    private const int Looked = 20_000;
    private const int Glanced = 2_000;
    private const double Meeting = 0.5;
    private const int TimesAsMany = 5;
    private const int FewestByChance = 4;

    private static readonly (string Name, Func<Box, DatasetImage, Box> Read)[] Layouts =
    [
        ("two corners (x1, y1, x2, y2)", (b, _) => Box.FromCorners(b.X, b.Y, b.Width, b.Height)),
        ("centre and size", (b, _) => Box.FromCenter(b.X, b.Y, b.Width, b.Height)),
        ("shares of the image", (b, i) => Scaled(b, i)),
        ("shares of the image, two corners", (b, i) => Scaled(b, i) is var s ? Box.FromCorners(s.X, s.Y, s.Width, s.Height) : b),
        ("two corners, y before x (y1, x1, y2, x2)", (b, _) => Box.FromCorners(b.Y, b.X, b.Height, b.Width)),
        ("y before x (y, x, height, width)", (b, _) => Turned(b)),
        ("shares of the image, two corners, y before x",
            (b, i) => Scaled(Turned(b), i) is var s ? Box.FromCorners(s.X, s.Y, s.Width, s.Height) : b),
        ("shares of the image, centre and size", (b, i) => Scaled(b, i) is var s ? Box.FromCenter(s.X, s.Y, s.Width, s.Height) : b),
    ];

    // Where a file counts images or classes from another number than the other one, or holds the boxes of scaled pictures.
    private static readonly (string Name, long Image, long Class)[] Shifts =
    [
        ("with category ids one higher", 0, 1), ("with category ids one lower", 0, -1),
        ("with image ids one higher", 1, 0), ("with image ids one lower", -1, 0),
    ];

    private const string SecondScore = "lines of class, score, centre and size; the score comes last";

    /// <summary>
    /// What is wrong, or null. It needs clear evidence: read in another layout at least five times as many detections meet an object of
    /// their class, and a tenth of what could be met.
    /// </summary>
    /// <param name="dataset">Ground truth.</param>
    /// <param name="results">Detections.</param>
    /// <param name="masks">Whether the bounds of the masks are looked at instead of the boxes.</param>
    public static string? Find(DetectionDataset dataset, DetectionResults results, bool masks = false)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(results);
        if (MeetAsRead(dataset, results, masks)) return null;
        var objects = Objects(dataset, masks, null);
        var total = objects.Values.Sum(boxes => boxes.Count);
        var step = Math.Max(1, results.Items.Length / Looked);
        int looked = 0, asRead = 0;
        int[] detections = new int[Layouts.Length], truths = new int[Layouts.Length], shifted = new int[Shifts.Length];
        var secondScore = 0;
        var scale = new ScaleOfPictures();
        for (var i = 0; i < results.Items.Length; i += step)
        {
            ref readonly var d = ref results.Items[i];
            if (!d.HasBox && !masks) continue;
            var box = BoxOf(d, masks);
            for (var s = 0; s < Shifts.Length; s++)
            {
                if (objects.TryGetValue((d.ImageId + Shifts[s].Image, d.CategoryId + Shifts[s].Class), out var others)
                    && Meets(box, others)) shifted[s]++;
            }
            if (!objects.TryGetValue((d.ImageId, d.CategoryId), out var boxes)
                || dataset.FindImage(d.ImageId) is not { } image) continue;
            looked++;
            scale.Add(box, boxes);
            if (Meets(box, boxes)) asRead++;
            if (!masks && Meets(ScoreSecond(d, image), boxes)) secondScore++;
            for (var l = 0; l < Layouts.Length; l++)
            {
                var read = Layouts[l].Read;
                if (Meets(read(box, image), boxes)) detections[l]++;
                if (boxes.Any(b => BoxOverlap.Iou(box, read(b, image)) >= Meeting)) truths[l]++;
            }
        }
        var needed = Math.Max(2, Math.Max(TimesAsMany * asRead, Math.Min(looked, total) / 10));
        var seen = $"{asRead} of {looked} detections meet an object of their class (IoU {Meeting}), but";
        if (Best(detections) is { } wrong) return Say("detections", wrong, detections[wrong]);
        if (Best(truths) is { } other) return Say("the boxes of the truth", other, truths[other]);
        if (secondScore >= needed) return $"{seen} {secondScore} do when they are read as {SecondScore}";
        // Boxes of other pictures meet by chance, too.
        needed = Math.Max(needed, FewestByChance);
        if (Best(shifted) is { } shift)
            return $"{seen} {shifted[shift]} do when they are read {Shifts[shift].Name}; number images and categories as the ground truth "
                + $"does";
        if (scale.Meeting is var scaled && scaled >= needed)
            return string.Create(CultureInfo.InvariantCulture,
                $"{seen} {scaled} do when their coordinates are multiplied by {scale.X:0.##} and {scale.Y:0.##}; write them in the "
                    + $"pixels of the ground truth's pictures");
        return null;

        int? Best(int[] counts) => Array.IndexOf(counts, counts.Max()) is var best && counts[best] >= needed ? best : null;
        string Say(string what, int layout, int meeting)
            => $"{seen} {meeting} do when {what} are read as {Layouts[layout].Name}; write "
                + (masks ? "coordinates in pixels" : "boxes as x, y, width, height in pixels");
    }

    // Nearly every file: where so many of a few detections meet as they are read, no other layout has several times as many.
    private static bool MeetAsRead(DetectionDataset dataset, DetectionResults results, bool masks)
    {
        var step = Math.Max(1, results.Items.Length / Glanced);
        var wanted = new HashSet<(long Image, long Class)>();
        for (var i = 0; i < results.Items.Length; i += step) wanted.Add((results.Items[i].ImageId, results.Items[i].CategoryId));
        var objects = Objects(dataset, masks, wanted);
        int looked = 0, meeting = 0;
        for (var i = 0; i < results.Items.Length; i += step)
        {
            ref readonly var d = ref results.Items[i];
            if (!d.HasBox && !masks) continue;
            looked++;
            if (objects.TryGetValue((d.ImageId, d.CategoryId), out var boxes) && Meets(BoxOf(d, masks), boxes)) meeting++;
        }
        return TimesAsMany * meeting > looked;
    }

    private static Dictionary<(long Image, long Class), List<Box>> Objects(DetectionDataset dataset, bool masks,
        HashSet<(long Image, long Class)>? wanted)
    {
        var objects = new Dictionary<(long Image, long Class), List<Box>>();
        foreach (ref readonly var o in dataset.Objects)
        {
            if (o.CannotBeHit || wanted?.Contains((o.ImageId, o.CategoryId)) == false) continue;
            if (!objects.TryGetValue((o.ImageId, o.CategoryId), out var boxes)) objects[(o.ImageId, o.CategoryId)] = boxes = [];
            boxes.Add(masks && o.Segmentation is { } shape ? ShapeBounds.Of(shape, null) : o.Box);
        }
        return objects;
    }

    private static Box BoxOf(in DetectedObject d, bool masks)
        => masks && d.Shape?.Segmentation is { } shape ? ShapeBounds.Of(shape, null) : d.Box;

    private static bool Meets(in Box box, List<Box> boxes)
    {
        foreach (var b in boxes)
        {
            if (box.Width > 0 && box.Height > 0 && BoxOverlap.Iou(box, b) >= Meeting) return true;
        }
        return false;
    }

    private static Box Turned(in Box b) => new(b.Y, b.X, b.Height, b.Width);

    private static Box Scaled(in Box b, DatasetImage image)
        => new(b.X * image.Width, b.Y * image.Height, b.Width * image.Width, b.Height * image.Height);

    /// <summary>What a line holds whose score stands behind its class: each number was read one place too early.</summary>
    private static Box ScoreSecond(in DetectedObject d, DatasetImage image)
    {
        double w = image.Width, h = image.Height;
        if (w <= 0 || h <= 0) return default;
        return Box.FromCenter((d.Box.Y + (d.Box.Height / 2)) / h * w, d.Box.Width / w * h, d.Box.Height / h * w, d.Score * h);
    }

    /// <summary>One factor for all pictures by which detections would come to lie where the objects are.</summary>
    private sealed class ScaleOfPictures
    {
        private const double Same = 1.25;
        private readonly List<(Box Box, List<Box> Objects)> _pairs = [];
        private double _right, _bottom, _wantedRight, _wantedBottom;

        public double X => _wantedRight / _right;

        public double Y => _wantedBottom / _bottom;

        public void Add(in Box box, List<Box> objects)
        {
            _pairs.Add((box, objects));
            _right += box.X + (box.Width / 2);
            _bottom += box.Y + (box.Height / 2);
            _wantedRight += objects.Average(o => o.X + (o.Width / 2));
            _wantedBottom += objects.Average(o => o.Y + (o.Height / 2));
        }

        public int Meeting => !(X > 0 && Y > 0 && double.IsFinite(X) && double.IsFinite(Y)) || (IsNearOne(X) && IsNearOne(Y)) ? 0
            : _pairs.Count(p => Meets(new Box(p.Box.X * X, p.Box.Y * Y, p.Box.Width * X, p.Box.Height * Y), p.Objects));

        private static bool IsNearOne(double factor) => factor is > 1 / Same and < Same;
    }
}
