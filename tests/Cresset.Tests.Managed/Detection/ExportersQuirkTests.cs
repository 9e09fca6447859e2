using System.Text;
using Cresset.Detection;
using Xunit;

namespace Cresset.Tests.Managed.Detection;

/// <summary>
/// What exporters of other tools write: read as it is meant, said where something was assumed, refused where it cannot be told.
/// </summary>
public sealed class ExportersQuirkTests : IDisposable
{
    private const string Header = "image,class,xmin,ymin,xmax,ymax\n";
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-quirks").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("a.jpg,cat,1,2,3,4\na.jpg, cat, 1, 2, 3, 4\n")]
    [InlineData("a.jpg,cat,1,2,3,4\n a.jpg ,\t\"cat\" , 1,2,3,4\n")]
    public void BlanksAroundCellsMakeNoSecondClass(string rows)
    {
        var read = CsvFormat.ReadGroundTruth(Write("gt.csv", Header + rows));
        Assert.Equal("cat", Assert.Single(read.Categories).Name);
        Assert.Single(read.Images);
        Assert.Equal(" cat ",
            Assert.Single(CsvFormat.ReadGroundTruth(Write("q.csv", Header + "a.jpg,\" cat \",1,2,3,4\n")).Categories).Name);
    }

    [Theory]
    [InlineData(",cat,1,2,3,4", "image")]
    [InlineData("a.jpg,,1,2,3,4", "class")]
    public void ARowWithoutImageOrClassIsAFault(string row, string field)
    {
        var fault = Assert.Throws<DetectionFormatException>(() => CsvFormat.ReadGroundTruth(Write("gt.csv", Header + row + "\n"))).Problem;
        Assert.Equal((DataProblemKind.MissingField, field), (fault.Kind, fault.Field));
    }

    public static TheoryData<string, string> Texts => new()
    {
        { "gt.csv", Header + "a.jpg,Käfer,1,2,3,4\n" },
        { "padilla/a.txt", "Käfer 1 2 30 40\n" },
        { "dota/a.txt", "1 2 30 2 30 40 1 40 Käfer 0\n" },
        { "kitti/a.txt", "Käfer 0 0 -10 10 20 30 40 1 1 1 1 2 3 0\n" },
        { "mot.txt", "1,1,10,20,30,40,1,Käfer,1\n" },
        { "voc/a.xml",
            "<annotation><filename>a.jpg</filename><object><name>Käfer</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>"
                + "4</ymax></bndbox></object></annotation>" },
    };

    [Theory]
    [MemberData(nameof(Texts))]
    public void BytesThatAreNoTextAreRefusedInsteadOfReplaced(string file, string text)
    {
        string Path(string name) => name.Contains('/', StringComparison.Ordinal) ? System.IO.Path.GetDirectoryName(In(name))! : In(name);
        Write(file, text);
        var format = DetectionFormats.Recognize(Path(file));
        Assert.Equal("Käfer", Assert.Single(format.ReadGroundTruth(Path(file), new FormatContext()).Categories).Name);
        File.WriteAllBytes(In(file), Encoding.Latin1.GetBytes(text));
        Assert.Equal(In(file),
            Assert.Throws<DetectionFormatException>(() => format.ReadGroundTruth(Path(file), new FormatContext())).Problem.File);
    }

    [Theory]
    [InlineData("a.jpg,cat,.1,.2,.5,.6,640,480\n", true)]
    [InlineData("a.jpg,cat,.1,.2,.5,.6,640,480\nb.jpg,cat,0,0,1,1,640,480\n", true)]
    [InlineData("a.jpg,cat,0,0,1,1,640,480\n", false)]
    [InlineData("a.jpg,cat,.1,.2,.5,.6,1,1\n", false)]
    [InlineData("a.jpg,cat,.1,.2,.5,.6,0,0\n", false)]
    [InlineData("a.jpg,cat,.1,.2,.5,.6,640,480\nb.jpg,cat,1,2,30,40,640,480\n", false)]
    public void SharesOfPicturesOfKnownSizeAreNotTakenForPixels(string rows, bool areShares)
    {
        var path = Write("shares.csv", "image,class,xmin,ymin,xmax,ymax,width,height\n" + rows);
        var results = Write("found.csv", "image,class,score,xmin,ymin,xmax,ymax\na.jpg,cat,.9,.1,.2,.5,.6\n");
        var lenient = CsvFormat.ReadGroundTruth(path, options: new ReadOptions { Lenient = true });
        if (!areShares)
        {
            Assert.Equal(lenient.Objects.Length, CsvFormat.ReadGroundTruth(path).Objects.Length);
            return;
        }
        Assert.Contains("these are shares of the picture", Assert.Throws<DetectionFormatException>(() => CsvFormat.ReadGroundTruth(path))
            .Message, StringComparison.Ordinal);
        Assert.Contains("640 x 480", Assert.Throws<DetectionFormatException>(() => CsvFormat.ReadResults(results, lenient)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2e6)]
    [InlineData(-1.5e6)]
    public void CornersThatItsReaderRefusesAreNotWrittenAsDota(double corner)
    {
        var box = Box.FromCorners(Math.Min(0, corner), 0, Math.Max(5, corner), 5);
        var dataset = new DetectionDataset([new DatasetImage(1, "a.png", 10, 10)], [new DatasetCategory(1, "ship")],
            [new GroundTruthObject { Id = 1, ImageId = 1, CategoryId = 1, Box = box }]);
        var results = new DetectionResults([new DetectedObject(1, 1, dataset.Objects[0].Box, 0.5)]);
        var folder = Path.Combine(_folder, "dota");
        Assert.Contains("image 1 (a.png) has a corner at",
            Assert.Throws<ArgumentException>(() => new DotaFolder().WriteGroundTruth(dataset, folder)).Message, StringComparison.Ordinal);
        Assert.Contains("a detection of image 1 has a corner at",
            Assert.Throws<ArgumentException>(() => new DotaFolder().WriteResults(results, dataset, folder)).Message,
            StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder));
        new DotaFolder { Task = 2 }.WriteResults(results, dataset, folder);
    }

