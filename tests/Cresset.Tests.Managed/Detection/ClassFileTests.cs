using Cresset.Detection;
using Xunit;

namespace Cresset.Tests.Managed.Detection;

/// <summary>Results as one file per class, as evaluation kits and trainers write them: DOTA's two tasks and VOC's competitions.</summary>
public sealed class ClassFileTests : IDisposable
{
    private const string Corners = "10 10 50 10 50 30 10 30";
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-classes").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void TaskOneIsReadAndScored()
    {
        Write("dt/Task1_plane.txt", $"P0001 0.9 {Corners}\nP0002.png 9.5e-01 1.0e+01 10 50 10 50 30 10 30\nP0003 0.1 {Corners}\n");
        Write("dt/Task1_small-vehicle.TXT", $"\uFEFFP0001\t.5  {Corners} \r\n\r\n");
        Write("dt/Task1_ship.txt", "");
        Write("dt/._Task1_ship.txt", "\0\u0001");
        var truth = Truth("plane", "small-vehicle", "ship");
        var report = new ReadReport();
        var found = Recognised("dota").ReadResults(In("dt"), truth, new FormatContext { Read = new ReadOptions { Report = report } });
        Assert.Equal(4, found.Items.Length);
        Assert.Equal((1L, 1L, .9, new Box(10, 10, 40, 20)),
            (found.Items[0].ImageId, found.Items[0].CategoryId, found.Items[0].Score, found.Items[0].Box));
        Assert.Equal([10, 10, 50, 10, 50, 30, 10, 30], Assert.IsType<PolygonSegmentation>(found.Items[1].Shape!.Segmentation).Polygons[0]);
        Assert.Equal(0, report.Total);
        Assert.Equal(1, ProtocolEvaluator.Evaluate(truth, found,
            new ProtocolOptions { Protocol = DetectionProtocol.Dota, Kind = IouKind.Oriented })["mAP"], 1e-12);
    }

    [Fact]
    public void TaskTwoHoldsLevelBoxes()
    {
        Write("dt/Task2_plane.txt", "P0001 0.9 10 10 50 30\nP0002 0.8 10 10 50 30\nP0003 0.8 10 10 50 30\n");
        Write("dt/task2_ship.txt", "P0001 0.7 10 10 50 30\n");
        var truth = Truth("plane", "ship");
        var report = new ReadReport();
        var options = new ReadOptions { Report = report, Needs = RecordParts.Masks };
        var found = Recognised("dota").ReadResults(In("dt"), truth, new FormatContext { Read = options });
        Assert.Equal(new Box(10, 10, 40, 20), found.Items[2].Box);
        Assert.All(found.Items.ToArray(), d => Assert.Null(d.Shape));
        // Where corners are asked for, boxes that stand in for them are said.
        Assert.Equal(4, report.Counts[DataProblemKind.AssumedMask]);
        Assert.Equal(1, ProtocolEvaluator.Evaluate(truth, found, DetectionProtocol.Dota)["mAP"], 1e-12);
    }

