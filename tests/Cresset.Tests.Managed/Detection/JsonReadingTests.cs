using System.Globalization;
using System.IO.Compression;
using System.Text;
using Cresset.Detection;
using CsCheck;
using Xunit;

namespace Cresset.Tests.Managed.Detection;

public sealed class JsonReadingTests
{
    private const string Truth = """
        {"info": {"a": [1, {"b": "]"}]}, "annotations": [
          {"id": 1, "image_id": 7, "category_id": 2, "bbox": [1, 2.5, 3e1, 4], "area": 120, "iscrowd": 0},
          {"id": 2, "image_id": 7, "category_id": 2, "bbox": [0, 0, 5, 5], "area": 25, "iscrowd": 1}],
         "categories": [{"id": 2, "name": "c\u00e4t \"x\""}], "images": [{"id": 7, "width": 640, "height": 480, "file_name": "a.jpg"}]}
        """;

    [Fact]
    public void ListsMayComeInAnyOrder()
    {
        var truth = Read(Truth);
        Assert.Equal("c\u00e4t \"x\"", truth.CategoryName(2));
        Assert.Equal(new Box(1, 2.5, 30, 4), truth.Objects[0].Box);
        Assert.True(truth.Objects[1].IsCrowd);
        Assert.Equal(640, truth.FindImage(7)!.Width);
    }

    [Fact]
    public void NumbersAreTheNearestDoubles()
    {
        Gen.Double.Sample(x =>
        {
            if (!double.IsFinite(x)) return;
            foreach (var format in new[] { "R", "E17", "G17" })
            {
                var text = x.ToString(format, CultureInfo.InvariantCulture);
                Assert.Equal(double.Parse(text, CultureInfo.InvariantCulture), Results(One(score: text)).Items[0].Score);
            }
        }, iter: 2000, threads: 1);
        Gen.Select(Gen.Long[0, 99_999_999], Gen.Int[0, 12]).Sample((digits, point) =>
        {
            var text = digits.ToString(CultureInfo.InvariantCulture).PadLeft(point + 1, '0')
                .Insert(Math.Max(1, digits.ToString(CultureInfo.InvariantCulture).PadLeft(point + 1, '0').Length - point), ".") + "0";
            Assert.Equal(double.Parse(text, CultureInfo.InvariantCulture), Results(One(score: text)).Items[0].Score);
        }, iter: 2000, threads: 1);
    }

