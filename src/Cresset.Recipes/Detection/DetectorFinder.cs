using Cresset.Detection;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Reads the maps of a detector's net: peaks of the class map become boxes, the ink inside a box its mask.</summary>
/// <param name="net">The net, in evaluation mode.</param>
/// <param name="nmsIou">Boxes of a class that overlap more are one detection.</param>
/// <param name="most">Most detections of a picture.</param>
/// <param name="candidates">Most peaks that are looked at, the surest first.</param>
internal sealed class DetectorFinder(DetectorNet net, double nmsIou, int most, int candidates)
{
    private const float LeastScore = 0.05f;

    /// <summary>The detections in each of the pictures [N, 1, H, W] in 0..1, of any size; the category of class k is k + 1.</summary>
    public List<DetectedObject>[] Find(Tensor pictures)
    {
        int height = (int)pictures.size(2), width = (int)pictures.size(3);
        int below = -height & (DetectorNet.Stride - 1), beside = -width & (DetectorNet.Stride - 1);
        if (below + beside > 0) pictures = nn.functional.pad(pictures, [0, beside, 0, below], PaddingModes.Replicate);
        var (logits, sides, ink) = net.call(pictures);
        var scores = logits.sigmoid();
        // A cell that a neighbour surpasses is not the middle of what it sees.
        var peaks = scores.eq(nn.functional.max_pool2d(scores, 3, stride: 1, padding: 1)).to(scores.dtype) * scores;
        int count = (int)pictures.size(0), classes = (int)logits.size(1), rows = (int)logits.size(2), columns = (int)logits.size(3);
        float[] p = Values(peaks), s = Values(sides), shown = Values(ink.narrow(2, 0, height).narrow(3, 0, width));
        int plane = rows * columns, pixels = height * width;
        var found = new List<DetectedObject>[count];
        for (var n = 0; n < count; n++)
        {
            var own = p.AsSpan(n * classes * plane, classes * plane);
            found[n] = Of(own, s.AsSpan(n * 4 * plane, 4 * plane), shown.AsSpan(n * pixels, pixels), columns, plane, height, width);
        }
        return found;
    }

    private List<DetectedObject> Of(ReadOnlySpan<float> peaks, ReadOnlySpan<float> sides, ReadOnlySpan<float> ink, int columns, int plane,
        int height, int width)
    {
        var all = new List<(float Score, int Class, float[] Box)>();
        for (var i = 0; i < peaks.Length; i++)
        {
            if (peaks[i] < LeastScore) continue;
            var at = i % plane;
            float x = ((at % columns) + 0.5f) * DetectorNet.Stride, y = ((at / columns) + 0.5f) * DetectorNet.Stride;
            // What a border was filled up with is not part of the picture.
            if (x >= width || y >= height) continue;
            all.Add((peaks[i], i / plane, BoxAt(x, y, sides, at, plane, height, width)));
        }
        all = [.. all.OrderByDescending(d => d.Score).Take(candidates)];
        if (all.Count == 0) return [];
        float[] boxes = [.. all.SelectMany(d => d.Box)], values = [.. all.Select(d => d.Score)];
        int[] labels = [.. all.Select(d => d.Class)];
        var found = new List<DetectedObject>();
        foreach (var k in NonMaximumSuppression.Hard<float>(boxes, values, (float)nmsIou, labels).Take(most))
        {
            var (score, category, box) = all[k];
            found.Add(new DetectedObject(0, category + 1, Box.FromCorners(box[0], box[1], box[2], box[3]), score)
            {
                Shape = new DetectionShape { Segmentation = new RunLengthSegmentation(MaskIn(box, ink, height, width)) },
            });
        }
        return found;
    }

    private static float[] BoxAt(float x, float y, ReadOnlySpan<float> sides, int at, int plane, int height, int width) =>
    [
        Math.Max(0, x - sides[at]), Math.Max(0, y - sides[plane + at]),
        Math.Min(width, x + sides[(2 * plane) + at]), Math.Min(height, y + sides[(3 * plane) + at]),
    ];

    /// <summary>The ink of a box. Runs go down the columns, pixels of pictures along the rows.</summary>
    private static RunLengthMask MaskIn(float[] box, ReadOnlySpan<float> ink, int height, int width)
    {
        var set = new byte[height * width];
        int x1 = (int)Math.Ceiling(box[2]), y1 = (int)Math.Ceiling(box[3]);
        for (var x = (int)Math.Floor(box[0]); x < x1; x++)
        {
            for (var y = (int)Math.Floor(box[1]); y < y1; y++) set[(x * height) + y] = ink[(y * width) + x] > 0 ? (byte)1 : (byte)0;
        }
        return RunLengthMask.Encode(set, height, width);
    }

    private static float[] Values(Tensor t) => t.to(ScalarType.Float32).cpu().contiguous().data<float>().ToArray();
}
