using System.Text.Json;
using Cresset.Detection;
using Xunit;

namespace Cresset.Tests.Managed.Detection;

public sealed class ProtocolTests
{
    private static readonly JsonElement Discriminators = Golden.Json("discriminators.json.gz");

    public static TheoryData<string> Cases
        => [.. Discriminators.GetProperty("cases").EnumerateArray().Select(c => c.GetProperty("name").GetString()!)];

    public static TheoryData<string> VocSets => [.. Directory.GetFiles(Golden.PathOf("voc")).Select(f => Path.GetFileName(f)).Order()];

    [Theory]
    [MemberData(nameof(Cases))]
    public void EveryNamedProtocolGivesItsToolsAnswer(string name)
    {
        var item = Discriminators.GetProperty("cases").EnumerateArray().Single(c => c.GetProperty("name").GetString() == name);
        var (truth, results) = Read(item);
        var expected = item.GetProperty("results");
        ProtocolResult Run(DetectionProtocol p, double weight = 0)
            => ProtocolEvaluator.Evaluate(truth, results, new ProtocolOptions { Protocol = p, GroupOfWeight = weight });
        void Same(string tool, string key, double actual)
            => Assert.True(Math.Abs(expected.GetProperty(tool).GetProperty(key).GetDouble() - actual) < 1e-9,
            $"{tool} {key}: {actual} instead of {expected.GetProperty(tool).GetProperty(key)}");

        var coco = Run(DetectionProtocol.Coco);
        Same("pycocotools", "AP", coco["AP"]);
        Same("pycocotools", "AP50", coco["AP50"]);
        Same("pycocotools", "AR100", coco["AR100"]);
        var torchmetrics = Run(DetectionProtocol.TorchMetrics);
        Assert.Equal(expected.GetProperty("torchmetrics").GetProperty("map").GetDouble(), torchmetrics["AP"], 6e-8);
        Assert.Equal(expected.GetProperty("torchmetrics").GetProperty("map_50").GetDouble(), torchmetrics["AP50"], 6e-8);
        Same("voc_eval", "all_point", Run(DetectionProtocol.Voc10)["mAP"]);
        Same("voc_eval", "eleven_point", Run(DetectionProtocol.Voc07)["mAP"]);
        var padilla = Run(DetectionProtocol.Padilla);
        foreach (var c in expected.GetProperty("rafaelpadilla_all_point").EnumerateObject())
        {
            var ap = padilla.Classes.Single(x => x.Name == c.Name).Ap[0];
            if (c.Value.ValueKind == JsonValueKind.Null) Assert.True(double.IsNaN(ap));
            else Assert.Equal(c.Value.GetDouble(), ap, 1e-9);
        }
        Same("yolo_current", "map50", Run(DetectionProtocol.Yolo)["mAP50"]);
        Same("yolo_current", "map50_95", Run(DetectionProtocol.Yolo)["mAP"]);
        Same("yolo_legacy", "map50", Run(DetectionProtocol.YoloLegacy)["mAP50"]);
        Same("yolo_legacy", "map50_95", Run(DetectionProtocol.YoloLegacy)["mAP"]);
        Assert.Equal(expected.GetProperty("open_images_w0").GetDouble(), Run(DetectionProtocol.OpenImages)["mAP"], 1e-9);
        Assert.Equal(expected.GetProperty("open_images_w1").GetDouble(), Run(DetectionProtocol.OpenImages, 1)["mAP"], 1e-9);
        var tide = Run(DetectionProtocol.Tide).Tide!;
        Same("tide", "AP50", tide.Ap);
        CheckTide(expected.GetProperty("tide"), tide, 100);
    }

