using System.Globalization;
using System.Text;
using System.Text.Json;
using Cresset.Detection;
using Xunit;

namespace Cresset.Tests.Managed.Detection;

/// <summary>
/// Damaged files: each is refused with a named fault, or read with the very values that an independent reader finds in it.
/// A few thousand files per run; CRESSET_FUZZ=100000 in the environment makes it that many.
/// </summary>
public sealed class MutatedFileTests : IDisposable
{
    private static readonly int Files = int.TryParse(Environment.GetEnvironmentVariable("CRESSET_FUZZ"), out var n) ? n : 4000;
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-mutated").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void CocoFilesAreReadRightOrNotAtAll()
    {
        var truth = Encoding.UTF8.GetBytes(SmallTruth);
        var results = Encoding.UTF8.GetBytes(SmallResults);
        var random = new System.Random(20);
        var accepted = 0;
        for (var i = 0; i < Files * 6 / 10; i++)
        {
            var bytes = Mutate(i % 2 == 0 ? truth : results, random);
            try
            {
                if (i % 2 == 0) CheckTruth(bytes);
                else CheckResults(bytes);
                accepted++;
            }
            catch (DetectionFormatException e)
            {
                Assert.True(e.Problem.Message.Length > 0);
            }
            catch (Exception e)
            {
                Assert.Fail(e.Message + "\n" + Encoding.Latin1.GetString(bytes));
            }
            ReadLeniently(bytes, i % 2 == 0);
        }
        Assert.InRange(accepted, Files / 50, Files * 6 / 10);
    }

    [Fact]
    public void OtherFilesNeverCrash()
    {
        var formats = Golden.Json("formats.json.gz");
        var sources = new[]
        {
            ("a.xml", Encoding.UTF8.GetBytes(formats.GetProperty("voc_xml").GetProperty("img_03.xml").GetString()!)),
            ("img_03.txt", Encoding.UTF8.GetBytes(formats.GetProperty("yolo_pred").GetProperty("img_03.txt").GetString()!)),
            ("a.csv", Encoding.UTF8.GetBytes(formats.GetProperty("csv_dt").GetString()!)),
        };
        var truth = CocoFormat.ReadGroundTruth(new MemoryStream(Encoding.UTF8.GetBytes(formats.GetProperty("coco").GetRawText())), "gt");
        var random = new System.Random(21);
        for (var i = 0; i < Files * 3 / 10; i++)
        {
            var (name, bytes) = sources[i % 3];
            var folder = Path.Combine(_folder, (i % 3).ToString(CultureInfo.InvariantCulture));
            Directory.CreateDirectory(folder);
            File.WriteAllBytes(Path.Combine(folder, name), Mutate(bytes, random));
            foreach (var lenient in new[] { false, true })
            {
                var options = new ReadOptions { Lenient = lenient };
                try
                {
                    DetectionDataset dataset = truth;
                    var results = new DetectionResults(new List<DetectedObject>());
                    if (i % 3 == 0) dataset = VocFormat.ReadGroundTruth(folder, null, options);
                    else if (i % 3 == 1) results = YoloFormat.ReadResults(folder, truth, options);
                    else results = CsvFormat.ReadResults(Path.Combine(folder, name), truth, options);
                    foreach (var d in results.Items) Assert.True(double.IsFinite(d.Box.X + d.Box.Width + d.Score));
                    ProtocolEvaluator.Evaluate(dataset, results, DetectionProtocol.Voc10);
                }
                catch (DetectionFormatException e)
                {
                    Assert.False(lenient, e.Message);
                }
            }
        }
    }

    [Fact]
    public void SavedStatesAreRefusedWhenDamaged()
    {
        var truth = CocoGoldenTests.Truth("s06_empty_images");
        var evaluator = CocoEvaluator.FromDataset(truth, CocoGoldenTests.Results("s06_empty_images"));
        using var stream = new MemoryStream();
        evaluator.Save(stream);
        var random = new System.Random(22);
        for (var i = 0; i < Files / 10; i++)
        {
            try
            {
                CocoEvaluator.Load(new MemoryStream(Mutate(stream.ToArray(), random)), truth.Categories);
            }
            catch (InvalidDataException e)
            {
                Assert.True(e.Message.Length > 0);
            }
        }
    }

