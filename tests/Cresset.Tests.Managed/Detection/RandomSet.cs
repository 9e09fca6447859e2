using Cresset.Detection;

namespace Cresset.Tests.Managed.Detection;

/// <summary>The sets of tests/References/detection/scripts/make_randomised.py, made again from their seeds.</summary>
internal sealed class RandomSet
{
    private const int Width = 120, Height = 90;
    private ulong _state;

    public RandomSet(ulong seed)
    {
        _state = seed;
        List<DatasetCategory> categories = [];
        for (var k = 0; k < 4; k++) categories.Add(new DatasetCategory(2 + (3 * k), $"c{k}") { Frequency = "rcf"[k % 3].ToString() });
        List<DatasetImage> images = [];
        List<GroundTruthObject> objects = [];
        List<DetectedObject> detections = [];
        for (var n = 0; n < 10; n++)
        {
            var id = 100 - (7 * n);
            long[] negative = [.. categories.Where(_ => U() < .4).Select(c => c.Id)];
            long[] open = [.. categories.Where(_ => U() < .25).Select(c => c.Id)];
            images.Add(new DatasetImage(id, "", Width, Height) { NegativeCategoryIds = negative, NotExhaustiveCategoryIds = open });
            List<GroundTruthObject> here = [];
            for (var count = I(7); count > 0; count--) here.Add(Object(id, objects.Count + here.Count + 1, categories));
            objects.AddRange(here);
            for (var count = I(15); count > 0; count--) detections.Add(Detect(id, here, categories));
        }
        Truth = new DetectionDataset(images, categories, objects);
        Results = new DetectionResults(detections);
    }

    public DetectionDataset Truth { get; }

    public DetectionResults Results { get; }

    /// <summary>Results with masks drawn from the polygons and no boxes, as a result file of masks has them.</summary>
    public DetectionResults MaskResults
        => new([.. Results.Items.ToArray().Select(d
        => d with { Shape = new DetectionShape { HasBox = false,
        Segmentation = new RunLengthSegmentation(d.Shape!.Segmentation!.ToMask(Height, Width)) } })]);

    public DetectionResults KeypointResults
        => new([.. Results.Items.ToArray().Select(d
        => d with { Shape = new DetectionShape { HasBox = false, Keypoints = d.Shape!.Keypoints } })]);

    private GroundTruthObject Object(long image, long id, List<DatasetCategory> categories)
    {
        double w = Quarter(4 + (60 * U() * U())), h = Quarter(4 + (50 * U() * U()));
        var b = new Box(Quarter(U() * (Width - w)), Quarter(U() * (Height - h)), w, h);
        var category = categories[I(4)].Id;
        var marks = U() < .08 ? ObjectMarks.Crowd : ObjectMarks.None;
        if (U() < .08) marks |= ObjectMarks.Ignore;
        var points = new double[51];
        for (var p = 0; p < 17; p++)
        {
            points[3 * p] = Quarter(b.X + (U() * w));
            points[(3 * p) + 1] = Quarter(b.Y + (U() * h));
            points[(3 * p) + 2] = I(3);
        }
        if (U() < .1)
        {
            for (var p = 2; p < 51; p += 3) points[p] = 0;
        }
        var labelled = Enumerable.Range(0, 17).Count(p => points[(3 * p) + 2] > 0);
        return new GroundTruthObject
        {
            Id = id,
            ImageId = image,
            CategoryId = category,
            Box = b,
            Area = w * h * .75,
            Marks = marks,
            Segmentation = Polygon(b),
            Keypoints = points,
            KeypointCount = labelled
        };
    }

    private DetectedObject Detect(long image, List<GroundTruthObject> here, List<DatasetCategory> categories)
    {
        Box b;
        long category;
        var points = new double[51];
        if (here.Count > 0 && U() < .75)
        {
            var g = here[I(here.Count)];
            b = new Box(Quarter(g.Box.X + ((U() - .5) * 8)), Quarter(g.Box.Y + ((U() - .5) * 8)),
                Math.Max(1, Quarter(g.Box.Width + ((U() - .5) * 8))), Math.Max(1, Quarter(g.Box.Height + ((U() - .5) * 8))));
            category = U() < .85 ? g.CategoryId : categories[I(4)].Id;
            for (var p = 0; p < 51; p++) points[p] = p % 3 < 2 ? Quarter(g.Keypoints![p] + ((U() - .5) * 10)) : 1;
        }
        else
        {
            b = new Box(Quarter(U() * 80), Quarter(U() * 60), Quarter(2 + (U() * 40)), Quarter(2 + (U() * 30)));
            category = categories[I(4)].Id;
            for (var p = 0; p < 51; p++) points[p] = p % 3 == 0 ? Quarter(U() * Width) : p % 3 == 1 ? Quarter(U() * Height) : 1;
        }
        return new DetectedObject(image, category, b,
            Math.Floor(U() * 40) / 40)
        { Shape = new DetectionShape { Segmentation = Polygon(b), Keypoints = points } };
    }

    private static PolygonSegmentation Polygon(Box b)
        => new([[b.X, b.Y + (b.Height / 2), b.X + (b.Width / 4), b.Y, b.X + b.Width, b.Y + (b.Height / 4), b.X + (b.Width * 3 / 4),
            b.Y + b.Height, b.X + (b.Width / 4), b.Y + b.Height]]);

    private static double Quarter(double x) => Math.Floor((x * 4) + .5) / 4;

    private int I(int n) => (int)Math.Floor(U() * n);

    private double U()
    {
        _state += 0x9E3779B97F4A7C15;
        var z = _state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return ((z ^ (z >> 31)) >> 11) * (1.0 / 9007199254740992.0);
    }
}
