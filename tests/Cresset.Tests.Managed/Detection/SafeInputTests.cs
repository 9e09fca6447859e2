using System.Text;
using Cresset.Detection;
using Xunit;

namespace Cresset.Tests.Managed.Detection;

/// <summary>Objects in memory, strange names and messy exports: the right score, or a refusal.</summary>
public sealed class SafeInputTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-safe").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void ObjectsMadeInMemoryNeedNoIds()
    {
        var box = new Box(3, 4, 40, 50);
        var evaluator = new CocoEvaluator([new DatasetCategory(1, "a")]);
        evaluator.Add(new DatasetImage(7), [new() { CategoryId = 1, Box = box }], [new DetectedObject(0, 1, box, .9)]);
        Assert.Equal(1, evaluator.Compute().Stats[0], 1e-12);
    }

    [Fact]
    public void FoldersAreKeptApartAndNamesStayInside()
    {
        var truth = new DetectionDataset(
            [new DatasetImage(1, "cam1/000.jpg", 64, 64), new DatasetImage(2, "cam2/000.jpg", 64, 64)],
            [new DatasetCategory(1, "x/../../evil")],
            [new() { ImageId = 1, CategoryId = 1, Box = new(1, 1, 9, 9) }, new() { ImageId = 2, CategoryId = 1, Box = new(5, 5, 20, 20) }]);
        var results = new DetectionResults([new DetectedObject(1, 1, new(1, 1, 9, 9), .9),
            new DetectedObject(2, 1, new(5, 5, 20, 20), .8)]);
        var inside = Path.Combine(_folder, "in", "out");
        VocFormat.WriteResults(results, truth, inside);
        Assert.All(Directory.GetFiles(_folder, "*", SearchOption.AllDirectories), f
            => Assert.StartsWith(inside, f, StringComparison.Ordinal));
        Assert.Equal(1, CocoEvaluator.Evaluate(truth, VocFormat.ReadResults(inside, truth)).Stats[0], 1e-12);
    }

    [Theory]
    [InlineData("\"bbox\": null, \"segmentation\": [[0,0,10,0,10,10,0,10]]", "\"iscrowd\": 0")]
    [InlineData("\"segmentation\": [[0,0,10,0,10,10,0,10]]", "\"iscrowd\": \"0\"")]
    public void BoxesComeFromShapesWhereTheFileHasNone(string shape, string flag)
    {
        var gt =
            $$"""{"images": [{"id": "cam/a", "width": null, "file_name": null}], "categories": [{"id": 1, "name": "a"}], "annotations": [{"id": "u-1", "image_id": "cam/a", "category_id": 1, {{shape}}, {{flag}}}]}""";
        var truth = CocoFormat.ReadGroundTruth(new MemoryStream(Encoding.UTF8.GetBytes(gt)), "gt",
            new ReadOptions { Parts = RecordParts.Boxes });
        var dt = Encoding.UTF8.GetBytes(
            """{"annotations": [{"image_id": "cam/a", "category_id": 1, "bbox": [0,0,10,10], "score": 0.5}]}""");
        Assert.Equal(1, CocoEvaluator.Evaluate(truth, CocoFormat.ReadResults(new MemoryStream(dt), "dt", truth)).Stats[0], 1e-12);
    }

    private const string TwoObjects = """
        {"images": [{"id": 1, "width": 100, "height": 100}], "categories": [{"id": 1, "name": "a"}],
         "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0,0,10,10], "iscrowd": 0},
                         {"image_id": 1, "category_id": 1, "bbox": [50,50,10,10], "iscrowd": 0}]}
        """;

    private static (double Ap, ReadReport Report) Lenient(string gt, string dt)
    {
        var report = new ReadReport();
        var options = new ReadOptions { Lenient = true, Parts = RecordParts.Boxes, Report = report };
        var truth = CocoFormat.ReadGroundTruth(new MemoryStream(Encoding.UTF8.GetBytes(gt)), "gt", options);
        var results = CocoFormat.ReadResults(new MemoryStream(Encoding.UTF8.GetBytes(dt)), "dt", truth, options);
        return (CocoEvaluator.Evaluate(truth, results).Stats[0], report);
    }

    [Fact]
    public void LenientlyAnAnnotationWithoutAnIdCanBeHit()
        => Assert.Equal(1, Lenient(TwoObjects, Results("[0,0,10,10]", "0.9", "[50,50,10,10]", "0.8")).Ap, 1e-12);

    [Theory]
    [InlineData("[0,0,\"wide\",10]", "0.95")]
    [InlineData("[70,0,10,10]", "\"high\"")]
    [InlineData("[70,0]", "0.95")]
    public void LenientlyABrokenDetectionStaysAMiss(string box, string score)
    {
        var sound = Results("[0,0,10,10]", "0.9", "[50,50,10,10]", "0.8");
        var broken = sound[..^1] + ", " + Results(box, score)[1..];
        var (ap, report) = Lenient(TwoObjects, broken);
        Assert.InRange(ap, 0.4, 0.7);
        Assert.True(report.Total > 1, "the broken record is counted beside the missing id");
    }

    [Fact]
    public void FilesOfWhichTooLittleIsLeftAreRefused()
    {
        var cut = Results("[0,0,10,10]", "0.9", "[50,50,10,10]", "0.8")[..^20];
        Assert.NotNull(Lenient(TwoObjects, cut).Report.Refusal());
        Assert.NotNull(Lenient(TwoObjects, "").Report.Refusal());
        Assert.NotNull(Lenient(TwoObjects, """[{"image_id": 1, "bbox": [0,0,10,10], "score": 1}]""").Report.Refusal());
        Assert.Null(Lenient(TwoObjects, Results("[0,0,10,10]", "0.9")).Report.Refusal());
    }

    [Theory]
    [InlineData("null")]
    [InlineData("\"sure\"")]
    [InlineData("{}")]
    public void LenientlyAnUnreadableScoreIsNoHit(string score)
    {
        // Ranked first as a hit it would lift what lies behind false detections: .25 in the sound file if it came last.
        var (ap, report) = Lenient(TwoObjects, Results("[70,0,10,10]", "0.9", "[0,0,10,10]", score));
        Assert.Equal(0, ap);
        Assert.Null(report.Refusal());
    }

    [Fact]
    public void WhatBelongsToNoListedClassIsCountedAsLost()
    {
        var odd = TwoObjects.Replace("\"image_id\": 1, \"category_id\": 1, \"bbox\": [50",
            "\"image_id\": 1, \"category_id\": 9, \"bbox\": [50", StringComparison.Ordinal);
        Assert.Contains("1 of 2 records", Lenient(odd, Results("[0,0,10,10]", "0.9")).Report.Refusal(), StringComparison.Ordinal);
        var shifted = Results("[0,0,10,10]", "0.9").Replace("\"category_id\": 1", "\"category_id\": 0", StringComparison.Ordinal);
        Assert.Contains("1 of 1 records", Lenient(TwoObjects, shifted).Report.Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void OneDamagedFileOfManyIsNotTheWholeSet()
    {
        void Write(int broken)
        {
            for (var i = 0; i < 30; i++)
            {
                File.WriteAllText(Path.Combine(_folder, $"{i:00}.xml"), i < broken ? "<annotation><obj"
                    : $"<annotation><filename>{i:00}"
                        + $".jpg</filename><size><width>9</width><height>9</height></size><object><name>a</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></object></annotation>");
            }
        }
        string? Read()
        {
            var report = new ReadReport();
            VocFormat.ReadGroundTruth(_folder, options: new ReadOptions { Lenient = true, Report = report });
            return report.Refusal();
        }
        Write(2);
        Assert.Null(Read());
        Write(12);
        Assert.Contains("12 of ", Read(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("corners")]
    [InlineData("centre")]
    [InlineData("shares")]
    [InlineData("shares, two corners")]
    [InlineData("shares of the image, centre")]
    public void BoxesOfAnotherLayoutAreFound(string layout)
    {
        static Box Other(Box b, string layout) => layout switch
        {
            "corners" => new Box(b.X, b.Y, b.Right, b.Bottom),
            "centre" => new Box(b.X + (b.Width / 2), b.Y + (b.Height / 2), b.Width, b.Height),
            "shares" => new Box(b.X / 200, b.Y / 100, b.Width / 200, b.Height / 100),
            "shares, two corners" => new Box(b.X / 200, b.Y / 100, b.Right / 200, b.Bottom / 100),
            _ => new Box((b.X + (b.Width / 2)) / 200, (b.Y + (b.Height / 2)) / 100, b.Width / 200, b.Height / 100),
        };
        Box[] boxes = [new(20, 30, 30, 20), new(90, 10, 40, 60), new(150, 50, 20, 30)];
        var right = new DetectionResults([.. boxes.Select(b => new DetectedObject(1, 1, b, .9))]);
        var wrong = new DetectionResults([.. boxes.Select(b => new DetectedObject(1, 1, Other(b, layout), .9))]);
        DetectionDataset Set(Func<Box, Box> box)
            => new([new DatasetImage(1, "a", 200, 100)], [new DatasetCategory(1, "a")],
            [.. boxes.Select(b => new GroundTruthObject { ImageId = 1, CategoryId = 1, Box = box(b) })]);
        Assert.Null(BoxLayoutCheck.Find(Set(b => b), right));
        var found = BoxLayoutCheck.Find(Set(b => b), wrong);
        Assert.StartsWith("0 of 3 detections", found, StringComparison.Ordinal);
        Assert.Contains(layout.Split(',')[0], found, StringComparison.Ordinal);
        Assert.Contains("truth", BoxLayoutCheck.Find(Set(b => Other(b, layout)), right), StringComparison.Ordinal);
        // A model that is merely bad is not a layout.
        Assert.Null(BoxLayoutCheck.Find(Set(b => b),
            new DetectionResults([.. boxes.Select(b => new DetectedObject(1, 1, new Box(b.X / 3, b.Y + 40, b.Width, 9), .9))])));
    }

    [Theory]
    [InlineData("[0,0,10,0,10,10,0,10]", true)]
    [InlineData("[[0,0,10,0,10,10,0,10],[3,3,4,4]]", true)]
    [InlineData("[[0,0,10,0,10,10,0,10],[3,3,\"x\",4,5,5]]", false)]
    [InlineData("[0,0,10,0,10]", false)]
    [InlineData("[[3,3,4,4]]", false)]
    public void LenientlyAShapeOfWhichAPieceIsUnreadableIsNoHit(string shape, bool hits)
    {
        var gt =
            """{"images": [{"id": 1, "width": 20, "height": 20}], "categories": [{"id": 1, "name": "a"}], "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0,0,10,10], "area": 100, "iscrowd": 0, "segmentation": [[0,0,10,0,10,10,0,10]]}]}""";
        var dt = $$"""[{"image_id": 1, "category_id": 1, "bbox": [0,0,10,10], "segmentation": {{shape}}, "score": 0.5}]""";
        var options = new ReadOptions { Lenient = true, Parts = RecordParts.Masks, Needs = RecordParts.Masks, Report = new ReadReport() };
        var truth = CocoFormat.ReadGroundTruth(new MemoryStream(Encoding.UTF8.GetBytes(gt)), "gt", options);
        var results = CocoFormat.ReadResults(new MemoryStream(Encoding.UTF8.GetBytes(dt)), "dt", truth, options);
        Assert.Equal(hits ? 1 : 0, CocoEvaluator.Evaluate(truth, results, CocoOptions.Masks).Stats[0], 1e-12);
        Assert.True(options.Report.Total > 0);
    }

    private static string Results(params string[] boxesAndScores)
        => "[" + string.Join(", ",
            boxesAndScores.Chunk(2).Select(p => $$"""{"image_id": 1, "category_id": 1, "bbox": {{p[0]}}, "score": {{p[1]}}}""")) + "]";
}