    [Theory]
    [MemberData(nameof(VocSets))]
    public void VocCurvesAgreeWithTheDevelopmentKit(string file)
    {
        var set = Golden.Json("voc/" + file);
        var (truth, results) = VocData(set);
        foreach (var expected in set.GetProperty("results").EnumerateArray())
        {
            var iou = expected.GetProperty("iou").GetDouble();
            var name = expected.GetProperty("class").GetString()!;
            ProtocolClass Run(DetectionProtocol p)
                => ProtocolEvaluator.Evaluate(truth, results, new ProtocolOptions { Protocol = p, IouThresholds = [iou] }).Classes.Single(c
                => c.Name == name);
            var voc = expected.GetProperty("voc_eval");
            var measured = Run(DetectionProtocol.Voc10);
            Same(voc, "ap_all_point", measured.Ap[0], $"{file} {name} {iou}");
            Same(voc, "ap_11_point", Run(DetectionProtocol.Voc07).Ap[0], $"{file} {name} {iou}");
            if (voc.TryGetProperty("rec", out var recall))
            {
                CocoGoldenTests.AssertClose(recall.Flat(), measured.Curve.Recall, 1e-12, "recall");
                CocoGoldenTests.AssertClose(voc.GetProperty("prec").Flat(), measured.Curve.Precision, 1e-12, "precision");
            }
            var padilla = expected.GetProperty("rafaelpadilla");
            var other = Run(DetectionProtocol.Padilla);
            Same(padilla, "ap_all_point", other.Ap[0], $"padilla {file} {name} {iou}");
            Same(padilla, "ap_11_point", Run(DetectionProtocol.Padilla11).Ap[0], $"padilla {file} {name} {iou}");
            Assert.Equal(padilla.GetProperty("positives").GetDouble(), other.Positives);
            Assert.Equal(padilla.GetProperty("tp").GetDouble(), other.Curve.Hits.Count(h => h == 1));
            Assert.Equal(padilla.GetProperty("fp").GetDouble(), other.Curve.Hits.Count(h => h == 0));
        }
    }

    [Fact]
    public void TideAgreesWithTidecv()
    {
        foreach (var set in Golden.Json("tide.json.gz").GetProperty("sets").EnumerateArray())
        {
            var (truth, results) = Read(set);
            foreach (var expected in set.GetProperty("results").EnumerateArray())
            {
                var tide = TideEvaluator.Evaluate(truth, results, expected.GetProperty("pos").GetDouble(),
                    expected.GetProperty("bg").GetDouble());
                Assert.Equal(expected.GetProperty("ap").GetDouble(), tide.Ap * 100, 1e-9);
                CheckTide(expected, tide, 100);
                Assert.Equal(expected.GetProperty("special").GetProperty("FalsePos").GetDouble(), tide.FalsePositiveDelta * 100, 1e-9);
                Assert.Equal(expected.GetProperty("special").GetProperty("FalseNeg").GetDouble(), tide.FalseNegativeDelta * 100, 1e-9);
            }
        }
    }

    [Fact]
    public void YoloAndOpenImagesAgree()
    {
        foreach (var set in Golden.Json("yolo_openimages.json.gz").GetProperty("sets").EnumerateArray())
        {
            var (truth, results) = Read(set);
            foreach (var (key, protocol) in new[] { ("yolo_current", DetectionProtocol.Yolo),
                ("yolo_legacy", DetectionProtocol.YoloLegacy) })
            {
                var expected = set.GetProperty(key);
                var result = ProtocolEvaluator.Evaluate(truth, results, protocol);
                Assert.Equal(expected.GetProperty("map50").GetDouble(), result["mAP50"], 1e-9);
                Assert.Equal(expected.GetProperty("map50_95").GetDouble(), result["mAP"], 1e-9);
                var counted = result.Classes.Where(c => c.Positives > 0).ToArray();
                Assert.Equal(expected.GetProperty("classes").Longs(), counted.Select(c => c.Id));
                CocoGoldenTests.AssertClose(expected.GetProperty("ap").Flat(), counted.SelectMany(c => c.Ap), 1e-9, "AP");
                Assert.Equal(expected.GetProperty("best_conf").GetDouble(), result.OperatingPoint!.Confidence, 1e-9);
                CocoGoldenTests.AssertClose(expected.GetProperty("p").Flat(), result.OperatingPoint.Precision, 1e-9, "P");
                CocoGoldenTests.AssertClose(expected.GetProperty("r").Flat(), result.OperatingPoint.Recall, 1e-9, "R");
                CocoGoldenTests.AssertClose(expected.GetProperty("f1").Flat(), result.OperatingPoint.F1, 1e-9, "F1");
            }
            foreach (var weight in new[] { 0, 1 })
            {
                var expected = set.GetProperty($"open_images_weight{weight}");
                var result = ProtocolEvaluator.Evaluate(truth, results,
                    new ProtocolOptions { Protocol = DetectionProtocol.OpenImages, GroupOfWeight = weight });
                Assert.Equal(expected.GetProperty("map").GetDouble(), result["mAP"], 1e-9);
                foreach (var c in expected.GetProperty("ap").EnumerateObject()) Assert.Equal(c.Value.GetDouble(),
                    result.Classes.Single(x => x.Id.ToString() == c.Name).Ap[0], 1e-9);
            }
        }
    }

