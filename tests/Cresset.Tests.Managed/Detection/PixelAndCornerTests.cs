using System.IO.Compression;
using System.Text.Json;
using Cresset.Detection;
using Xunit;

namespace Cresset.Tests.Managed.Detection;

/// <summary>Oriented boxes, panoptic quality and semantic overlap beside values by their published formulas.</summary>
public sealed class PixelAndCornerTests : IDisposable
{
    private static readonly JsonElement Recorded = JsonDocument.Parse(File.ReadAllBytes(Golden.PathOf("pixels_and_corners.json")))
        .RootElement.Clone();
    private static readonly string[] Names = ["plane", "ship"];
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-pixels-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>A set whose shapes are its boxes, each turned by an angle of its own.</summary>
    internal static (DetectionDataset Truth, DetectionResults Results) Turned(RandomSet set)
    {
        static PolygonSegmentation Corners(Box b, long seed)
        {
            var corners = new double[8];
            new OrientedBox(b.X + (b.Width / 2), b.Y + (b.Height / 2), b.Width, b.Height, seed * 0.7).Corners(corners);
            return new PolygonSegmentation([corners]);
        }
        var objects = set.Truth.Objects.ToArray();
        var results = set.Results.Items.ToArray();
        for (var i = 0; i < objects.Length; i++) objects[i] = objects[i] with
        {
            Segmentation = Corners(objects[i].Box,
            objects[i].ImageId)
        };
        for (var i = 0; i < results.Length; i++) results[i] =
            results[i] with { Shape = new DetectionShape { Segmentation = Corners(results[i].Box, results[i].ImageId), HasBox = true } };
        return (new DetectionDataset(set.Truth.Images, set.Truth.Categories, objects), new DetectionResults(results));
    }

    [Fact]
    public void CornersOverlapAsTheirAreas()
    {
        foreach (var pair in Recorded.GetProperty("oriented").GetProperty("pairs").EnumerateArray())
        {
            double[] a = pair.GetProperty("a").Doubles(), b = pair.GetProperty("b").Doubles();
            var iou = pair.GetProperty("iou").GetDouble();
            Assert.Equal(iou, CornerOverlap.Iou(a, b), 1e-12);
            Assert.Equal(iou, CornerOverlap.Iou(b, a), 1e-12);
            // Far from the origin, in another sense of rotation, from another corner on.
            Assert.Equal(iou, CornerOverlap.Iou(Moved(a), Moved(b)), 1e-9);
            Assert.Equal(iou, CornerOverlap.Iou([a[2], a[3], a[0], a[1], a[6], a[7], a[4], a[5]], b), 1e-12);
        }
        Assert.Equal(1, CornerOverlap.Iou([0, 0, 4, 0, 4, 2, 0, 2], [0, 2, 4, 2, 4, 0, 0, 0]), 1e-15);
        Assert.Equal(0, CornerOverlap.Iou([0, 0, 4, 0, 4, 2, 0, 2], [4, 0, 8, 0, 8, 2, 4, 2]));
        Assert.Equal(0, CornerOverlap.Iou([0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 4, 0, 4, 2, 0, 2]));

        static double[] Moved(double[] p) => Array.ConvertAll(p, v => v + 1e5);
    }

    [Fact]
    public void OrientedBoxesAreRankedAsByTheKit()
    {
        var (truth, results) = Oriented();
        foreach (var at in Recorded.GetProperty("oriented").GetProperty("ap").EnumerateObject())
        {
            double[] iou = [double.Parse(at.Name, System.Globalization.CultureInfo.InvariantCulture)];
            var result = ProtocolEvaluator.Evaluate(truth, results, new DotaProtocol().ToOptions() with { IouThresholds = iou });
            foreach (var c in result.Classes) Assert.Equal(at.Value.GetProperty(c.Name).GetProperty("eleven").GetDouble(), c.Ap[0], 1e-12);
            var curves = DetectionMatching.Create(truth, results, new DotaProtocol().ToOptions(), iou[0]).Rankings();
            foreach (var (_, name, curve) in curves) Assert.Equal(at.Value.GetProperty(name).GetProperty("all").GetDouble(),
                curve.AllPointAp(), 1e-12);
        }
        // Image by image, in shards and from its own text files the digits are the same.
        var options = new DotaProtocol().ToOptions();
        var whole = ProtocolEvaluator.Evaluate(truth, results, options)["mAP"];
        ProtocolEvaluator first = new(truth.Categories, options), second = new(truth.Categories, options);
        foreach (var image in truth.Images)
        {
            (image.Id % 2 == 0 ? first : second).Add(image, [.. truth.Objects.ToArray().Where(o => o.ImageId == image.Id)],
                [.. results.Items.ToArray().Where(d => d.ImageId == image.Id)]);
        }
        first.Merge(second);
        Assert.Equal(whole, first.Compute()["mAP"]);
        new DotaFolder().WriteGroundTruth(truth, Path.Combine(_folder, "gt"));
        new DotaFolder().WriteResults(results, truth, Path.Combine(_folder, "dt"));
        var read = new DotaFolder().ReadGroundTruth(Path.Combine(_folder, "gt"), new FormatContext());
        Assert.Equal(whole,
            ProtocolEvaluator.Evaluate(read, new DotaFolder().ReadResults(Path.Combine(_folder, "dt"), read, new FormatContext()),
            options)["mAP"], 1e-12);
    }

