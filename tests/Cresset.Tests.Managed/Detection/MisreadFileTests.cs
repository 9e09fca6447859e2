using Cresset.Detection;
using Xunit;

namespace Cresset.Tests.Managed.Detection;

/// <summary>Files whose score of 0 would look like a bad model: what is wrong with them is said, or repaired and said.</summary>
public sealed class MisreadFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-misread").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("category", "category ids one higher")]
    [InlineData("image", "image ids one lower")]
    [InlineData("scale", "multiplied by 0.5 and 0.5")]
    [InlineData("score", "the score comes last")]
    public void DetectionsThatMeetOnceTheyAreReadOtherwiseAreNamed(string what, string said)
    {
        var (truth, found) = Set();
        Assert.Null(MeetingCheck.Find(truth, new DetectionResults(found)));
        var wrong = Array.ConvertAll(found, d => what switch
        {
            "category" => d with { CategoryId = d.CategoryId - 1 },
            "image" => d with { ImageId = d.ImageId + 1 },
            "scale" => d with { Box = new Box(d.Box.X * 2, d.Box.Y * 2, d.Box.Width * 2, d.Box.Height * 2) },
            _ => SecondScore(d),
        });
        Assert.Contains(said, MeetingCheck.Find(truth, new DetectionResults(wrong)) ?? "", StringComparison.Ordinal);
    }

    [Fact]
    public void APoorModelIsNotTakenForAMisreadFile()
    {
        var (truth, found) = Set();
        var random = new System.Random(3);
        var poor = Array.ConvertAll(found,
            d => d with { Box = new Box(random.NextDouble() * 150, random.NextDouble() * 150, 10 + (random.NextDouble() * 60), 30) });
        Assert.Null(MeetingCheck.Find(truth, new DetectionResults(poor)));
    }

    [Fact]
    public void PolygonsInSharesOfThePictureAreNamed()
    {
        var (truth, found) = Set();
        static PolygonSegmentation Polygon(in Box b, double by) => new([[b.X / by, b.Y / by, (b.X + b.Width) / by, b.Y / by,
            (b.X + b.Width) / by, (b.Y + b.Height) / by, b.X / by, (b.Y + b.Height) / by]]);
        var shares = new DetectionDataset(truth.Images, truth.Categories,
            Array.ConvertAll(truth.Objects.ToArray(), o => o with { Segmentation = Polygon(o.Box, 200) }));
        var masks = Array.ConvertAll(found, d => d with { Shape = new DetectionShape { Segmentation = Polygon(d.Box, 1) } });
        Assert.Contains("shares of the image", MeetingCheck.Find(shares, new DetectionResults(masks), boxes: false, masks: true) ?? "",
            StringComparison.Ordinal);
        var pixels = new DetectionDataset(truth.Images, truth.Categories,
            Array.ConvertAll(truth.Objects.ToArray(), o => o with { Segmentation = Polygon(o.Box, 1) }));
        Assert.Null(MeetingCheck.Find(pixels, new DetectionResults(masks), boxes: false, masks: true));
    }

    [Theory]
    [InlineData("-1")]
    [InlineData("-0.5")]
    public void AnAreaBelowZeroIsAFault(string area)
    {
        var file = Write("gt.json",
            "{\"images\":[{\"id\":1,\"width\":9,\"height\":9,\"file_name\":\"a.jpg\"}],\"categories\":[{\"id\":1,\"name\":\"cat\"}],"
                + "\"annotations\":[{\"id\":1,\"image_id\":1,\"category_id\":1,\"bbox\":[1,1,4,4],\"area\":" + area + ",\"iscrowd\":0}]}");
        var fault = Assert.Throws<DetectionFormatException>(() => CocoFormat.ReadGroundTruth(file)).Problem;
        Assert.Equal((DataProblemKind.NegativeSize, "area"), (fault.Kind, fault.Field));
        Assert.Equal(16, CocoFormat.ReadGroundTruth(file, new ReadOptions { Lenient = true }).Objects[0].Area);
    }

    [Fact]
    public void YoloCentresOutsideThePictureAreAFaultAndALineWrittenTwiceIsOneObject()
    {
        DatasetImage[] images = [new(1, "a.jpg", 200, 100)];
        Write("labels/a.txt", "0 0.2 0.3 0.2 0.4\n0 0.2 0.3 0.2 0.4\n0 0.3 0.3 0.2 0.4\n");
        var report = new ReadReport();
        var read = YoloFormat.ReadGroundTruth(In("labels"), ["cat"], images, new ReadOptions { Report = report });
        Assert.Equal(2, read.Objects.Length);
        Assert.Equal(1, report.Counts[DataProblemKind.DuplicateId]);
        Write("labels/a.txt", "0 1.2 0.3 0.2 0.4\n");
        Assert.Equal("cx", Assert.Throws<DetectionFormatException>(() => YoloFormat.ReadGroundTruth(In("labels"), ["cat"], images)).Problem
            .Field);
    }

    [Fact]
    public void OneNumberOfDetectionsGivesOneRecall()
    {
        var (truth, found) = Set();
        var result = CocoEvaluator.Evaluate(truth, new DetectionResults(found), CocoOptions.Boxes with { MaxDetections = [300] });
        Assert.Equal(result.StatNames.Count, result.StatNames.Distinct().Count());
        Assert.Equal(1, result.StatNames.Count(n => n == "AR300"));
    }

    private static (DetectionDataset Truth, DetectedObject[] Found) Set()
    {
        var random = new System.Random(1);
        DatasetImage[] images = [.. Enumerable.Range(1, 12).Select(i => new DatasetImage(i, $"{i}.jpg", 200, 200))];
        DatasetCategory[] classes = [new(4, "cat"), new(5, "dog")];
        GroundTruthObject[] objects = [.. images.SelectMany(i => Enumerable.Range(0, 3).Select(k => new GroundTruthObject
        {
            ImageId = i.Id,
            CategoryId = classes[k % 2].Id,
            Box = new Box(20 + (random.NextDouble() * 120), 20 + (random.NextDouble() * 120), 20 + (random.NextDouble() * 30), 30),
        })).Select((o, n) => o with { Id = n + 1 })];
        return (new DetectionDataset(images, classes, objects),
            Array.ConvertAll(objects, o => new DetectedObject(o.ImageId, o.CategoryId, o.Box, .5 + (o.Box.X / 1000))));
    }

    /// <summary>What a reader makes of "class score cx cy w h" where it expects "class cx cy w h score".</summary>
    private static DetectedObject SecondScore(in DetectedObject d)
    {
        double cx = (d.Box.X + (d.Box.Width / 2)) / 200, cy = (d.Box.Y + (d.Box.Height / 2)) / 200, w = d.Box.Width / 200;
        return d with { Box = Box.FromCenter(d.Score * 200, cx * 200, cy * 200, w * 200), Score = d.Box.Height / 200 };
    }

    private string In(string name) => Path.Combine(_folder, name);

    private string Write(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(In(name))!);
        File.WriteAllText(In(name), text);
        return In(name);
    }
}