    [Fact]
    public void TheWorkedExampleOfTheTutorial()
    {
        var e = Golden.Json("worked_example.json.gz");
        var curve = new RankedCurve(e.GetProperty("score").Doubles(), e.GetProperty("tp").Doubles(), e.GetProperty("objects").GetDouble());
        CocoGoldenTests.AssertClose(e.GetProperty("recall").Flat(), curve.Recall, 1e-12, "recall");
        CocoGoldenTests.AssertClose(e.GetProperty("precision").Flat(), curve.Precision, 1e-12, "precision");
        Assert.Equal(e.GetProperty("ap_all_point").GetDouble(), curve.AllPointAp(), 1e-12);
        Assert.Equal(e.GetProperty("ap_11_point").GetDouble(), curve.ElevenPointAp(), 1e-12);
        Assert.Equal(e.GetProperty("ap_101_point").GetDouble(), curve.HundredPointAp(), 1e-12);
    }

    [Theory]
    [MemberData(nameof(AllProtocols))]
    public void ShardsOfAnyProtocolGiveTheBitsOfOneEvaluator(DetectionProtocol protocol)
    {
        var truth = CocoGoldenTests.Truth("s04_crowds_and_ignore_flag");
        var results = CocoGoldenTests.Results("s04_crowds_and_ignore_flag");
        var options = new ProtocolOptions { Protocol = protocol, GroupOfWeight = 1 };
        var objects = truth.Objects.ToArray().ToLookup(o => o.ImageId);
        var detections = results.Items.ToArray().ToLookup(d => d.ImageId);
        var whole = new ProtocolEvaluator(truth.Categories, options);
        var parts = Enumerable.Range(0, 3).Select(_ => new ProtocolEvaluator(truth.Categories, options)).ToArray();
        var random = new System.Random(11);
        foreach (var image in truth.Images) whole.Add(image, [.. objects[image.Id]], [.. detections[image.Id]]);
        foreach (var image in truth.Images.OrderBy(_ => random.Next())) parts[random.Next(3)].Add(image, [.. objects[image.Id]],
            [.. detections[image.Id]]);
        parts[2].Merge(Reload(parts[0]));
        parts[2].Merge(Reload(parts[1]));
        Assert.Equal(whole.Compute().Statistics, parts[2].Compute().Statistics);
        Assert.Equal(Saved(whole), Saved(parts[2]));
        var bulk = ProtocolEvaluator.Evaluate(truth, results, options);
        Assert.Equal(bulk.Statistics[0].Value, whole.Compute().Statistics[0].Value, 0.02);

        ProtocolEvaluator Reload(ProtocolEvaluator e) => ProtocolEvaluator.Load(new MemoryStream(Saved(e)), truth.Categories, options);
        static byte[] Saved(ProtocolEvaluator e)
        {
            using var stream = new MemoryStream();
            e.Save(stream);
            return stream.ToArray();
        }
    }

    [Theory]
    [MemberData(nameof(AllProtocols))]
    public void PartsOfTheImagesMergeToTheWhole(DetectionProtocol protocol)
    {
        var set = new RandomSet(8);
        var options = new ProtocolOptions { Protocol = protocol };
        long[] ids = [.. set.Truth.Images.Select(i => i.Id).Order()];
        var parts = Enumerable.Range(0, 3).Select(k
            => ProtocolEvaluator.FromDataset(set.Truth, set.Results, options with { ImageIds = [.. ids.Where((_, i) => i % 3 == k)] }))
            .ToArray();
        parts[0].Merge(parts[2]);
        parts[0].Merge(parts[1]);
        var whole = ProtocolEvaluator.Evaluate(set.Truth, set.Results, options);
        // Under tide equal scores follow the order of the file's images, which parts do not know.
        if (protocol != DetectionProtocol.Tide) Assert.Equal(whole.Statistics, parts[0].Compute().Statistics);
        else Assert.Equal(whole.Tide!.Counts.Values.Sum(), parts[0].Compute().Tide!.Counts.Values.Sum());
    }