    [Fact]
    public void CornersNeedNoSizeOfTheirImage()
    {
        const string Truth =
            """{"images":[{"id":1,"file_name":"a.png"}],"categories":[{"id":1,"name":"ship"}],"annotations":[{"id":1,"image_id":1,"category_id":1,"iscrowd":0,"segmentation":[[0,0,4,1,3,5,-1,4]]}]}""";
        Stream Text(string text) => new MemoryStream(System.Text.Encoding.UTF8.GetBytes(text));
        var read = new ReadOptions { Parts = RecordParts.Masks | RecordParts.Corners, Needs = RecordParts.Masks | RecordParts.Corners };
        var truth = CocoFormat.ReadGroundTruth(Text(Truth), "gt", read);
        // As detectors of oriented boxes write them: four corners under "poly", nothing else.
        var results = CocoFormat.ReadResults(
            Text("""[{"image_id":1,"category_id":1,"poly":[0,0,4,1,3,5,-1,4],"rbox":[1,2,3,4,0.5],"score":0.5}]"""), "dt", truth, read);
        Assert.Equal(1, ProtocolEvaluator.Evaluate(truth, results, new DotaProtocol().ToOptions())["mAP"]);
        Assert.Throws<DetectionFormatException>(()
            => CocoFormat.ReadGroundTruth(Text(Truth), "gt", read with { Needs = RecordParts.Masks }));
    }

    [Fact]
    public void LevelBoxesScoreAlikeUnderEveryKind()
    {
        var set = new RandomSet(6);
        static PolygonSegmentation Level(Box b) => new([[b.X, b.Y, b.Right, b.Y, b.Right, b.Bottom, b.X, b.Bottom]]);
        var truth = new DetectionDataset(set.Truth.Images, set.Truth.Categories,
            Array.ConvertAll(set.Truth.Objects.ToArray(), o => o with { Segmentation = Level(o.Box), Area = o.Box.Area }));
        var results = new DetectionResults(set.Results.Items.ToArray().Select(d
            => new DetectedObject(d.ImageId, d.CategoryId, d.Box, d.Score)).ToArray());
        foreach (var protocol in new[] { DetectionProtocol.CocoFixed, DetectionProtocol.Tide })
        {
            var boxes = ProtocolEvaluator.Evaluate(truth, results, new ProtocolOptions { Protocol = protocol });
            var corners = ProtocolEvaluator.Evaluate(truth, results, new ProtocolOptions { Protocol = protocol, Kind = IouKind.Oriented });
            for (var i = 0; i < boxes.Statistics.Count; i++) Assert.Equal(boxes.Statistics[i].Value, corners.Statistics[i].Value, 1e-9);
        }
    }

    [Fact]
    public void WhatIsNoOrientedBoxIsRefused()
    {
        var image = new DatasetImage(1);
        DatasetCategory[] classes = [new(1, "ship")];
        DetectionResults found = new([new DetectedObject(1, 1, new Box(0, 0, 4, 4), .9)]);
        foreach (var options in new[] { new DotaProtocol().ToOptions(), new ProtocolOptions { Kind = IouKind.Oriented },
            new ProtocolOptions { Kind = IouKind.Oriented, Protocol = DetectionProtocol.Tide } })
        {
            foreach (var shape in new Segmentation?[] { null, new PolygonSegmentation([[0, 0, 4, 0, 4, 4]]),
                new RunLengthSegmentation(new RunLengthMask(2, 2, [0, 4])) })
            {
                GroundTruthObject o = new() { ImageId = 1, CategoryId = 1, Box = new Box(0, 0, 4, 4), Segmentation = shape };
                var truth = new DetectionDataset([image], classes, [o]);
                var error = Assert.Throws<ArgumentException>(() => ProtocolEvaluator.Evaluate(truth, found, options));
                Assert.Contains("corners", error.Message, StringComparison.Ordinal);
                Assert.Throws<ArgumentException>(() => new ProtocolEvaluator(classes, options).Add(image, [o], []));
            }
        }
    }

