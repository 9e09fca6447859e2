using System.Text.Json;
using Cresset.Detection;
using Xunit;

namespace Cresset.Tests.Managed.Detection;

public sealed class FormatTests : IDisposable
{
    private static readonly JsonElement Reference = Golden.Json("formats.json.gz");
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-formats").FullName;

    private static string[] Classes => [.. Reference.GetProperty("classes").EnumerateArray().Select(c => c.GetString()!)];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void AllNotationsHoldTheSameObjects()
    {
        var (truth, results) = Coco();
        CocoGoldenTests.AssertClose(Reference.GetProperty("coco_stats").Flat(), CocoEvaluator.Evaluate(truth, results).Stats, 1e-12,
            "COCO");
        Unpack("voc_xml", "voc");
        var voc = VocFormat.ReadGroundTruth(In("voc"), Classes);
        AssertSameObjects(truth, voc);
        File.WriteAllText(In("gt.csv"), Reference.GetProperty("csv_gt").GetString());
        File.WriteAllText(In("dt.csv"), Reference.GetProperty("csv_dt").GetString());
        var csv = CsvFormat.ReadGroundTruth(In("gt.csv"), Classes);
        AssertSameObjects(truth, csv, byName: true);
        CocoGoldenTests.AssertClose(Reference.GetProperty("coco_stats").Flat(),
            CocoEvaluator.Evaluate(csv, CsvFormat.ReadResults(In("dt.csv"), csv)).Stats, 1e-12, "CSV");
    }

    [Fact]
    public void YoloGivesThePixelsOfItsSixDigits()
    {
        var (truth, _) = Coco();
        Unpack("yolo_gt", "yolo");
        Unpack("yolo_pred", "predictions");
        var yolo = YoloFormat.ReadGroundTruth(In("yolo"), Classes, truth.Images);
        var expected = Reference.GetProperty("coco").GetProperty("annotations").EnumerateArray().Select(a
            => a.GetProperty("yolo_xywh_pixels").Doubles()).ToArray();
        Assert.Equal(expected.Length, yolo.Objects.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            var b = yolo.Objects[i].Box;
            Assert.Equal(expected[i], new[] { b.X, b.Y, b.Width, b.Height });
            Assert.Equal(truth.Objects[i].CategoryId, yolo.Objects[i].CategoryId);
        }
        var results = YoloFormat.ReadResults(In("predictions"), truth);
        Assert.Equal(Reference.GetProperty("coco_results").EnumerateArray().Select(r => r.GetProperty("score").GetDouble()),
            results.Items.ToArray().Select(d => d.Score));
    }

    [Fact]
    public void WhatIsWrittenIsReadBack()
    {
        var (truth, results) = Coco();
        foreach (var name in new[] { "a.json", "a.json.gz" })
        {
            CocoFormat.WriteGroundTruth(truth, In(name));
            CocoFormat.WriteResults(results, In("r" + name));
            Assert.Equal(truth.Objects.ToArray(), CocoFormat.ReadGroundTruth(In(name)).Objects.ToArray());
            Assert.Equal(results.Items.ToArray(), CocoFormat.ReadResults(In("r" + name), truth).Items.ToArray());
        }
        VocFormat.WriteGroundTruth(truth, In("voc-out"));
        AssertSameObjects(truth, VocFormat.ReadGroundTruth(In("voc-out"), Classes));
        VocFormat.WriteResults(results, truth, In("voc-results"));
        AssertSameDetections(results, VocFormat.ReadResults(In("voc-results"), truth));
        CsvFormat.WriteGroundTruth(truth, In("out.csv"));
        CsvFormat.WriteResults(results, truth, In("out-dt.csv"));
        AssertSameObjects(truth, CsvFormat.ReadGroundTruth(In("out.csv"), Classes), byName: true);
        AssertSameDetections(results, CsvFormat.ReadResults(In("out-dt.csv"), truth));
        YoloFormat.WriteGroundTruth(truth, In("yolo-out"));
        Unpack("yolo_gt", "yolo");
        foreach (var file in Directory.GetFiles(In("yolo"))) Assert.Equal(File.ReadAllText(file),
            File.ReadAllText(Path.Combine(In("yolo-out"), Path.GetFileName(file))));
        Assert.Equal(Classes, File.ReadAllLines(Path.Combine(In("yolo-out"), "classes.txt")));
    }