    private static void CheckTruth(byte[] bytes)
    {
        var read = CocoFormat.ReadGroundTruth(new MemoryStream(bytes), "mutated");
        using var document = JsonDocument.Parse(Plain(bytes), new JsonDocumentOptions { MaxDepth = 300 });
        var records = document.RootElement.GetProperty("annotations").EnumerateArray().ToArray();
        Assert.Equal(records.Length, read.Objects.Length);
        for (var i = 0; i < records.Length; i++)
        {
            var o = read.Objects[i];
            Assert.Equal(records[i].GetProperty("id").GetDouble(), o.Id);
            Assert.Equal(records[i].GetProperty("image_id").GetDouble(), o.ImageId);
            Assert.Equal(records[i].GetProperty("category_id").GetDouble(), o.CategoryId);
            if (records[i].TryGetProperty("bbox", out var box) && box.ValueKind == JsonValueKind.Array && box.GetArrayLength() > 0)
            {
                Assert.Equal(box.Doubles(), new[] { o.Box.X, o.Box.Y, o.Box.Width, o.Box.Height });
            }
            if (records[i].TryGetProperty("area", out var area)) Assert.Equal(area.GetDouble(), o.Area);
            var marked = records[i].TryGetProperty("iscrowd", out var crowd) || records[i].TryGetProperty("isCrowd", out crowd)
                || records[i].TryGetProperty("is_crowd", out crowd);
            Assert.Equal(marked
                && crowd.ValueKind is not (JsonValueKind.Null or JsonValueKind.String or JsonValueKind.Array or JsonValueKind.Object)
                && (crowd.ValueKind == JsonValueKind.Number ? crowd.GetDouble() != 0 : crowd.GetBoolean()), o.IsCrowd);
        }
        Assert.Equal(document.RootElement.GetProperty("images").GetArrayLength(), read.Images.Count);
        Assert.Equal(document.RootElement.GetProperty("categories").GetArrayLength(), read.Categories.Count);
        CocoEvaluator.Evaluate(read, new DetectionResults(new List<DetectedObject>()));
    }

    private static void CheckResults(byte[] bytes)
    {
        var read = CocoFormat.ReadResults(new MemoryStream(bytes), "mutated");
        using var document = JsonDocument.Parse(Plain(bytes), new JsonDocumentOptions { MaxDepth = 300 });
        var records = document.RootElement.EnumerateArray().ToArray();
        Assert.Equal(records.Length, read.Items.Length);
        for (var i = 0; i < records.Length; i++)
        {
            var d = read.Items[i];
            Assert.Equal(records[i].GetProperty("image_id").GetDouble(), d.ImageId);
            Assert.Equal(records[i].GetProperty("category_id").GetDouble(), d.CategoryId);
            Assert.Equal(records[i].GetProperty("score").GetDouble(), d.Score);
            if (d.HasBox) Assert.Equal(records[i].GetProperty("bbox").Doubles(), new[] { d.Box.X, d.Box.Y, d.Box.Width, d.Box.Height });
        }
    }

    private static void ReadLeniently(byte[] bytes, bool truth)
    {
        var report = new ReadReport();
        var options = new ReadOptions { Lenient = true, Report = report };
        if (truth) CocoFormat.ReadGroundTruth(new MemoryStream(bytes), "mutated", options);
        else CocoFormat.ReadResults(new MemoryStream(bytes), "mutated", null, options);
    }

    /// <summary>Bytes that only strings may hold are made plain, as the other reader is stricter inside strings.</summary>
    private static byte[] Plain(byte[] bytes)
    {
        var plain = bytes.AsSpan().StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]) ? bytes[3..] : bytes;
        return Array.ConvertAll(plain, b => b is >= 0x80 or 0x7F || (b < 0x20 && b is not (9 or 10 or 13)) ? (byte)'~' : b);
    }

    private static byte[] Mutate(byte[] source, System.Random random)
    {
        var bytes = new List<byte>(source);
        var edits = 1 + random.Next(3);
        for (var e = 0; e < edits && bytes.Count > 0; e++)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(8))
            {
                case 0: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: bytes[at] = (byte)random.Next(256); break;
                case 2: bytes.RemoveAt(at); break;
                case 3: bytes.Insert(at, (byte)"{}[]\",:0123456789.-eE\\ ntf"[random.Next(26)]); break;
                case 4: bytes.RemoveRange(at, Math.Min(random.Next(20), bytes.Count - at)); break;
                case 5: bytes.RemoveRange(at, bytes.Count - at); break;
                case 6: bytes.InsertRange(at, bytes.GetRange(random.Next(bytes.Count), 0)); break;
                default:
                    var from = random.Next(bytes.Count);
                    bytes.InsertRange(at, bytes.GetRange(from, Math.Min(random.Next(40), bytes.Count - from)));
                    break;
            }
        }
        return [.. bytes];
    }

    private const string SmallTruth = """
        {"info": {"version": 1.5, "tags": ["a", {"b": [null, true, -2e-3]}]}, "images": [{"id": 1, "width": 20, "height": 10, "file_name": "a.jpg"}, {"id": 2, "width": 20, "height": 10}],
         "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2.5, 3, 4], "area": 12.0, "iscrowd": 0, "segmentation": [[1, 1, 5, 1, 5, 5]]},
          {"id": 2, "image_id": 2, "category_id": 2, "bbox": [0.5, 0, 10.25, 5], "area": 51.25, "iscrowd": 1, "segmentation": {"size": [10, 20], "counts": [50, 100, 50]}, "keypoints": [1, 2, 2, 3, 4, 1]}],
         "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog", "supercategory": "\u0061nimal"}]}
        """;

    private const string SmallResults = """
        [{"image_id": 1, "category_id": 1, "bbox": [1, 2.5, 3, 4.125], "score": 0.75},
         {"image_id": 2, "category_id": 2, "segmentation": {"size": [10, 20], "counts": "b1T3b1"}, "score": 0.25},
         {"score": 1e-1, "image_id": 2, "category_id": 1, "bbox": [0, 0, 5, 5], "keypoints": [1.5, 2, 0]}]
        """;
}