    [Fact]
    public void TwoTasksAreNotMixed()
    {
        Write("dt/Task1_plane.txt", $"P0001 0.9 {Corners}\n");
        Write("dt/Task2_plane.txt", "P0001 0.9 10 10 50 30\n");
        var truth = Truth("plane");
        Assert.Contains("--task 1", Fault(new DotaFolder(), truth).Message, StringComparison.Ordinal);
        Assert.NotNull(Assert.Single(new DotaFolder { Task = 1 }.ReadResults(In("dt"), truth, new FormatContext()).Items.ToArray()).Shape);
        Assert.Null(Assert.Single(new DotaFolder { Task = 2 }.ReadResults(In("dt"), truth, new FormatContext()).Items.ToArray()).Shape);
        File.Delete(In("dt/Task2_plane.txt"));
        Assert.Contains("none of task 2", Fault(new DotaFolder { Task = 2 }, truth).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("comp4_det_test_traffic_light")]
    [InlineData("comp3_det_val2007_traffic_light")]
    [InlineData("comp4_c8d2f0aa-9d3a-4b5e_det_trainval_traffic_light")]
    [InlineData("comp4_det_traffic_light")]
    [InlineData("COMP4_DET_TEST_Traffic Light")]
    public void CompetitionsAreReadUnderAnyNumberSaltAndSet(string name)
    {
        // Numbers alone, which might be labels of YOLO too.
        Write($"dt/{name}.txt", "000001 0.9 10 10 50 30\n000002 0.8 10 10 50 30\n");
        var truth = Truth(["000001.jpg", "000002.jpg"], "traffic_light", "cat");
        var found = Recognised("voc").ReadResults(In("dt"), truth, new FormatContext());
        Assert.Equal([1L, 2L], found.Items.ToArray().Select(d => d.ImageId));
        Assert.All(found.Items.ToArray(), d => Assert.Equal((1L, new Box(10, 10, 40, 20)), (d.CategoryId, d.Box)));
    }

    [Fact]
    public void FoldersBelowAreFound()
    {
        Write("dt/VOC2012/Main/comp4_det_test_cat.txt", "000001 0.9 10 10 50 30\n");
        Assert.Single(Recognised("voc").ReadResults(In("dt"), Truth(["000001.jpg"], "cat"), new FormatContext()).Items.ToArray());
    }

    [Fact]
    public void NamesOfClassesMayDifferInBlanksDashesAndCase()
    {
        Write("dt/Task1_Small-Vehicle.txt", $"P0001 0.9 {Corners}\n");
        var report = new ReadReport();
        var context = new FormatContext { Read = new ReadOptions { Report = report } };
        Assert.Equal(2L, new DotaFolder().ReadResults(In("dt"), Truth("plane", "small vehicle"), context).Items[0].CategoryId);
        Assert.Equal(1, report.Counts[DataProblemKind.MatchedByName]);
        // Where it would fit two, none is chosen.
        Assert.Equal(DataProblemKind.UnknownCategory, Fault(new DotaFolder(), Truth("small_vehicle", "small vehicle")).Problem.Kind);
    }

    [Fact]
    public void ImagesMayHaveFoldersPointsAndBlanks()
    {
        Write("dt/Task2_plane.txt", "scan.5 0.9 10 10 50 30\nday/a b 0.8 10 10 50 30\nc.v2.tif 0.7 10 10 50 30\n");
        var truth = Truth(["scan.5.png", "day/a b.png", "c.v2.tif", "night/a b.png"], "plane");
        Assert.Equal([1L, 2L, 3L],
            new DotaFolder().ReadResults(In("dt"), truth, new FormatContext()).Items.ToArray().Select(d => d.ImageId));
    }

    [Theory]
    [InlineData("Task1_plane", "P0001 0.9 10 10 50 30\n", "x3 y3 x4 y4 are needed")]
    [InlineData("Task2_plane", "P0001 0.9 10 10 50 10 50 30 10 30\n", "the line has 9 numbers, 5 are needed")]
    [InlineData("Task1_plane", "P0001 0,9 10 10 50 10 50 30 10 30\n", "\"0,9\"")]
    [InlineData("Task1_plane", "P0001 nan 10 10 50 10 50 30 10 30\n", "finite")]
    [InlineData("Task1_plane", "P9999 0.9 10 10 50 10 50 30 10 30\n", "no such image")]
    [InlineData("Task1_plane", "P0001__1__0___512 0.9 10 10 50 10 50 30 10 30\n", "a patch of P0001")]
    [InlineData("Task1_crane", "P0001 0.9 10 10 50 10 50 30 10 30\n", "--classes")]
    [InlineData("Task2_plane", "P0001 0.9 50 10 10 30\n", "left of xmin")]
    public void FaultsNameTheirPlace(string file, string text, string message)
    {
        Write($"dt/{file}.txt", text);
        var fault = Fault(new DotaFolder(), Truth("plane"));
        Assert.Contains(message, fault.Message, StringComparison.Ordinal);
        Assert.EndsWith($"{file}.txt", fault.Problem.File, StringComparison.Ordinal);
        // Leniently the line is lost or a miss, never a hit; a negative box stays as it is.
        var found = new DotaFolder().ReadResults(In("dt"), Truth("plane"), new FormatContext { Read = new ReadOptions { Lenient = true } });
        Assert.Equal(0, ProtocolEvaluator.Evaluate(Truth("plane"), found, DetectionProtocol.Dota)["mAP"]);
    }

    [Fact]
    public void OneClassOfTwoFilesWouldCountTwice()
    {
        Write("dt/comp4_det_test_cat.txt", "000001 0.9 10 10 50 30\n");
        Write("dt/comp4_det_val_cat.txt", "000001 0.9 10 10 50 30\n");
        var truth = Truth(["000001.jpg"], "cat");
        Assert.Equal(DataProblemKind.DuplicateId, Fault(new VocFolder(), truth).Problem.Kind);
        var report = new ReadReport();
        var lenient = new FormatContext { Read = new ReadOptions { Lenient = true, Report = report } };
        Assert.Single(new VocFolder().ReadResults(In("dt"), truth, lenient).Items.ToArray());
        Assert.NotNull(report.Refusal());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void WhatIsWrittenHasAFileForEveryClass(int task)
    {
        var truth = Truth(["P0001.png", "P0002.png"], "plane", "x/../../evil", "small vehicle");
        DetectedObject[] items =
        [
            new(1, 1, new Box(10, 10, 40, 20),
                1 / 3.0) { Shape = new() { Segmentation = new PolygonSegmentation([[10, 10, 50, 12, 48, 30, 8, 28]]), HasBox = false } },
            new(2, 2, new Box(1e-3, 2e5, 1e-9, .5), 1e-12),
        ];
        var format = new DotaFolder { Task = task };
        // A class of which nothing is found any more must not keep the file of the time before.
        format.WriteResults(new DetectionResults([new DetectedObject(1, 3, new Box(1, 2, 3, 4), .5)]), truth, In("dt"));
        format.WriteResults(new DetectionResults(items), truth, In("dt"));
        Assert.Equal(3, Directory.GetFiles(In("dt"), $"Task{task}_*.txt").Length);
        Assert.Single(Directory.GetFileSystemEntries(_folder));
        var read = Recognised("dota").ReadResults(In("dt"), truth, new FormatContext()).Items.ToArray().OrderBy(d => d.CategoryId)
            .ToArray();
        Assert.Equal(items.Select(d => (d.ImageId, d.CategoryId, d.Score)), read.Select(d => (d.ImageId, d.CategoryId, d.Score)));
        Assert.Equal(task == 1, read[0].Shape is not null);
        Assert.Equal(items[1].Box.Y, read[1].Box.Y);
        Assert.Equal(task == 1 ? [] : ["1 polygons"], format.LossesOf(new DetectionResults(items)));
    }

    [Fact]
    public void MasksAreRefusedAsCornersAndKeepTheirBoxes()
    {
        var mask = new RunLengthSegmentation(RunLengthMask.FromBox(new Box(2, 3, 4, 5), 20, 20));
        var results = new DetectionResults([new DetectedObject(1, 1, new Box(2, 3, 4, 5), .5) { Shape = new() { Segmentation = mask } }]);
        var truth = Truth("plane");
        Assert.Contains("--task 2", Assert.Throws<ArgumentException>(() => new DotaFolder().WriteResults(results, truth, In("dt"))).Message,
            StringComparison.Ordinal);
        Assert.False(Directory.Exists(In("dt")));
        new DotaFolder { Task = 2 }.WriteResults(results, truth, In("dt"));
        Assert.Equal("P0001 0.5 2 3 6 8\n", File.ReadAllText(In("dt/Task2_plane.txt")));
    }

    private DetectionFormat Recognised(string name)
    {
        var format = DetectionFormats.Recognize(In("dt"));
        Assert.Equal(name, DetectionFormats.NameOf(format));
        return format;
    }

    private DetectionFormatException Fault(DetectionFormat format, DetectionDataset truth)
        => Assert.Throws<DetectionFormatException>(() => format.ReadResults(In("dt"), truth, new FormatContext()));

    /// <summary>One object of every class in every image, at one place.</summary>
    private static DetectionDataset Truth(params string[] classes) => Truth(["P0001.png", "P0002.png", "P0003.png"], classes);

    private static DetectionDataset Truth(string[] images, params string[] classes) => new(
        [.. images.Select((n, i) => new DatasetImage(i + 1, n, 200, 100))],
        [.. classes.Select((n, i) => new DatasetCategory(i + 1, n))],
        [.. classes.SelectMany((_, c) => Placed(c, images.Length))]);

    private static IEnumerable<GroundTruthObject> Placed(int category, int images)
        => Enumerable.Range(1, category == 0 ? images : category == 1 ? 1 : 0).Select(i => new GroundTruthObject
        {
            ImageId = i,
            CategoryId = category + 1,
            Box = new Box(10, 10, 40, 20),
            Segmentation = new PolygonSegmentation([[10, 10, 50, 10, 50, 30, 10, 30]]),
        });

    private string In(string name) => Path.Combine(_folder, name);

    private void Write(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(In(name))!);
        File.WriteAllText(In(name), text);
    }
}
