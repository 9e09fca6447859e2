using System.Buffers.Binary;
using Cresset.Detection;
using Xunit;

namespace Cresset.Tests.Managed.Detection;

/// <summary>Laws over all formats, and files as their tools write them.</summary>
public sealed class FormatPartsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-formats").FullName;

    public static TheoryData<string> Formats => [.. DetectionFormats.Names];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Formats))]
    public void WhatIsWrittenIsRecognisedReadAndScoredAlike(string name)
    {
        var format = DetectionFormats.Get(name);
        var truth = Truth("00000", "cat", "traffic_light");
        var results = Found(truth);
        Pictures(truth);
        string gt = Target(format, "gt"), dt = Target(format, "dt");
        format.WriteGroundTruth(truth, gt);
        format.WriteResults(results, truth, dt);
        Assert.Equal(name, DetectionFormats.NameOf(DetectionFormats.Recognize(gt)));
        var context = new FormatContext { ImageFolder = NeedsPictures(name) ? Path.Combine(_folder, "pictures") : null };
        var read = format.ReadGroundTruth(gt, context);
        Assert.Equal(truth.Objects.Length, read.Objects.Length);
        Assert.Equal(name == "mot" ? ["1", "2"] : truth.Categories.Select(c => c.Name), read.Categories.Select(c => c.Name).Order());
        for (var i = 0; i < read.Objects.Length; i++) Near(truth.Objects[i].Box, read.Objects[i].Box);
        // Images without objects stay where the format says that they do.
        Assert.Equal((format.Keeps & FormatFeatures.EmptyImages) != 0 ? 4 : 3, read.Images.Count);
        if ((format.Keeps & FormatFeatures.Sizes) != 0) Assert.All(read.Images, i => Assert.Equal((200, 100), (i.Width, i.Height)));
        var found = format.ReadResults(dt, read, context);
        Assert.Equal(results.Items.Length, found.Items.Length);
        var expected = ProtocolEvaluator.Evaluate(truth, results, DetectionProtocol.CocoFixed);
        var actual = ProtocolEvaluator.Evaluate(read, found, DetectionProtocol.CocoFixed);
        // Six digits of YOLO and relative sizes of Open Images leave areas, not hits, a little apart.
        Assert.Equal(expected["AP"], actual["AP"], 1e-9);
        Assert.True(expected["AP"] is > 0.3 and < 0.99);
        // Both files speak of the same images: detections against the first data set score alike.
        if (name != "mot") Assert.Equal(expected["AP"],
            ProtocolEvaluator.Evaluate(truth, format.ReadResults(dt, truth, context), DetectionProtocol.CocoFixed)["AP"], 1e-9);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void FoldersKeepImagesApart(string name)
    {
        if (name == "mot")
        {
            Assert.Throws<ArgumentException>(()
                => DetectionFormats.Get(name).WriteGroundTruth(InFolders(), Target(DetectionFormats.Get(name), "gt")));
            return;
        }
        var format = DetectionFormats.Get(name);
        var truth = InFolders();
        Pictures(truth);
        var gt = Target(format, "gt");
        format.WriteGroundTruth(truth, gt);
        var read = format.ReadGroundTruth(gt,
            new FormatContext { ImageFolder = NeedsPictures(name) ? Path.Combine(_folder, "pictures") : null });
        Assert.Equal(2, read.Images.Count);
        Assert.Equal(2, read.Objects.ToArray().Select(o => o.ImageId).Distinct().Count());
        var dt = Target(format, "dt");
        var results = new DetectionResults([.. truth.Objects.ToArray().Select(o => new DetectedObject(o.ImageId, 1, o.Box, .9))]);
        format.WriteResults(results, truth, dt);
        Assert.Equal(1, ProtocolEvaluator.Evaluate(read, format.ReadResults(dt, read, new FormatContext()),
            DetectionProtocol.CocoFixed)["AP"], 1e-9);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void NamesNeverLeadOutOfTheFolder(string name)
    {
        string[] evil = ["../../evil", "/etc/evil", "..\\..\\evil", "a/../../b", "con", "a\0b", "x\ny", " lead", "ü😀", "a,b;\"c\"",
            "<b>", "%2e%2e/%2e", new string('n', 400), "."];
        var format = DetectionFormats.Get(name);
        for (var i = 0; i < evil.Length; i++)
        {
            var inner = Path.Combine(_folder, $"n{i}");
            Directory.CreateDirectory(inner);
            var truth = new DetectionDataset(
                [new DatasetImage(1, evil[i] + (name == "mot" ? "" : ".jpg"), 200, 100)],
                [new DatasetCategory(1, evil[i])],
                [new GroundTruthObject { ImageId = 1, CategoryId = 1, Box = new Box(1, 2, 30, 40) }]);
            var results = new DetectionResults([new DetectedObject(1, 1, new Box(1, 2, 30, 40), .5)]);
            foreach (var withScores in new[] { false, true })
            {
                var path = Path.Combine(inner, withScores ? "dt" : "gt") + Extension(format);
                try
                {
                    if (withScores) format.WriteResults(results, truth, path);
                    else format.WriteGroundTruth(truth, path);
                }
                catch (ArgumentException)
                {
                    continue;
                }
                if (withScores) Assert.Single(format.ReadResults(path, truth, new FormatContext()).Items.ToArray());
            }
            Assert.All(Directory.GetFileSystemEntries(inner), e
                => Assert.StartsWith(Path.Combine(inner, "gt")[..^2], e, StringComparison.Ordinal));
        }
        Assert.DoesNotContain(Directory.GetFiles(_folder), f => Path.GetFileName(f).Contains("evil", StringComparison.Ordinal));
        Assert.False(File.Exists(Path.Combine(_folder, "..", "evil.txt")) || File.Exists("/etc/evil.txt"));
    }

    /// <summary>Damaged files are read, refused with their fault, or read leniently; never anything else.</summary>
    [Theory]
    [MemberData(nameof(Formats))]
    public void DamageIsAFaultAndNoCrash(string name)
    {
        var format = DetectionFormats.Get(name);
        var truth = Truth("00000", "cat", "dog");
        Pictures(truth);
        string gt = Target(format, "gt"), dt = Target(format, "dt");
        format.WriteGroundTruth(truth, gt);
        format.WriteResults(Found(truth), truth, dt);
        var pictures = NeedsPictures(name) ? Path.Combine(_folder, "pictures") : null;
        var random = new System.Random(3);
        foreach (var (path, withScores) in new[] { (gt, false), (dt, true) })
        {
            string[] files = File.Exists(path) ? [path] : Directory.GetFiles(path, "*", SearchOption.AllDirectories);
            var turns = int.TryParse(Environment.GetEnvironmentVariable("CRESSET_FUZZ"), out var fuzz) ? Math.Max(60, fuzz / 20) : 60;
            for (var n = 0; n < turns; n++)
            {
                var file = files[random.Next(files.Length)];
                var sound = File.ReadAllBytes(file);
                File.WriteAllBytes(file, Mutate(sound, random));
                foreach (var lenient in new[] { false, true })
                {
                    var context = new FormatContext { Read = new ReadOptions { Lenient = lenient }, ImageFolder = pictures };
                    try
                    {
                        if (withScores) ProtocolEvaluator.Evaluate(truth, format.ReadResults(path, truth, context),
                            DetectionProtocol.CocoFixed);
                        else format.ReadGroundTruth(path, context);
                    }
                    catch (Exception e) when (e is DetectionFormatException or ArgumentException or InvalidDataException)
                    {
                        Assert.NotEmpty(e.Message);
                    }
                }
                File.WriteAllBytes(file, sound);
            }
        }
    }

    [Fact]
    public void LossesAreCounted()
    {
        var truth = Truth("00000", "cat", "dog");
        var shape = new PolygonSegmentation([[0, 0, 10, 0, 10, 10]]);
        var rich = truth.With(
            [.. truth.Objects.ToArray()
            .Select((o, i) => i == 0 ? o with { Marks = ObjectMarks.Crowd } : i == 1 ? o with { Segmentation = shape } : o)]);
        Assert.Equal(["1 polygons", "1 crowd, ignore or group-of marks", "4 sizes of images"], DetectionFormats.Get("yolo").LossesOf(rich));
        Assert.Empty(DetectionFormats.Get("coco").LossesOf(rich));
        Assert.Contains("1 images without objects", DetectionFormats.Get("mot").LossesOf(rich));
    }

    [Fact]
    public void CvatIsReadAsItIsExported()
    {
        Write("a.xml", """
            <?xml version="1.0" encoding="utf-8"?>
            <annotations><version>1.1</version><meta><task><labels><label><name>car</name></label><label><name>person</name></label></labels></task></meta>
              <image id="0" name="street/1.jpg" width="20" height="10">
                <box label="person" source="manual" occluded="0" xtl="1.50" ytl="2.00" xbr="5.50" ybr="8.00" z_order="0"><attribute name="difficult">true</attribute></box>
                <polygon label="car" occluded="0" points="0.0,0.0;4.0,0.0;4.0,3.0" z_order="0"></polygon>
                <mask label="car" occluded="0" rle="1, 2, 1, 2" left="3" top="2" width="2" height="3" z_order="0"></mask>
              </image>
              <image id="1" name="street/2.jpg" width="20" height="10"/>
            </annotations>
            """);
        var read = DetectionFormats.Recognize(In("a.xml")).ReadGroundTruth(In("a.xml"), new FormatContext());
        Assert.Equal(["car", "person"], read.Categories.Select(c => c.Name));
        Assert.Equal(2, read.Images.Count);
        Assert.Equal((2L, new Box(1.5, 2, 4, 6), true), (read.Objects[0].CategoryId, read.Objects[0].Box, read.Objects[0].IsDifficult));
        Assert.Equal(6, read.Objects[1].Area);
        Assert.Equal(new Box(3, 2, 2, 3), read.Objects[2].Box);
        Assert.Equal(4, read.Objects[2].Area);
        Write("b.xml",
            "<annotations><image id=\"0\" name=\"1.jpg\" width=\"9\" height=\"9\"><box label=\"a\" xtl=\"1\" ytl=\"1\" xbr=\"3\" ybr=\"3\" "
                + "rotation=\"20\"/></image></annotations>");
        Assert.Contains("rotated",
            Assert.Throws<DetectionFormatException>(() => DetectionFormats.Get("cvat").ReadGroundTruth(In("b.xml"), new FormatContext()))
            .Message, StringComparison.Ordinal);
    }

    [Fact]
    public void LabelStudioIsReadAsItIsExported()
    {
        Write("ls.json", """
            [{"id": 7, "data": {"image": "/data/upload/3/ab12-cat.jpg"}, "annotations": [{"was_cancelled": false, "result": [
               {"type": "rectanglelabels", "original_width": 200, "original_height": 100, "value": {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0, "rectanglelabels": ["cat"]}},
               {"type": "choices", "value": {"choices": ["day"]}},
               {"type": "polygonlabels", "original_width": 200, "original_height": 100, "value": {"points": [[0, 0], [50, 0], [50, 50]], "polygonlabels": ["dog"]}}]}],
              "predictions": [{"score": 0.4, "result": [{"type": "rectanglelabels", "score": 0.75, "original_width": 200, "original_height": 100, "value": {"x": 10, "y": 20, "width": 30, "height": 40, "rectanglelabels": ["cat"]}}]}]}]
            """);
        var format = DetectionFormats.Recognize(In("ls.json"));
        var read = format.ReadGroundTruth(In("ls.json"), new FormatContext());
        Assert.Equal("ab12-cat.jpg", read.Images[0].FileName);
        Near(new Box(20, 20, 60, 40), read.Objects[0].Box);
        Assert.Equal(2500, read.Objects[1].Area, 1e-9);
        var found = format.ReadResults(In("ls.json"), read, new FormatContext());
        Assert.Equal(.75, found.Items[0].Score);
        Assert.Equal(1L, found.Items[0].CategoryId);
    }

    [Fact]
    public void SuperviselyLabelMeAndMotAreReadAsTheyAreExported()
    {
        Write("sup/meta.json", """{"classes": [{"title": "dog", "shape": "any"}], "tags": []}""");
        Write("sup/ds0/ann/a.jpg.json",
            """{"size": {"height": 100, "width": 200}, "objects": [{"classTitle": "dog", "geometryType": "rectangle", "points": {"exterior": [[30, 40], [10, 20]], "interior": []}}]}""");
        var read = DetectionFormats.Recognize(In("sup")).ReadGroundTruth(In("sup"), new FormatContext());
        Assert.Equal(("ds0/a.jpg", new Box(10, 20, 20, 20)), (read.Images[0].FileName, read.Objects[0].Box));
        Write("lm/b.json",
            """{"version": "5.0", "shapes": [{"label": "x", "points": [[5, 6], [1, 2]], "shape_type": "rectangle", "group_id": null}, {"label": "y", "points": [[0, 0], [2, 0], [2, 2]], "group_id": 4, "shape_type": "polygon"}, {"label": "y", "points": [[5, 5], [7, 5], [7, 7]], "group_id": 4, "shape_type": "polygon"}], "imagePath": "..\\img\\b.png", "imageData": null, "imageHeight": 9, "imageWidth": 9}""");
        read = DetectionFormats.Recognize(In("lm")).ReadGroundTruth(In("lm"), new FormatContext());
        Assert.Equal(("b.png", new Box(1, 2, 4, 4)), (read.Images[0].FileName, read.Objects[0].Box));
        Assert.Equal((2, new Box(0, 0, 7, 7), 4.0), (read.Objects.Length, read.Objects[1].Box, read.Objects[1].Area));
        Write("gt.txt", "1,1,912,484,97,109,0,7,1\n1,2,1338,418,167,379,1,1,1\n2,2,1340,420,167,379,1,1,0.9\n");
        read = DetectionFormats.Recognize(In("gt.txt")).ReadGroundTruth(In("gt.txt"), new FormatContext());
        Assert.Equal((2, 3, true), (read.Images.Count, read.Objects.Length, read.Objects[0].IsIgnored));
        Assert.Equal(new Box(1338, 418, 167, 379), read.Objects[1].Box);
    }

    [Fact]
    public void OpenImagesTablesKnowWhatWasVerified()
    {
        Write("boxes.csv",
            "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside\n0a1,xclick,"
                + "/m/01,1,0.1,0.5,0.2,0.6,0,0,1,0,0\n0a2,xclick,/m/02,1,0,1,0,1,0,0,-1,0,0\n");
        Write("labels.csv", "ImageID,Source,LabelName,Confidence\n0a1,verification,/m/02,0\n0a1,verification,/m/01,1\n");
        var format = (OpenImagesCsv)DetectionFormats.Recognize(In("boxes.csv")) with { VerifiedLabels = In("labels.csv") };
        var read = format.ReadGroundTruth(In("boxes.csv"), new FormatContext());
        Assert.Equal((true, false), (read.Objects[0].IsGroupOf, read.Objects[1].IsGroupOf));
        Near(new Box(.1, .2, .4, .4), read.Objects[0].Box);
        Assert.Equal([2L], read.Images[0].NegativeCategoryIds!);
        Assert.Empty(read.Images[1].NegativeCategoryIds!);
    }

    [Fact]
    public void KittiIsReadAsItIsExported()
    {
        Write("label_2/000001.txt",
            "Car 0.00 0 -1.57 599.41 156.40 629.75 189.25 2.85 2.63 12.34 0.47 1.49 69.44 -1.56\nDontCare -1 -1 -10 503.89 169.71 590.61 "
                + "190.13 -1 -1 -1 -1000 -1000 -1000 -10\n");
        Write("label_2/000002.txt", "");
        var report = new ReadReport();
        var read = DetectionFormats.Recognize(In("label_2"))
            .ReadGroundTruth(In("label_2"), new FormatContext { Read = new ReadOptions { Report = report } });
        Assert.Equal(("Car", 2, 1), (Assert.Single(read.Categories).Name, read.Images.Count, report.Counts[DataProblemKind.Layout]));
        Near(Box.FromCorners(599.41, 156.40, 629.75, 189.25), Assert.Single(read.Objects.ToArray()).Box);
        Write("found/data/000001.txt", "Car -1 -1 -10 599 156 630 189 -1 -1 -1 -1000 -1000 -1000 -10 0.75\n");
        var found = DetectionFormats.Recognize(In("found")).ReadResults(In("found"), read, new FormatContext());
        Assert.Equal((.75, 1L), (found.Items[0].Score, found.Items[0].ImageId));
        // Read as padilla's text its numbers would become part of the class.
        Assert.Contains("numbers after the class",
            Assert.Throws<DetectionFormatException>(() => new PadillaFolder().ReadGroundTruth(In("label_2"), new FormatContext())).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void FiftyOneIsReadAsItIsExported()
    {
        Png("set/data/uuid1.png", 200, 100);
        Png("set/data/uuid2.png", 50, 50);
        Write("set/labels.json", """
            {"classes": ["cat", "dog"], "labels": {
              "uuid1": [{"label": "dog", "bounding_box": [0.1, 0.2, 0.3, 0.4], "confidence": 0.75, "attributes": {"occluded": false}},
                        {"label": 0, "bounding_box": [0, 0, 1, 1]}],
              "uuid2": null}}
            """);
        foreach (var path in new[] { In("set"), In("set/labels.json") })
        {
            var format = DetectionFormats.Recognize(path);
            var read = format.ReadGroundTruth(path, new FormatContext());
            Assert.Equal(["cat", "dog"], read.Categories.Select(c => c.Name));
            Assert.Equal(["uuid1.png", "uuid2.png"], read.Images.Select(i => i.FileName));
            Near(new Box(20, 20, 60, 40), read.Objects[0].Box);
            Assert.Equal((2L, 1L), (read.Objects[0].CategoryId, read.Objects[1].CategoryId));
            // The second has no confidence.
            Assert.Contains("score",
                Assert.Throws<DetectionFormatException>(() => format.ReadResults(path, read, new FormatContext())).Message,
                StringComparison.Ordinal);
        }
        Directory.Delete(In("set/data"), recursive: true);
        Assert.Contains("--images",
            Assert.Throws<DetectionFormatException>(() => new FiftyOneFile().ReadGroundTruth(In("set"), new FormatContext())).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,200,100,dog,1,2,31,42\n")]
    [InlineData("\uFEFFimage;label;x1;y1;x2;y2\r\na.jpg;dog;1,0;2;31;42,0\r\n")]
    [InlineData("Image_Path\tcategory\tx_min\ty_min\tx_max\ty_max\nC:\\set\\a.jpg\tdog\t1\t2\t31\t42\n")]
    public void TablesOfOtherToolsAreRead(string text)
    {
        Write("t.csv", text);
        var read = DetectionFormats.Recognize(In("t.csv")).ReadGroundTruth(In("t.csv"), new FormatContext());
        Assert.Equal((new Box(1, 2, 30, 40), "dog"),
            (Assert.Single(read.Objects.ToArray()).Box, read.CategoryName(read.Objects[0].CategoryId)));
        Write("d.csv", "file;confidence;label;left;top;right;bottom\na.jpg;0,75;dog;1;2;31;42,5\n");
        var found = Assert.Single(new CsvFile().ReadResults(In("d.csv"), read, new FormatContext()).Items.ToArray());
        Assert.Equal((.75, 40.5), (found.Score, found.Box.Height));
        Write("bad.csv", "picture,label,x1,y1,x2,y2\n");
        Assert.Contains("has picture, label",
            Assert.Throws<DetectionFormatException>(() => new CsvFile().ReadGroundTruth(In("bad.csv"), new FormatContext())).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void FilesOfOtherSystemsAreFound()
    {
        Write("VOC/A.XML",
            "<annotation><filename>A.JPG</filename><size><width>9</width><height>9</height></size><object><name>dog</name><bndbox><xmin>"
                + "1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></object></annotation>");
        Write("VOC/._A.XML", "\0\u0005\u0016\u0007");
        Assert.Single(DetectionFormats.Recognize(In("VOC")).ReadGroundTruth(In("VOC"), new FormatContext()).Objects.ToArray());
        Png("pictures/a.png", 100, 50);
        Write("pictures/._a.png", "\0\u0005\u0016\u0007");
        Write("labels/a.TXT", "0 0.5 0.5 0.2 0.4\n");
        var context = new FormatContext { Classes = ["dog"], ImageFolder = In("pictures") };
        Assert.Single(DetectionFormats.Recognize(In("labels")).ReadGroundTruth(In("labels"), context).Objects.ToArray());
    }

    [Fact]
    public void ADataYamlLeadsToImagesAndLabels()
    {
        Write("set/data.yaml", "path: /somewhere/else\ntrain: images/train\nval: images/val\nnames:\n  0: cat\n  1: dog\n");
        Png("set/images/val/a.png", 100, 50);
        Png("set/images/val/sub/b.png", 100, 50);
        Write("set/labels/val/a.txt", "1 0.5 0.5 0.2 0.4\n0 0.1 0.1 0.3 0.1 0.3 0.5\n");
        var read = DetectionFormats.Recognize(In("set")).ReadGroundTruth(In("set/data.yaml"), new FormatContext());
        Assert.Equal((2, 2), (read.Images.Count, read.Objects.Length));
        Near(new Box(40, 15, 20, 20), read.Objects[0].Box);
        Assert.NotNull(read.Objects[1].Segmentation);
        Assert.Equal("dog", read.CategoryName(read.Objects[0].CategoryId));
        Write("pred/a.txt", "1 0.5 0.5 0.2 0.4 0.9\n");
        Assert.Single(DetectionFormats.Recognize(In("pred")).ReadResults(In("pred"), read, new FormatContext()).Items.ToArray());
        Assert.Contains("has no test",
            Assert.Throws<DetectionFormatException>(()
            => new YoloFolder { Split = "test" }.ReadGroundTruth(In("set"), new FormatContext())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnImageSetChoosesItsImages()
    {
        foreach (var i in new[] { 1, 2 })
        {
            Write($"VOC/Annotations/00000{i}.xml",
                $"<annotation><filename>00000{i}"
                    + $".jpg</filename><size><width>9</width><height>9</height></size><object><name>dog</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></object></annotation>");
        }
        Write("VOC/ImageSets/Main/test.txt", "000002\n");
        var format = (VocFolder)DetectionFormats.Recognize(In("VOC"));
        Assert.Equal(2, format.ReadGroundTruth(In("VOC"), new FormatContext()).Images.Count);
        Assert.Equal("000002.jpg",
            Assert.Single((format with { ImageSet = "test" }).ReadGroundTruth(In("VOC"), new FormatContext()).Images).FileName);
        Assert.Contains("test",
            Assert.Throws<ArgumentException>(() => (format with { ImageSet = "val" }).ReadGroundTruth(In("VOC"), new FormatContext()))
            .Message, StringComparison.Ordinal);
    }

    private static DetectionDataset Truth(string stem, string first, string second)
    {
        DatasetImage[] images = [.. Enumerable.Range(1, 4).Select(i => new DatasetImage(i, $"{stem}{i}.png", 200, 100))];
        List<GroundTruthObject> objects = [];
        for (var i = 0; i < 9; i++)
        {
            objects.Add(new GroundTruthObject
            {
                Id = i + 1,
                ImageId = 1 + (i / 3),
                CategoryId = 1 + (i % 2),
                Box = new Box(4 + (i * 11), 8 + i, 40 + i, 30 + (2 * i))
            });
        }
        return new DetectionDataset(images, [new(1, first), new(2, second)], objects);
    }

    /// <summary>Detections of different quality, far enough from every threshold that written digits cannot move them across.</summary>
    private static DetectionResults Found(DetectionDataset truth)
        => new([.. truth.Objects.ToArray()
            .Select((o, i) => new DetectedObject(o.ImageId, o.CategoryId,
            new Box(o.Box.X + ((i % 4) * 1.3), o.Box.Y, o.Box.Width, o.Box.Height), .95 - (i * .07)))]);

    private static DetectionDataset InFolders() => new(
        [new(1, "cam1/000001.png", 200, 100), new(2, "cam2/000001.png", 200, 100)],
        [new(1, "cat")],
        [new() { Id = 1, ImageId = 1, CategoryId = 1, Box = new Box(1, 2, 30, 40) },
            new() { Id = 2, ImageId = 2, CategoryId = 1, Box = new Box(50, 20, 30, 40) }]);

    private static byte[] Mutate(byte[] sound, System.Random random)
    {
        var bytes = sound.ToList();
        for (var k = random.Next(1, 4); k > 0 && bytes.Count > 0; k--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(4))
            {
                case 0: bytes[at] = (byte)random.Next(256); break;
                case 1: bytes.RemoveRange(at, Math.Min(random.Next(1, 20), bytes.Count - at)); break;
                case 2: bytes.Insert(at, (byte)"0-\",<[]{}. \n"[random.Next(12)]); break;
                default: bytes.RemoveRange(at, bytes.Count - at); break;
            }
        }
        return [.. bytes];
    }

    private static bool NeedsPictures(string name) => name is "yolo" or "openimages" or "dota" or "padilla" or "kitti" or "fiftyone";

    private static string Extension(DetectionFormat format) => DetectionFormats.NameOf(format) switch
    {
        "coco" or "label-studio" or "fiftyone" => ".json",
        "csv" or "openimages" => ".csv",
        "cvat" => ".xml",
        "mot" => ".txt",
        _ => "",
    };

    private static void Near(Box expected, Box actual)
        => Assert.True(Math.Abs(expected.X - actual.X) + Math.Abs(expected.Y - actual.Y) + Math.Abs(
            expected.Width - actual.Width) + Math.Abs(expected.Height - actual.Height) < 1e-3, $"{actual} instead of {expected}");

    private string Target(DetectionFormat format, string name) => Path.Combine(_folder, name + Extension(format));

    private void Pictures(DetectionDataset dataset)
    {
        foreach (var image in dataset.Images) Png("pictures/" + image.FileName, image.Width, image.Height);
    }

    private string In(string name) => Path.Combine(_folder, name);

    private void Write(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(In(name))!);
        File.WriteAllText(In(name), text);
    }

    private void Png(string name, int width, int height)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(In(name))!);
        File.WriteAllBytes(In(name), PngHeader(width, height));
    }

    /// <summary>The first bytes of a PNG, which say its size.</summary>
    internal static byte[] PngHeader(int width, int height)
    {
        byte[] bytes = [0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10, 0, 0, 0, 13, (byte)'I', (byte)'H', (byte)'D', (byte)'R',
            .. new byte[16]];
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(16), width);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(20), height);
        return bytes;
    }
}