    [Fact]
    public void VocInANamespaceHasItsObjectsAndWhatIsNotReadIsSaid()
    {
        const string Box = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox>";
        Write("voc/a.xml",
            $"<annotation xmlns=\"http://x\"><filename>a.jpg</filename><object><name>cat</name><polygon><x1>1</x1></polygon>{Box}"
                + $"</object></annotation>");
        var report = new ReadReport();
        Assert.Equal(new Box(1, 2, 29, 38), VocFormat.ReadGroundTruth(In("voc"), null, new ReadOptions { Report = report }).Objects[0].Box);
        Assert.Equal("polygon", Assert.Single(report.Examples).Field);
        Write("voc/a.xml", $"<annotation><filename>a.jpg</filename><object><name>cat</name>{Box}{Box}</object></annotation>");
        Assert.Equal("bndbox", Assert.Throws<DetectionFormatException>(() => VocFormat.ReadGroundTruth(In("voc"))).Problem.Field);
    }

    [Theory]
    [InlineData("0 50 40 20 16", true)]
    [InlineData("0 10 10 50 10 50 40", true)]
    [InlineData("0 .99 .5 .1 .1", false)]
    public void PixelsAreNoShares(string line, bool isRefused)
    {
        Write("labels/a.txt", line + "\n");
        DatasetImage[] images = [new(1, "a.jpg", 100, 80)];
        var fault = Record.Exception(() => YoloFormat.ReadGroundTruth(In("labels"), ["cat"], images));
        Assert.Equal(isRefused, fault is DetectionFormatException { Problem.Kind: DataProblemKind.WrongValue });
    }

    [Fact]
    public void SharesOfUnknownSizesAreSaidAndPixelsRefused()
    {
        const string Columns = "ImageID,LabelName,XMin,XMax,YMin,YMax\n";
        var report = new ReadReport();
        var context = new FormatContext { Read = new ReadOptions { Report = report } };
        new OpenImagesCsv().ReadGroundTruth(Write("oi.csv", Columns + "a,cat,.1,.4,.2,.5\n"), context);
        Assert.Contains("--images FOLDER", Assert.Single(report.Examples).Message, StringComparison.Ordinal);
        Assert.Throws<DetectionFormatException>(
            () => new OpenImagesCsv().ReadGroundTruth(Write("oi.csv", Columns + "a,cat,10,40,20,50\n"), new FormatContext()));
    }