    [Fact]
    public void CrowdPoseScoresAreThoseOfItsTool()
    {
        var recorded = JsonDocument.Parse(File.ReadAllBytes(Golden.PathOf("crowdpose.json"))).RootElement;
        Stream Text(string part) => new MemoryStream(System.Text.Encoding.UTF8.GetBytes(recorded.GetProperty(part).GetRawText()));
        var truth = CrowdPose.WithAreas(CocoFormat.ReadGroundTruth(Text("gt"), "gt"));
        var results = CocoFormat.ReadResults(Text("dt"), "dt", truth);
        var options = new ProtocolOptions { Kind = IouKind.Keypoints, KeypointSigmas = CrowdPose.Sigmas };
        var score = ProtocolEvaluator.Evaluate(truth, results, options);
        var stats = recorded.GetProperty("stats").Doubles();
        foreach (var (i, name) in new[] { "AP", "AP50", "AP75", "AR", "AR50", "AR75" }.Index()) Assert.Equal(stats[i], score[name], 1e-12);
        foreach (var (i, (_, images)) in CrowdPose.Levels(truth)!.Index())
        {
            // The tool rounds these to four places.
            var (part, found) = DatasetSubset.Of(truth, results, images.Contains);
            Assert.Equal(stats[6 + i], ProtocolEvaluator.Evaluate(part, found, options)["AP"], 5.1e-5);
        }
    }

    [Fact]
    public void PanopticQualityIsThatOfThePublishedFormula()
    {
        var p = Recorded.GetProperty("panoptic");
        PanopticCategory[] categories = [.. p.GetProperty("categories").EnumerateArray().Select(c
            => new PanopticCategory(c.GetProperty("id").GetInt64(), $"c{c.GetProperty("id")}", c.GetProperty("thing").GetBoolean()))];
        var images = p.GetProperty("images").EnumerateArray().ToArray();
        PanopticQuality whole = new(categories), odd = new(categories), even = new(categories);
        for (var i = 0; i < images.Length; i++)
        {
            Add(whole, i);
            Add(i % 2 == 0 ? even : odd, i);
        }
        odd.Merge(even);
        foreach (var mean in whole.Means())
        {
            var expected = p.GetProperty("means").GetProperty(mean.Name).Doubles();
            Assert.Equal(expected[0], mean.Quality, 1e-12);
            Assert.Equal(expected[1], mean.Segmentation, 1e-12);
            Assert.Equal(expected[2], mean.Recognition, 1e-12);
        }
        Assert.Equal(whole.Means(), odd.Means());
        Assert.Equal(whole.Classes(), odd.Classes());
        Assert.Throws<ArgumentException>(() => odd.Merge(even));
        Assert.Throws<ArgumentException>(() => whole.Add(99, [0, 5], [], [0, 0], []));
        Assert.Throws<ArgumentException>(() => whole.Add(99, [0, 0], [new(5, 1)], [0, 0], []));
        Assert.Throws<ArgumentException>(() => whole.Add(99, [0, 5], [new(5, 77)], [0, 0], []));

        void Add(PanopticQuality quality, int i)
            => quality.Add(i, Pixels(images[i], "truth"), Segments(images[i], "truth"), Pixels(images[i], "found"),
            Segments(images[i], "found"));
        static int[] Pixels(JsonElement image, string side) => [.. image.GetProperty(side).EnumerateArray().Select(v => v.GetInt32())];
        static PanopticSegment[] Segments(JsonElement image, string side) => [.. image.GetProperty(side + "_segments").EnumerateArray()
            .Select(s
                => new PanopticSegment(s.GetProperty("id").GetInt32(), s.GetProperty("category").GetInt64(),
                s.TryGetProperty("crowd", out var crowd) && crowd.GetBoolean()))];
    }