    public static TheoryData<DetectionProtocol> AllProtocols => [.. Enum.GetValues<DetectionProtocol>()];

    internal static (DetectionDataset Truth, DetectionResults Results) Read(JsonElement set)
    {
        var truth = CocoFormat.ReadGroundTruth(Stream(set.GetProperty("gt")), "gt", new ReadOptions { Lenient = true });
        return (truth, CocoFormat.ReadResults(Stream(set.GetProperty("dt")), "dt", null, new ReadOptions { Lenient = true }));
    }

    private static MemoryStream Stream(JsonElement element) => new(System.Text.Encoding.UTF8.GetBytes(element.GetRawText()));

    private static (DetectionDataset Truth, DetectionResults Results) VocData(JsonElement set)
    {
        var classes = set.GetProperty("classes").EnumerateArray().Select((c, i) => new DatasetCategory(i + 1, c.GetString()!)).ToArray();
        var idOf = classes.ToDictionary(c => c.Name, c => c.Id);
        var images = set.GetProperty("images").EnumerateArray().Select((m, i)
            => new DatasetImage(i + 1, m.GetProperty("name").GetString()!)).ToArray();
        var imageOf = images.ToDictionary(m => m.FileName, m => m.Id);
        var objects = set.GetProperty("images").EnumerateArray().SelectMany(m
            => m.GetProperty("objects").EnumerateArray().Select(o => new GroundTruthObject
            {
                ImageId = imageOf[m.GetProperty("name").GetString()!],
                CategoryId = idOf[o.GetProperty("name").GetString()!],
                Box = Corners(o),
                Marks = o.GetProperty("difficult").GetInt32() != 0 ? ObjectMarks.Difficult : ObjectMarks.None,
            })).ToList();
        var detections = set.GetProperty("detections").EnumerateArray().Select(d
            => new DetectedObject(imageOf[d.GetProperty("image").GetString()!], idOf[d.GetProperty("name").GetString()!], Corners(d),
            d.GetProperty("score").GetDouble())).ToList();
        return (new DetectionDataset(images, classes, objects), new DetectionResults(detections));
    }

    private static Box Corners(JsonElement e)
    {
        var b = e.GetProperty("bbox").Doubles();
        return Box.FromCorners(b[0], b[1], b[2], b[3]);
    }

    private static void Same(JsonElement tool, string key, double actual, string what)
    {
        var value = tool.GetProperty(key);
        if (value.ValueKind == JsonValueKind.Null) Assert.True(double.IsNaN(actual), $"{what} {key}: {actual} instead of NaN");
        else Assert.True(Math.Abs(value.GetDouble() - actual) <= 1e-12, $"{what} {key}: {actual:R} instead of {value}");
    }

    private static void CheckTide(JsonElement expected, TideResult tide, double scale)
    {
        foreach (var (key, kind) in new[] { ("Cls", TideError.Classification), ("Loc", TideError.Localization), ("Both", TideError.Both),
            ("Dupe", TideError.Duplicate), ("Bkg", TideError.Background), ("Miss", TideError.Missed) })
        {
            Assert.True(expected.GetProperty("counts").GetProperty(key).GetInt32() == tide.Counts[kind],
                $"{key}: {tide.Counts[kind]} errors instead of {expected.GetProperty("counts").GetProperty(key)}");
            Assert.True(Math.Abs(expected.GetProperty("main").GetProperty(key).GetDouble() - (tide.Deltas[kind] * scale)) < 1e-9,
                $"{key}: {tide.Deltas[kind] * scale} instead of {expected.GetProperty("main").GetProperty(key)}");
        }
    }
}
