using System.Diagnostics;
using System.Globalization;
using Cresset.Detection;

namespace Cresset.Benchmarks.Detection;

/// <summary>
/// Masks in memory: images of 640 x 480 with seven objects each, ellipses of 24 corners, and two detections per object; CPU seconds of
/// scoring them as segm and as boundary. <c>--masks IMAGES</c>.
/// </summary>
internal static class SyntheticMasks
{
    private const int Width = 640, Height = 480, ObjectsPerImage = 7;

    public static int Run(int images)
    {
        var random = new System.Random(17);
        List<DatasetImage> list = [];
        List<GroundTruthObject> objects = [];
        List<DetectedObject> detections = [];
        for (var i = 1; i <= images; i++)
        {
            list.Add(new DatasetImage(i, "", Width, Height));
            for (var o = 0; o < ObjectsPerImage; o++)
            {
                double a = 8 + (90 * random.NextDouble() * random.NextDouble()), b = a * (0.5 + random.NextDouble());
                double x = a + ((Width - (2 * a)) * random.NextDouble()), y = b + ((Height - (2 * b)) * random.NextDouble());
                var category = 1 + random.Next(10);
                objects.Add(new GroundTruthObject
                {
                    Id = objects.Count + 1,
                    ImageId = i,
                    CategoryId = category,
                    Segmentation = Ellipse(x, y, a, b)
                });
                for (var d = 0; d < 2; d++)
                {
                    double Shift() => (random.NextDouble() - 0.5) * a * 0.3;
                    var shape = new RunLengthSegmentation(Ellipse(x + Shift(), y + Shift(), a + Shift(), b + Shift())
                        .ToMask(Height, Width));
                    detections.Add(new DetectedObject
                    {
                        ImageId = i,
                        CategoryId = category,
                        Score = random.NextDouble(),
                        Shape = new DetectionShape { Segmentation = shape, HasBox = false }
                    });
                }
            }
        }
        var (truth, results) = (
            new DetectionDataset(list, [.. Enumerable.Range(1, 10).Select(k => new DatasetCategory(k, $"c{k}"))], objects),
            new DetectionResults(detections));
        foreach (var options in new[] { CocoOptions.Masks, CocoOptions.Boundaries })
        {
            var start = Process.GetCurrentProcess().TotalProcessorTime;
            var clock = Stopwatch.StartNew();
            var ap = CocoEvaluator.Evaluate(truth, results, options).Stats[0];
            var cpu = (Process.GetCurrentProcess().TotalProcessorTime - start).TotalSeconds;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{options.Kind}: AP {ap:0.0000}, CPU {cpu:0.00} s, wall {clock.Elapsed.TotalSeconds:0.00} s for "
                    + $"{objects.Count + detections.Count} masks in {images} images"));
        }
        return 0;
    }

    private static PolygonSegmentation Ellipse(double x, double y, double a, double b)
    {
        var points = new double[48];
        for (var i = 0; i < 24; i++)
        {
            var (sin, cos) = Math.SinCos(i * Math.PI / 12);
            (points[2 * i], points[(2 * i) + 1]) = (x + (a * cos), y + (b * sin));
        }
        return new PolygonSegmentation([points]);
    }
}