    [Theory]
    [InlineData("{\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,1,1]}", DataProblemKind.MissingField, "score")]
    [InlineData("{\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,1,1],\"score\":\"0.5\"}", DataProblemKind.WrongValue, "score")]
    [InlineData("{\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,1],\"score\":0.5}", DataProblemKind.WrongValue, "bbox")]
    [InlineData("{\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,1,1,1],\"score\":0.5}", DataProblemKind.WrongValue, "bbox")]
    [InlineData("{\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,-1,1],\"score\":0.5}", DataProblemKind.NegativeSize, "bbox")]
    [InlineData("{\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,NaN,1],\"score\":0.5}", DataProblemKind.NotFinite, "bbox")]
    [InlineData("{\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,1,1],\"score\":NaN}", DataProblemKind.NotFinite, "score")]
    [InlineData("{\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,1,1],\"score\":-Infinity}", DataProblemKind.NotFinite, "score")]
    [InlineData("{\"image_id\":1.5,\"category_id\":1,\"bbox\":[0,0,1,1],\"score\":0.5}", DataProblemKind.WrongValue, "image_id")]
    [InlineData("{\"image_id\":9,\"category_id\":1,\"bbox\":[0,0,1,1],\"score\":0.5}", DataProblemKind.UnknownImage, "image_id")]
    [InlineData("{\"image_id\":1,\"category_id\":9,\"bbox\":[0,0,1,1],\"score\":0.5}", DataProblemKind.UnknownCategory, "category_id")]
    [InlineData("{\"image_id\":1,\"category_id\":1,\"score\":0.5}", DataProblemKind.MissingField, "bbox")]
    [InlineData("{\"image_id\":1,\"category_id\":1,\"segmentation\":{\"size\":[4,4],\"counts\":\"zz\"},\"score\":0.5}",
        DataProblemKind.BadMask, "segmentation")]
    [InlineData("{\"image_id\":1,\"category_id\":1,\"segmentation\":{\"size\":[4,4],\"counts\":[5]},\"score\":0.5}",
        DataProblemKind.BadMask, "segmentation")]
    [InlineData("{\"image_id\":1,\"category_id\":1,\"segmentation\":[[1,2,3]],\"score\":0.5}", DataProblemKind.BadMask, "segmentation")]
    [InlineData("7", DataProblemKind.WrongValue, "")]
    [InlineData("{\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,1,1],\"score\":0.5", DataProblemKind.Malformed, "")]
    [InlineData("{\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,1,1],\"score\":01}", DataProblemKind.Malformed, "")]
    [InlineData("{\"image_id\":1,\"category_id\":1,\"bbox\":[0,0,1,1],\"score\":1.}", DataProblemKind.Malformed, "")]
    [InlineData("{\"image_id\":1 \"category_id\":1}", DataProblemKind.Malformed, "")]
    public void EveryFaultIsNamedAndCanBeCounted(string record, DataProblemKind kind, string field)
    {
        var truth = new DetectionDataset([new DatasetImage(1)], [new DatasetCategory(1, "a")], new List<GroundTruthObject>());
        var text = "[" + One() + "," + record + "," + One() + "]";
        var problem = Assert.Throws<DetectionFormatException>(() => Results(text, truth)).Problem;
        Assert.Equal(kind, problem.Kind);
        Assert.Equal(field, problem.Field);
        Assert.Equal("results[1]", problem.Record);
        Assert.Contains("memory", problem.ToString(), StringComparison.Ordinal);
        var report = new ReadReport();
        var read = Results(text, truth, new ReadOptions { Lenient = true, Report = report });
        Assert.True(report.Counts[kind] >= 1);
        Assert.True(read.Items.Length >= 1);
    }

    [Theory]
    [InlineData("\"id\": 2, \"image_id\"", "\"id\": 1, \"image_id\"", DataProblemKind.DuplicateId)]
    [InlineData("\"id\": 2, \"image_id\": 7", "\"id\": 2, \"image_id\": 8", DataProblemKind.UnknownImage)]
    [InlineData("\"image_id\": 7, \"category_id\": 2, \"bbox\": [0", "\"image_id\": 7, \"category_id\": 3, \"bbox\": [0",
        DataProblemKind.UnknownCategory)]
    [InlineData("\"id\": 2, \"image_id\"", "\"image_id\"", DataProblemKind.MissingField)]
    [InlineData("\"bbox\": [0, 0, 5, 5], ", "", DataProblemKind.MissingField)]
    [InlineData("5, 5]", "5, -5]", DataProblemKind.NegativeSize)]
    [InlineData("\"area\": 25", "\"area\": NaN", DataProblemKind.NotFinite)]
    [InlineData("\"images\"", "\"pictures\"", DataProblemKind.MissingField)]
    [InlineData("\"width\": 640", "\"width\": -640", DataProblemKind.WrongValue)]
    public void GroundTruthIsChecked(string from, string to, DataProblemKind kind)
    {
        var text = Truth.Replace(from, to, StringComparison.Ordinal);
        Assert.NotEqual(Truth, text);
        Assert.Equal(kind, Assert.Throws<DetectionFormatException>(() => Read(text)).Problem.Kind);
        var report = new ReadReport();
        Read(text, new ReadOptions { Lenient = true, Report = report });
        Assert.True(report.Counts[kind] >= 1);
    }

    [Fact]
    public void EveryCutIsNoticed()
    {
        var bytes = Encoding.UTF8.GetBytes(Truth.TrimEnd());
        for (var length = 0; length < bytes.Length; length++)
        {
            var cut = bytes[..length];
            Assert.Throws<DetectionFormatException>(() => CocoFormat.ReadGroundTruth(new MemoryStream(cut), "memory"));
        }
    }

