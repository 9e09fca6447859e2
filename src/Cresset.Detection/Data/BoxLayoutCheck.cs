namespace Cresset.Detection;

/// <summary>Finds boxes that were written in another layout than they are read in: a score of 0 would look like a bad model.</summary>
internal static class BoxLayoutCheck
{
    private const int Looked = 20_000;
    private const double Meeting = 0.5;

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

    /// <summary>
    /// What is wrong, or null. It needs clear evidence: read in another layout at least five times as many detections meet an object
    /// of their class, and a tenth of what could be met.
    /// </summary>
    public static string? Find(DetectionDataset dataset, DetectionResults results)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(results);
        var objects = new Dictionary<(long Image, long Class), List<Box>>();
        var total = 0;
        foreach (ref readonly var o in dataset.Objects)
        {
            if (o.CannotBeHit) continue;
            if (!objects.TryGetValue((o.ImageId, o.CategoryId), out var boxes)) objects[(o.ImageId, o.CategoryId)] = boxes = [];
            boxes.Add(o.Box);
            total++;
        }
        var step = Math.Max(1, results.Items.Length / Looked);
        int looked = 0, asRead = 0;
        int[] detections = new int[Layouts.Length], truths = new int[Layouts.Length];
        for (var i = 0; i < results.Items.Length; i += step)
        {
            ref readonly var d = ref results.Items[i];
            if (!d.HasBox || !objects.TryGetValue((d.ImageId, d.CategoryId), out var boxes)
                || dataset.FindImage(d.ImageId) is not { } image) continue;
            looked++;
            var box = d.Box;
            if (Meets(box, boxes)) asRead++;
            for (var l = 0; l < Layouts.Length; l++)
            {
                var read = Layouts[l].Read;
                if (Meets(read(box, image), boxes)) detections[l]++;
                if (boxes.Any(b => BoxOverlap.Iou(box, read(b, image)) >= Meeting)) truths[l]++;
            }
        }
        var needed = Math.Max(2, Math.Max(5 * asRead, Math.Min(looked, total) / 10));
        return Best(detections) is { } wrong ? Say("detections", wrong, detections[wrong]) : Best(truths) is { } other
            ? Say("the boxes of the truth", other, truths[other]) : null;

        int? Best(int[] counts) => Array.IndexOf(counts, counts.Max()) is var best && counts[best] >= needed ? best : null;
        string Say(string what, int layout, int meeting)
            => $"{asRead} of {looked} detections meet an object of their class (IoU {Meeting}), but {meeting} do when {what} are read as "
                + $"{Layouts[layout].Name}; write boxes as x, y, width, height in pixels";
    }

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
}
