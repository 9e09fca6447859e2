using System.Text.Json;
using Cresset.Detection;
using Cresset.Numerics;
using Xunit;

namespace Cresset.Tests.Managed.Detection;

/// <summary>Masks, poses and oriented boxes under the rules of ultralytics, and poses in its labels.</summary>
public sealed class YoloShapeTests
{
    /// <summary>Masks, keypoints and oriented boxes under the rules of ultralytics, whole and image by image.</summary>
    [Theory]
    [InlineData("segm", IouKind.Mask)]
    [InlineData("keypoints", IouKind.Keypoints)]
    [InlineData("obb", IouKind.Oriented)]
    public void YoloScoresShapes(string name, IouKind kind)
    {
        foreach (var set in Golden.Json("yolo_shapes.json.gz").GetProperty("sets").EnumerateArray())
        {
            var (truth, results) = ProtocolTests.Read(set);
            if (kind == IouKind.Oriented) (truth, results) = Cornered(set, truth, results);
            var options = new YoloProtocol { Shape = kind }.ToOptions();
            var result = ProtocolEvaluator.Evaluate(truth, results, options);
            var expected = set.GetProperty("ap").GetProperty(name);
            CocoGoldenTests.AssertClose(expected.Flat(), result.Classes.SelectMany(c => c.Ap), 1e-9, "AP");
            Assert.Equal(expected.Flat().Average(), result["mAP"], 1e-9);
            var evaluator = new ProtocolEvaluator(truth.Categories, options);
            foreach (var image in truth.Images)
            {
                evaluator.Add(image, [.. truth.Objects.ToArray().Where(o => o.ImageId == image.Id)],
                    [.. results.Items.ToArray().Where(d => d.ImageId == image.Id)]);
            }
            Assert.Equal(result["mAP"], evaluator.Compute()["mAP"]);
        }
    }

    [Fact]
    public void WhatUltralyticsDoesNotScoreIsRefused()
    {
        var boundary = Assert.Throws<InvalidOptionsException>(() => new YoloProtocol { Shape = IouKind.Boundary }.ToOptions()
            .ThrowIfInvalid());
        Assert.Contains("yolo for masks, keypoints and oriented boxes", boundary.Message, StringComparison.Ordinal);
        var single = Assert.Throws<InvalidOptionsException>(() => new YoloProtocol { Shape = IouKind.Mask, SinglePrecision = true }
            .ToOptions().ThrowIfInvalid());
        Assert.Contains("boxes in single precision", single.Message, StringComparison.Ordinal);
        // An object without a shape of the kind is not scored as if it had one.
        var image = new DatasetImage(1);
        var truth = new DetectionDataset([image], [new DatasetCategory(1, "a")],
            [new GroundTruthObject { Id = 1, ImageId = 1, CategoryId = 1, Box = new Box(0, 0, 4, 4) }]);
        foreach (var kind in new[] { IouKind.Mask, IouKind.Keypoints })
        {
            Assert.Throws<ArgumentException>(() => ProtocolEvaluator.Evaluate(truth, new DetectionResults([]),
                new YoloProtocol { Shape = kind }.ToOptions()));
        }
    }

    /// <summary>
    /// Poses of 17 and of 5 points go through YOLO labels and come back: without a data.yaml, since their lines can be nothing else. An
    /// outline that has a score too many is not taken for a pose.
    /// </summary>
    [Fact]
    public void PosesOfYoloLabelsAreScored()
    {
        foreach (var set in Golden.Json("yolo_shapes.json.gz").GetProperty("sets").EnumerateArray())
        {
            var (truth, results) = ProtocolTests.Read(set);
            var folder = Directory.CreateTempSubdirectory("cresset-pose-").FullName;
            try
            {
                var format = new YoloFolder { Labels = YoloLabels.Pose };
                format.WriteGroundTruth(truth, Path.Combine(folder, "labels"));
                Directory.CreateDirectory(Path.Combine(folder, "images"));
                foreach (var image in truth.Images)
                {
                    File.WriteAllBytes(Path.Combine(folder, "images", image.FileName), FormatPartsTests.PngHeader(64, 64));
                }
                var context = new FormatContext { ImageFolder = Path.Combine(folder, "images") };
                var read = format.ReadGroundTruth(Path.Combine(folder, "labels"), context);
                var named = read.Images.ToDictionary(i => i.FileName, i => i.Id);
                var classes = read.Categories.ToDictionary(c => c.Name, c => c.Id);
                var moved = results.Items.ToArray()
                    .Select(d => d with { ImageId = named[$"{d.ImageId}.png"], CategoryId = classes[$"class {d.CategoryId}"] });
                var score = ProtocolEvaluator.Evaluate(read, new DetectionResults([.. moved]),
                    new YoloProtocol { Shape = IouKind.Keypoints }.ToOptions());
                // Labels have six digits.
                Assert.Equal(set.GetProperty("ap").GetProperty("keypoints").Flat().Average(), score["mAP"], 1e-6);
                foreach (var other in Directory.GetFiles(Path.Combine(folder, "labels")))
                {
                    if (Path.GetFileName(other) != "classes.txt") File.Delete(other);
                }
                File.WriteAllText(Path.Combine(folder, "labels", "1.txt"), "0 0.1 0.1 0.2 0.1 0.2 0.2 0.1 0.2 0.1 0.3 0.2 0.3 0.9\n");
                var fault = Assert.Throws<DetectionFormatException>(() => format.ReadGroundTruth(Path.Combine(folder, "labels"), context));
                Assert.Contains("14 fields", fault.Message, StringComparison.Ordinal);
                Assert.Contains("kpt_shape", fault.Message, StringComparison.Ordinal);
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    private static (DetectionDataset Truth, DetectionResults Results) Cornered(JsonElement set, DetectionDataset truth,
        DetectionResults results)
    {
        static PolygonSegmentation Corners(JsonElement e) => new([e.GetProperty("corners").Doubles()]);
        var objects = truth.Objects.ToArray();
        var detections = results.Items.ToArray();
        foreach (var (i, o) in set.GetProperty("gt").GetProperty("annotations").EnumerateArray().Index())
            objects[i] = objects[i] with { Segmentation = Corners(o) };
        foreach (var (i, d) in set.GetProperty("dt").EnumerateArray().Index())
            detections[i] = detections[i] with { Shape = new DetectionShape { Segmentation = Corners(d) } };
        return (new DetectionDataset(truth.Images, truth.Categories, objects), new DetectionResults(detections));
    }
}
