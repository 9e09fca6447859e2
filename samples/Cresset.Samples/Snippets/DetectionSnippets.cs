using Cresset.Detection;

namespace Cresset.Samples.Snippets;

/// <summary>docs/detection.md, on a ground truth of one picture.</summary>
internal static class DetectionSnippets
{
    private const string Truth = """
        {"images": [{"id": 1, "width": 64, "height": 48}], "categories": [{"id": 1, "name": "cat"}],
         "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [8, 8, 20, 16], "area": 320, "iscrowd": 0}]}
        """;

    public static void Files()
    {
        File.WriteAllText("instances_val2017.json", Truth);
        File.WriteAllText("results.json", """[{"image_id": 1, "category_id": 1, "bbox": [9, 8, 20, 16], "score": 0.9}]""");
        var truth = CocoFormat.ReadGroundTruth("instances_val2017.json");
        var results = CocoFormat.ReadResults("results.json", truth);
        var coco = CocoEvaluator.Evaluate(truth, results);           // CocoOptions.Masks, .Keypoints, .Boundaries
        Console.WriteLine($"AP {coco.Stats[0]}  AP50 {coco.Stats[1]}");
        var curve = coco.Curve(category: 0);                          // recall, precision, scores
        var best = OperatingPoint.BestF(curve);                       // threshold of best F1

        var voc = ProtocolEvaluator.Evaluate(truth, results, DetectionProtocol.Voc10);
        Console.WriteLine(voc["mAP"]);
    }

    public static void Memory()
    {
        var made = new CocoEvaluator([new DatasetCategory(1, "person")]);
        made.Add(new DatasetImage(7), [new() { CategoryId = 1, Box = new Box(3, 4, 40, 50) }],
            [new DetectedObject(7, 1, new Box(3, 4, 40, 50), .9)]);
        Console.WriteLine(made.Compute().Stats[0]);                   // 1
    }

    public static void Processes()
    {
        var truth = CocoFormat.ReadGroundTruth("instances_val2017.json");
        var other = new CocoEvaluator(truth.Categories);
        var image = truth.Images[0];
        GroundTruthObject[] objectsOfImage = [.. truth.Objects];
        DetectedObject[] detectionsOfImage = [];
        using var stream = new MemoryStream();
        var evaluator = new CocoEvaluator(truth.Categories);
        evaluator.Add(image, objectsOfImage, detectionsOfImage);      // in any order
        evaluator.Save(stream);                                       // on each process
        stream.Position = 0;
        var all = CocoEvaluator.Load(stream, truth.Categories);
        all.Merge(other);
        var result = all.Compute();
    }

    public static void Shapes()
    {
        float[] a = [0, 0, 10, 10], b = [5, 0, 15, 10, 0, 0, 10, 10];
        float[] boxes = [0, 0, 10, 10, 1, 0, 11, 10], scores = [0.9f, 0.8f];
        int[] labels = [0, 0];
        var result = new float[2];
        double[] polygon = [2, 2, 20, 2, 20, 12, 2, 12];
        const int height = 24, width = 32;
        var other = RunLengthMask.FromPolygon([4, 4, 20, 4, 20, 12], height, width);
        PairwiseIou.Compute<float>(a, b, result, BoxIouKind.Complete);     // corners [N, 4] and [M, 4] to [N, M]
        int[] kept = NonMaximumSuppression.Hard<float>(boxes, scores, 0.5, labels);
        double iou = new OrientedBox(0, 0, 4, 2, 0.3).Iou(new OrientedBox(1, 0, 4, 2, 0));
        var mask = RunLengthMask.FromPolygon(polygon, height, width);      // the runs of the COCO mask code
        double shared = mask.Iou(other);
        var edge = mask.Boundary(0.02);
    }
}