    [Fact]
    public void SegmentsAreReadFromFiles()
    {
        const string Good =
            """{"categories":[{"id":7,"name":"person","isthing":1}],"annotations":[{"image_id":"a","file_name":"a.png","segments_info":[{"id":70000,"category_id":7,"iscrowd":0,"area":2}]}]}""";
        int[] there = [70000, 70000, 0, 0], found = [70000, 70000, 70000, 0];
        var reading = Score(Good, Good);
        // Pixels that are not judged leave the union.
        Assert.Equal(1, reading.Quality.Means()[0].Quality);
        Assert.DoesNotContain(reading.Notes, n => n.StartsWith(Path.Combine(_folder, "f.json"), StringComparison.Ordinal));
        Assert.Single(Score(Good.Replace("\"area\":2", "\"area\":5", StringComparison.Ordinal), Good).Notes);
        // Every fault names its file, and no name leads out of the folder.
        foreach (var (from, to, words) in new[]
        {
            ("\"isthing\":1", "\"isthing\":\"maybe\"", "isthing"), ("\"id\":70000", "\"id\":70001", "70001"),
                ("\"id\":70000", "\"id\":\"x\"", "segments_info[0]"),
            ("a.png", "../t.json", "leads out"), ("a.png", "b.png", "no file 'b.png'"),
                ("\"category_id\":7", "\"category_id\":8", "category 8"), ("\"annotations\"", "\"notes\"", "annotations"),
        })
        {
            var error = Assert.ThrowsAny<Exception>(() => Score(Good.Replace(from, to, StringComparison.Ordinal), Good));
            Assert.True(error is DetectionFormatException or InvalidDataException or FileNotFoundException, error.GetType().Name);
            Assert.Contains(words, error.Message, StringComparison.Ordinal);
        }
        Assert.Contains("no prediction",
            Assert.Throws<DetectionFormatException>(()
            => Score(Good, Good.Replace("\"image_id\":\"a\"", "\"image_id\":\"b\"", StringComparison.Ordinal))).Message,
            StringComparison.Ordinal);
        there = [70000, 70000, 0, 5];
        Assert.Contains("which no segment has", Assert.Throws<InvalidDataException>(() => Score(Good, Good)).Message,
            StringComparison.Ordinal);

        PanopticReading Score(string truth, string prediction)
        {
            foreach (var (side, text, pixels) in new[] { ("t", truth, there), ("f", prediction, found) })
            {
                File.WriteAllText(Path.Combine(_folder, side + ".json"), text);
                Directory.CreateDirectory(Path.Combine(_folder, side));
                File.WriteAllBytes(Path.Combine(_folder, side, "a.png"),
                    Png(2, 2, 2, 8, [.. pixels.SelectMany(v => new[] { (byte)v, (byte)(v >> 8), (byte)(v >> 16) })]));
            }
            return PanopticFiles.Score(Path.Combine(_folder, "t.json"), Path.Combine(_folder, "t"), Path.Combine(_folder, "f.json"),
                Path.Combine(_folder, "f"));
        }
    }

    [Fact]
    public void PixelsOfEveryDepthAndFilterAreRead()
    {
        var random = new Cresset.Numerics.RandomStream(4);
        foreach (var (colour, depth, samples) in new[] { (0, 1, 1), (0, 2, 1), (0, 4, 1), (0, 8, 1), (0, 16, 1), (3, 4, 1), (3, 8, 1),
            (2, 8, 3), (6, 8, 4) })
        {
            const int Width = 13, Height = 11;
            var line = ((Width * samples * depth) + 7) / 8;
            var bytes = new byte[line * Height];
            for (var i = 0; i < bytes.Length; i++) bytes[i] = (byte)random.NextInt32(256);
            var path = Path.Combine(_folder, "x.png");
            File.WriteAllBytes(path, Png(Width, Height, colour, depth, bytes));
            var read = PixelLabels.Read(path);
            for (var i = 0; i < Width * Height; i++)
            {
                int y = i / Width, x = i % Width;
                var row = bytes.AsSpan(y * line, line);
                var expected = samples > 1 ? row[samples * x] + (256 * row[(samples * x) + 1]) + (65536 * row[(samples * x) + 2])
                    : depth == 16 ? (256 * row[2 * x]) + row[(2 * x) + 1]
                    : Enumerable.Range(0, depth).Aggregate(0, (v, k) => (2 * v) + BitAt((x * depth) + k, y));
                Assert.Equal(expected, read.Values[i]);
            }
            var whole = File.ReadAllBytes(path);
            for (var cut = 0; cut < whole.Length; cut += 7)
            {
                File.WriteAllBytes(path, whole[..cut]);
                Assert.Contains(path, Assert.Throws<InvalidDataException>(() => PixelLabels.Read(path)).Message, StringComparison.Ordinal);
            }

            int BitAt(int bit, int y) => (bytes[(y * line) + (bit / 8)] >> (7 - (bit % 8))) & 1;
        }
    }