    [Fact]
    public void SmallReadsAndGzipGiveTheSame()
    {
        var whole = Read(Truth);
        var dripped = CocoFormat.ReadGroundTruth(new DrippingStream(Encoding.UTF8.GetBytes(Truth)), "memory");
        Assert.Equal(whole.Objects.ToArray(), dripped.Objects.ToArray());
        var path = Path.GetTempFileName();
        try
        {
            using (var gzip = new GZipStream(File.Create(path), CompressionLevel.Fastest)) gzip.Write(Encoding.UTF8.GetBytes(Truth));
            Assert.Equal(whole.Objects.ToArray(), CocoFormat.ReadGroundTruth(path).Objects.ToArray());
            var damaged = File.ReadAllBytes(path);
            damaged[damaged.Length / 2] ^= 0x55;
            File.WriteAllBytes(path, damaged);
            Assert.Throws<DetectionFormatException>(() => CocoFormat.ReadGroundTruth(path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static string One(string score = "0.5")
        => $"{{\"image_id\": 1, \"category_id\": 1, \"bbox\": [0, 0, 10, 10.5], \"score\": {score}}}";

    private static DetectionDataset Read(string text, ReadOptions? options = null)
        => CocoFormat.ReadGroundTruth(new MemoryStream(Encoding.UTF8.GetBytes(text)), "memory", options);

    private static DetectionResults Results(string text, DetectionDataset? truth = null, ReadOptions? options = null)
        => CocoFormat.ReadResults(new MemoryStream(Encoding.UTF8.GetBytes(text.StartsWith('[') ? text : $"[{text}]")), "memory", truth,
            options);

    private sealed class DrippingStream(byte[] content) : MemoryStream(content)
    {
        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, 3));
    }

    [Fact]
    public void LargeFilesReadInPiecesAreThoseReadInOneGo()
    {
        var path = Path.GetTempFileName();
        try
        {
            // Names in nested lists look like records; a piece that begins there must not count.
            var dataset = new DetectionDataset([new DatasetImage(1, "a", 100, 100)], [new DatasetCategory(1, "x")],
                Array.Empty<GroundTruthObject>());
            string Record(int i, bool nested) =>
                $$"""{"image_id": 1, "category_id": 1, "bbox": [{{i % 90}}, 2, 3.5, {{1 + (i % 7)}}], "score": 0.{{i % 1000:000}}, "note": "}, {\"image_id\": 9"{{(nested ? ", \"others\": [{\"image_id\": 7}, {\"image_id\": 8}, {\"image_id\": 9}]" : "")}}}""";
            foreach (var nested in new[] { false, true })
            {
                File.WriteAllText(path, "[" + string.Join(", ", Enumerable.Range(0, 40_000).Select(i => Record(i, nested))) + "]");
                Assert.True(new FileInfo(path).Length > 1 << 22);
                var report = new ReadReport();
                var one = CocoFormat.ReadResults(path, dataset, new ReadOptions { Threads = 1 }).Items.ToArray();
                var several = CocoFormat.ReadResults(path, dataset, new ReadOptions { Threads = 3, Report = report }).Items.ToArray();
                Assert.Equal(40_000, one.Length);
                Assert.Equal(one, several);
                Assert.Equal((40_000L, 0L), (report.Records, report.Lost));
                if (!nested) Assert.NotNull(CocoResultPieces.TryRead(path, dataset, new ReadOptions { Threads = 3 }, default));
            }
            // A fault anywhere is named with its place, as when the file is read in one go.
            var text = File.ReadAllText(path);
            File.WriteAllText(path, text[..^2000] + text[^2000..].Replace("\"score\": 0.", "\"score\": 0x", StringComparison.Ordinal));
            string Message(int threads)
                => Assert.Throws<DetectionFormatException>(()
                => CocoFormat.ReadResults(path, dataset, new ReadOptions { Threads = threads })).Message;
            Assert.Equal(Message(1), Message(4));
            Assert.Contains("results[39", Message(4), StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