    [Fact]
    public void MasksAndKeypointsSurviveWriting()
    {
        foreach (var set in new[] { "s18_segm_rle_only", "s20_keypoints" })
        {
            var truth = CocoGoldenTests.Truth(set);
            var results = CocoGoldenTests.Results(set);
            CocoFormat.WriteGroundTruth(truth, In("m.json"));
            CocoFormat.WriteResults(results, In("n.json"));
            var options = set == "s20_keypoints" ? CocoOptions.Keypoints : CocoOptions.Masks;
            Assert.Equal(CocoEvaluator.Evaluate(truth, results, options).Stats,
                CocoEvaluator.Evaluate(CocoFormat.ReadGroundTruth(In("m.json")), CocoFormat.ReadResults(In("n.json")), options).Stats);
        }
    }

    [Theory]
    [InlineData("<annotation><object><name>dog</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax></bndbox></object></annotation>",
        DataProblemKind.MissingField)]
    [InlineData("<annotation><object><bndbox><xmin>1</xmin></bndbox></object></annotation>", DataProblemKind.MissingField)]
    [InlineData(
        "<annotation><object><name>dog</name><bndbox><xmin>x</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></object>"
            + "</annotation>", DataProblemKind.WrongValue)]
    [InlineData(
        "<annotation><object><name>dog</name><bndbox><xmin>9</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></object>"
            + "</annotation>", DataProblemKind.NegativeSize)]
    [InlineData(
        "<annotation><object><name>cow</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></object>"
            + "</annotation>", DataProblemKind.UnknownCategory)]
    [InlineData("<annotation><object>", DataProblemKind.Malformed)]
    [InlineData("<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><annotation>&b;</annotation>", DataProblemKind.Malformed)]
    [InlineData("<html/>", DataProblemKind.Malformed)]
    public void FaultyXmlIsNamed(string xml, DataProblemKind kind)
    {
        Directory.CreateDirectory(In("bad"));
        File.WriteAllText(Path.Combine(In("bad"), "a.xml"), xml);
        var problem = Assert.Throws<DetectionFormatException>(() => VocFormat.ReadGroundTruth(In("bad"), Classes)).Problem;
        Assert.Equal(kind, problem.Kind);
        Assert.EndsWith("a.xml", problem.File, StringComparison.Ordinal);
        var report = new ReadReport();
        VocFormat.ReadGroundTruth(In("bad"), Classes, new ReadOptions { Lenient = true, Report = report });
        Assert.Equal(1, report.Total);
    }

    [Theory]
    [InlineData("7 0.5 0.5 0.1 0.1 0.9", DataProblemKind.UnknownCategory)]
    [InlineData("0 0.5 0.5 0.1 0.1", DataProblemKind.Malformed)]
    [InlineData("0 0.5 0.5 -0.1 0.1 0.9", DataProblemKind.NegativeSize)]
    [InlineData("0 0.5 0.5 0.1 0.1 NaN", DataProblemKind.NotFinite)]
    [InlineData("0 0.5 0.5 a 0.1 0.9", DataProblemKind.WrongValue)]
    public void FaultyLabelsAreNamed(string line, DataProblemKind kind)
    {
        Directory.CreateDirectory(In("bad"));
        File.WriteAllText(Path.Combine(In("bad"), "img_00.txt"), "0 0.5 0.5 0.1 0.1 0.9\n" + line + "\n");
        var problem = Assert.Throws<DetectionFormatException>(() => YoloFormat.ReadResults(In("bad"), Coco().Truth)).Problem;
        Assert.Equal(kind, problem.Kind);
        Assert.Equal("line 2", problem.Record);
    }