    [Fact]
    public void SemanticOverlapIsThatOfItsDefinition()
    {
        var s = Recorded.GetProperty("semantic");
        int[] truth = [.. s.GetProperty("truth").EnumerateArray().Select(v => v.GetInt32())],
            found = [.. s.GetProperty("found").EnumerateArray().Select(v => v.GetInt32())];
        SemanticOverlap whole = new(["a", "b", "c", "d", "e"]), half = new(["a", "b", "c", "d", "e"]),
            other = new(["a", "b", "c", "d", "e"]);
        whole.Add(truth, found);
        half.Add(truth.AsSpan(0, 150), found.AsSpan(0, 150));
        other.Add(truth.AsSpan(150), found.AsSpan(150));
        half.Merge(other);
        foreach (var statistic in whole.Statistics()) Assert.Equal(s.GetProperty(statistic.Name).GetDouble(), statistic.Value, 1e-12);
        Assert.Equal(whole.Classes(), half.Classes());
        Assert.True(double.IsNaN(whole.Classes()[4].Iou));
        Assert.Contains("truth[0] is 7", Assert.Throws<ArgumentException>(() => whole.Add([7], [0])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => whole.Add([0], [5]));
        Assert.Throws<ArgumentException>(() => whole.Add([0, 0], [0]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SemanticOverlap(["a"], ignored: 0));
        // A pixel to which the model gave no class is a miss.
        var none = new SemanticOverlap(["a", "b"]);
        none.Add([0, 0], [0, 255]);
        Assert.Equal(0.5, none.Statistics()[0].Value);
    }

    private static (DetectionDataset Truth, DetectionResults Results) Oriented()
    {
        var recorded = Recorded.GetProperty("oriented");
        DatasetCategory[] categories = [.. Names.Select((n, i) => new DatasetCategory(i + 1, n))];
        long ClassOf(JsonElement e) => Array.IndexOf(Names, e.GetProperty("class").GetString()) + 1;
        GroundTruthObject[] objects = [.. recorded.GetProperty("truth").EnumerateArray().Select(o => new GroundTruthObject
        {
            ImageId = o.GetProperty("image").GetInt64() + 1,
            CategoryId = ClassOf(o),
            Segmentation = new PolygonSegmentation([o.GetProperty("quad").Doubles()]),
            Marks = o.GetProperty("difficult").GetBoolean() ? ObjectMarks.Difficult : ObjectMarks.None,
        })];
        DetectedObject[] found = [.. recorded.GetProperty("found").EnumerateArray().Select(d => new DetectedObject
        {
            ImageId = d.GetProperty("image").GetInt64() + 1,
            CategoryId = ClassOf(d),
            Score = d.GetProperty("score").GetDouble(),
            Shape = new DetectionShape { Segmentation = new PolygonSegmentation([d.GetProperty("quad").Doubles()]), HasBox = false },
        })];
        return (new DetectionDataset([.. Enumerable.Range(1, 12).Select(i => new DatasetImage(i) { FileName = $"P{i:0000}.png" })],
            categories, objects), new DetectionResults(found));
    }

    /// <summary>A PNG whose lines use all filters in turn.</summary>
    private static byte[] Png(int width, int height, int colour, int depth, byte[] rows)
    {
        var line = rows.Length / height;
        var unit = Math.Max(1, (colour switch { 2 => 3, 6 => 4, _ => 1 }) * depth / 8);
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            for (var y = 0; y < height; y++)
            {
                var filter = y % 5;
                zlib.WriteByte((byte)filter);
                for (var i = 0; i < line; i++)
                {
                    int left = i >= unit ? rows[(y * line) + i - unit] : 0, up = y > 0 ? rows[((y - 1) * line) + i] : 0, corner = y > 0
                        && i >= unit ? rows[((y - 1) * line) + i - unit] : 0;
                    int p = left + up - corner, a = Math.Abs(p - left), b = Math.Abs(p - up), c = Math.Abs(p - corner);
                    var paeth = a <= b && a <= c ? left : b <= c ? up : corner;
                    zlib.WriteByte(
                        (byte)(rows[(y * line) + i] - (filter switch { 0 => 0, 1 => left, 2 => up, 3 => (left + up) / 2, _ => paeth })));
                }
            }
        }
        return [0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10,
            .. Chunk("IHDR", [.. Big(width), .. Big(height), (byte)depth, (byte)colour, 0, 0, 0]), .. Chunk("IDAT", packed.ToArray()),
            .. Chunk("IEND", [])];
        // Checksums of chunks are not looked at: the compressed data have one of their own.
        static byte[] Chunk(string kind, byte[] body)
            => [.. Big(body.Length), .. System.Text.Encoding.ASCII.GetBytes(kind), .. body, 0, 0, 0, 0];
        static byte[] Big(int n) => [(byte)(n >> 24), (byte)(n >> 16), (byte)(n >> 8), (byte)n];
    }
}
