using System.Diagnostics;
using Cresset.Detection;
using Cresset.Numerics;

namespace Cresset.Benchmarks.Detection;

/// <summary>
/// A set of the size of Objects365 (365 classes, 100 detections per image) that never exists as a whole: every image is made, added to the
/// evaluator and forgotten. Reports what is kept for a detection.
/// </summary>
internal static class StreamedImages
{
    private const int Classes = 365, Found = 100;

    public static int Run(int images)
    {
        var evaluator = new CocoEvaluator([.. Enumerable.Range(1, Classes).Select(c => new DatasetCategory(c, $"class {c}"))]);
        var random = new RandomStream(365);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var clock = Stopwatch.StartNew();
        long detections = 0, groups = 0;
        for (var i = 0; i < images; i++)
        {
            var (objects, found, kinds) = Image(i + 1, random);
            evaluator.Add(new DatasetImage(i + 1, "", 1024, 768), objects, found);
            detections += found.Length;
            groups += kinds;
        }
        var matched = clock.Elapsed;
        var kept = GC.GetTotalMemory(forceFullCollection: true) - before;
        var result = evaluator.Compute();
        var cpu = Process.GetCurrentProcess().TotalProcessorTime;
        Console.WriteLine($"AP {result.Stats[0]:F4} of {images} images, {detections} detections, {groups} pairs of image and class");
        Console.WriteLine($"kept {kept / 1e6:F0} MB: {(double)kept / detections:F1} bytes per detection, all included");
        Console.WriteLine(
            $"wall s: match {matched.TotalSeconds:F1}  all {clock.Elapsed.TotalSeconds:F1}; CPU s {cpu.TotalSeconds:F1}; peak memory "
                + $"{Process.GetCurrentProcess().PeakWorkingSet64 / 1e6:F0} MB");
        return 0;
    }

    private static (GroundTruthObject[] Objects, DetectedObject[] Detections, int Kinds) Image(long id, RandomStream random)
    {
        // Classes by their rank, as in the real set: few are frequent.
        var kinds = new long[2 + random.NextInt32(8)];
        for (var k = 0; k < kinds.Length; k++) kinds[k] = 1 + (long)(Classes * Math.Pow(random.NextDouble(), 3));
        var objects = new GroundTruthObject[2 + random.NextInt32(28)];
        for (var o = 0; o < objects.Length; o++) objects[o] = new GroundTruthObject
        {
            CategoryId = kinds[random.NextInt32(kinds.Length)],
            Box = Box(random)
        };
        var found = new DetectedObject[Found];
        for (var d = 0; d < Found; d++)
        {
            if (d < objects.Length)
            {
                var b = objects[d].Box;
                var near = new Box(b.X + (b.Width * 0.2 * (random.NextDouble() - 0.5)),
                    b.Y + (b.Height * 0.2 * (random.NextDouble() - 0.5)), b.Width, b.Height);
                found[d] = new DetectedObject(id, objects[d].CategoryId, near, 0.3 + (0.7 * random.NextDouble()));
            }
            else
            {
                found[d] = new DetectedObject(id, kinds[random.NextInt32(kinds.Length)], Box(random), 0.5 * random.NextDouble());
            }
        }
        return (objects, found, kinds.Distinct().Count());
    }

    private static Box Box(RandomStream random)
    {
        double w = 10 + (300 * random.NextDouble()), h = 10 + (300 * random.NextDouble());
        return new Box(random.NextDouble() * (1024 - w), random.NextDouble() * (768 - h), w, h);
    }
}