    [Theory]
    [InlineData("image,class,xmin,ymin,xmax\n", DataProblemKind.MissingField)]
    [InlineData("", DataProblemKind.Malformed)]
    [InlineData("image,class,score,xmin,ymin,xmax,ymax\nimg_00.jpg,dog,0.5,1,2,3\n", DataProblemKind.Malformed)]
    [InlineData("image,class,score,xmin,ymin,xmax,ymax\n\"img_00.jpg,dog,0.5,1,2,3,4\n", DataProblemKind.Malformed)]
    [InlineData("image,class,score,xmin,ymin,xmax,ymax\nimg_99.jpg,dog,0.5,1,2,3,4\n", DataProblemKind.UnknownImage)]
    [InlineData("image,class,score,xmin,ymin,xmax,ymax\nimg_00.jpg,cow,0.5,1,2,3,4\n", DataProblemKind.UnknownCategory)]
    [InlineData("image,class,score,xmin,ymin,xmax,ymax\nimg_00.jpg,dog,inf,1,2,3,4\n", DataProblemKind.WrongValue)]
    public void FaultyTablesAreNamed(string text, DataProblemKind kind)
    {
        File.WriteAllText(In("bad.csv"), text);
        Assert.Equal(kind, Assert.Throws<DetectionFormatException>(() => CsvFormat.ReadResults(In("bad.csv"), Coco().Truth)).Problem.Kind);
    }

    [Fact]
    public void SizesComeFromTheHeadersOfPictures()
    {
        File.WriteAllBytes(In("a.png"),
            Convert.FromBase64String(
            "iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAYAAACddGYaAAAAEElEQVR4nGP4z8DwH4YZMBgAe9sP8cGZ8QoAAAAASUVORK5CYII="));
        File.WriteAllBytes(In("b.gif"), Convert.FromBase64String("R0lGODlhBQAHAIAAAAAAAP///yH5BAAAAAAALAAAAAAFAAcAAAIFhI+py1UAOw=="));
        var images = YoloFormat.ReadImages(_folder);
        Assert.Equal([("a.png", 3, 2), ("b.gif", 5, 7)], images.Select(i => (i.FileName, i.Width, i.Height)));
        File.WriteAllText(In("c.jpg"), "no picture");
        Assert.Throws<DetectionFormatException>(() => YoloFormat.ReadImages(_folder));
    }

    private static (DetectionDataset Truth, DetectionResults Results) Coco()
    {
        MemoryStream Stream(string name) => new(System.Text.Encoding.UTF8.GetBytes(Reference.GetProperty(name).GetRawText()));
        var truth = CocoFormat.ReadGroundTruth(Stream("coco"), "coco");
        return (truth, CocoFormat.ReadResults(Stream("coco_results"), "results", truth));
    }

    private static void AssertSameObjects(DetectionDataset expected, DetectionDataset actual, bool byName = false)
    {
        Assert.Equal(expected.Objects.Length, actual.Objects.Length);
        for (var i = 0; i < expected.Objects.Length; i++)
        {
            GroundTruthObject e = expected.Objects[i], a = actual.Objects[i];
            Assert.Equal(e.Box, a.Box);
            Assert.Equal(expected.CategoryName(e.CategoryId), actual.CategoryName(a.CategoryId));
            Assert.Equal(e.IsDifficult, a.IsDifficult);
            Assert.Equal(expected.FindImage(e.ImageId)!.FileName, actual.FindImage(a.ImageId)!.FileName);
            if (!byName) Assert.Equal(expected.FindImage(e.ImageId), actual.FindImage(a.ImageId));
        }
    }

    private static void AssertSameDetections(DetectionResults expected, DetectionResults actual)
        => Assert.Equal(expected.Items.ToArray().OrderBy(d => d.Score).ThenBy(d => d.ImageId),
            actual.Items.ToArray().OrderBy(d => d.Score).ThenBy(d => d.ImageId));

    private void Unpack(string key, string folder)
    {
        Directory.CreateDirectory(In(folder));
        foreach (var file in Reference.GetProperty(key).EnumerateObject()) File.WriteAllText(Path.Combine(In(folder), file.Name),
            file.Value.GetString());
    }

    private string In(string name) => Path.Combine(_folder, name);
}