    [Fact]
    public void ClassesKeepTheNumbersOfTheirLines()
    {
        Assert.Equal(["cat", "dog"], ClassNames.Read(Write("classes.txt", "cat\r\ndog\n\n  \n")));
        Assert.Equal("line 2",
            Assert.Throws<DetectionFormatException>(() => ClassNames.Read(Write("classes.txt", "cat\n\ndog\n"))).Problem.Record);
        Assert.Contains("cat",
            Assert.Throws<ArgumentException>(
                () => CsvFormat.ReadGroundTruth(Write("gt.csv", Header + "a.jpg,cat,1,2,3,4\n"), ["cat", "cat"])).Message,
                StringComparison.Ordinal);
        Assert.Contains("nc is 3",
            Assert.Throws<DetectionFormatException>(() => YoloFolder.NamesOf(Write("data.yaml", "names: [cat, dog]\nnc: 3\n"))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void ClassesOfNumberTablesAreOneHoweverTheyAreWritten()
    {
        var mot = new MotFile().ReadGroundTruth(
            Write("gt.txt", "1,1,10,20,30,40,1,1,1\n2,1,10,20,30,40,1,1.0,1\n3,1,10,20,30,40,1,-1.0,1\n"), new FormatContext());
        Assert.Equal("1", Assert.Single(mot.Categories).Name);
    }

    [Theory]
    [InlineData("\"1\"", "1", "1")]
    [InlineData("1", "\"1\"", "1")]
    [InlineData("1", "1", "\"1\"")]
    [InlineData("\"1\"", "1", "\"1\"")]
    public void ATextIsTheNumberThatItWrites(string image, string reference, string result)
    {
        var truth = CocoFormat.ReadGroundTruth(Write("gt.json", Coco(image, reference, "5", "\"5\"", "a.jpg")));
        var results = CocoFormat.ReadResults(
            Write("dt.json", $"[{{\"image_id\":{result},\"category_id\":5,\"bbox\":[1,2,30,40],\"score\":0.5}}]"), truth);
        Assert.Equal(1, CocoEvaluator.Evaluate(truth, results).Stats[0], 1e-12);
        var unknown = Assert.Throws<DetectionFormatException>(
            () => CocoFormat.ReadGroundTruth(Write("gt.json", Coco("1", "\"x\"", "5", "5", "a.jpg"))));
        Assert.Contains("\"x\"", unknown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ATextThatIsOneImagesIdAndAnothersNameIsRefused()
    {
        const string Images =
            "{\"id\":1,\"file_name\":\"2.jpg\",\"width\":9,\"height\":9},{\"id\":2,\"file_name\":\"1.jpg\",\"width\":9,\"height\":9}";
        var truth = CocoFormat.ReadGroundTruth(
            Write("gt.json",
                $"{{\"images\":[{Images}"
                    + $"],\"categories\":[{{\"id\":1,\"name\":\"cat\"}},{{\"id\":2,\"name\":\"cat\"}}],\"annotations\":[]}}"));
        var fault = Assert.Throws<DetectionFormatException>(
            () => CocoFormat.ReadResults(Write("dt.json", "[{\"image_id\":\"1\",\"category_id\":1,\"bbox\":[1,2,3,4],\"score\":1}]"),
                truth));
        Assert.Contains("the id of one image and the name of another", fault.Message, StringComparison.Ordinal);
        fault = Assert.Throws<DetectionFormatException>(
            () => CocoFormat.ReadResults(Write("dt.json", "[{\"image_id\":1,\"category_id\":\"cat\",\"bbox\":[1,2,3,4],\"score\":1}]"),
                truth));
        Assert.Contains("several categories", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AListThatIsNullIsSaidToBeNull()
        => Assert.Contains("is null; a list is needed",
            Assert.Throws<DetectionFormatException>(
                () => CocoFormat.ReadGroundTruth(Write("gt.json", "{\"images\":[],\"categories\":null,\"annotations\":[]}"))).Message,
                StringComparison.Ordinal);

    [Fact]
    public void ScoresThatAreNoProbabilitiesHaveNoCalibration()
    {
        var curve = new RankedCurve([90, 40], [1, 0], 1);
        var calibration = Calibration.Of([curve]);
        Assert.False(calibration.IsDefined);
        Assert.True(double.IsNaN(calibration.Expected) && calibration.Bins.Count == 0);
        Assert.True(Calibration.Of([new RankedCurve([1, 0], [1, 0], 1)]).IsDefined);
    }

    [Theory]
    [InlineData("y before x (y, x")]
    [InlineData("y before x (y1")]
    public void BoxesWithYFirstAreFound(string layout)
    {
        var random = new System.Random(3);
        GroundTruthObject[] objects = [.. Enumerable.Range(0, 40)
            .Select(
                i => new GroundTruthObject { ImageId = i, CategoryId = 1,
                    Box = new(random.Next(300), random.Next(50), 20 + random.Next(60), 90 + random.Next(60)) })];
        var truth = new DetectionDataset([.. Enumerable.Range(0, 40).Select(i => new DatasetImage(i, $"{i}.jpg", 640, 480))],
            [new DatasetCategory(1, "cat")], objects);
        var corners = layout.Contains("y1", StringComparison.Ordinal);
        var found = objects.Select(
            o => new DetectedObject(o.ImageId, 1,
                corners ? new(o.Box.Y, o.Box.X, o.Box.Bottom, o.Box.Right) : new(o.Box.Y, o.Box.X, o.Box.Height, o.Box.Width), 0.5));
        Assert.Contains(layout, MeetingCheck.Find(truth, new DetectionResults([.. found])) ?? "", StringComparison.Ordinal);
    }

    private static string Coco(string image, string imageReference, string category, string categoryReference, string name)
        => $"{{\"images\":[{{\"id\":{image},\"file_name\":\"{name}\",\"width\":100,\"height\":80}}],\"categories\":[{{\"id\":{category}"
            + $",\"name\":\"cat\"}}],\"annotations\":[{{\"id\":1,\"image_id\":{imageReference},\"category_id\":{categoryReference}"
            + $",\"bbox\":[1,2,30,40],\"area\":1200,\"iscrowd\":0}}]}}";

    private string In(string name) => Path.Combine(_folder, name);

    private string Write(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(In(name))!);
        File.WriteAllText(In(name), text);
        return In(name);
    }
}
