using System.Globalization;
using System.Text.Json;
using Cresset.Runs;
using Xunit;

namespace Cresset.Tests.Managed.Runs;

public sealed class EventFileTests
{
    private const string Reference = "training-dashboard/events.out.tfevents.1700000000.ref.1.0";

    [Fact]
    public void TensorBoardsFileIsReadExactly()
    {
        using var folder = new TemporaryFolder();
        File.Copy(Repository.Reference(Reference), folder.File(Path.GetFileName(Reference)));
        using var log = new EventLog(folder.Path);
        using var json = JsonDocument.Parse(File.ReadAllText(Repository.Reference("training-dashboard/events_ref.json")));
        var root = json.RootElement;
        var expected = root.GetProperty("scalars").EnumerateObject().ToDictionary(
            series => series.Name,
            series => series.Value.EnumerateArray()
                .Select(p => new Logged<double>(p[0].GetInt64(), p[1].GetDouble(), Number(p[2].GetString()!))).ToList());
        Assert.Equal(expected.Keys.Append("tf2/loss").Order(), log.Scalars.Keys.Order());
        foreach (var (tag, points) in expected) Assert.Equal(points, log.Scalars[tag]);
        Assert.Equal(
            root.GetProperty("tensor_scalars").GetProperty("tf2/loss").EnumerateArray().Select(p => (p[0].GetInt64(), p[1].GetDouble())),
            log.Scalars["tf2/loss"].Select(p => (p.Step, p.Value)));
        var image = root.GetProperty("images")[0];
        var (tagOfImage, images) = Assert.Single(log.Images);
        Assert.Equal(
            (image.GetProperty("tag").GetString(), image.GetProperty("step").GetInt64(), image.GetProperty("png_bytes").GetInt32(),
                image.GetProperty("size")[0].GetInt32()),
            (tagOfImage, images[0].Step, images[0].Value.Encoded.Length, images[0].Value.Width));
        var histogram = root.GetProperty("histo")[0];
        var read = Assert.Single(log.Histograms[histogram.GetProperty("tag").GetString()!]).Value;
        Assert.Equal(histogram.GetProperty("min").GetDouble(), read.Min);
        Assert.Equal(histogram.GetProperty("max").GetDouble(), read.Max);
        Assert.Equal(histogram.GetProperty("num").GetDouble(), read.Count);
        Assert.Equal(histogram.GetProperty("sum").GetDouble(), read.Sum);
        Assert.Equal(histogram.GetProperty("sum_squares").GetDouble(), read.SumSquares);
        Assert.Equal(histogram.GetProperty("bucket_limit").EnumerateArray().Select(v => v.GetDouble()), read.BucketLimits);
        Assert.Equal(histogram.GetProperty("bucket").EnumerateArray().Select(v => v.GetDouble()), read.Buckets);
        Assert.Empty(log.Damage);
        using var reader = new EventFileReader(Repository.Reference(Reference));
        Assert.Equal("brain.Event:2", reader.ReadAvailable().First().FileVersion);
        Assert.Equal(root.GetProperty("records").GetInt32() - 1, reader.ReadAvailable().Count());
    }

    [Fact]
    public void ATruncatedFileKeepsItsWholeRecordsAndGoesOnWhenTheRestComes()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("growing");
        var whole = File.ReadAllBytes(Repository.Reference(Reference));
        File.Copy(Repository.Reference("training-dashboard/events.truncated"), path);
        using var reader = new EventFileReader(path);
        Assert.Equal(37, reader.ReadAvailable().Count());
        Assert.True(reader.PendingBytes > 0);
        Assert.Empty(reader.Damage);
        File.WriteAllBytes(path, whole);
        Assert.Single(reader.ReadAvailable());
        Assert.Equal(0, reader.PendingBytes);
    }

    [Fact]
    public void ARecordWithABadChecksumIsReportedAndSkipped()
    {
        using var reader = new EventFileReader(Repository.Reference("training-dashboard/events.badcrc"));
        Assert.Equal(37, reader.ReadAvailable().Count());
        Assert.Equal(38, reader.RecordCount);
        Assert.Equal(5, Assert.Single(reader.Damage).Record);
    }

    [Fact]
    public void NoDamageCrashesTheReader()
    {
        using var folder = new TemporaryFolder();
        var whole = File.ReadAllBytes(Repository.Reference(Reference));
        var random = new System.Random(1);
        foreach (var i in ReaderFuzz.Cases(3000))
        {
            var bytes = whole.ToArray();
            var at = random.Next(bytes.Length);
            for (var flips = random.Next(1, 4); flips > 0; flips--) bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
            if (i % 3 == 0) bytes = bytes[..at];
            // With checksums made right again, the decoder itself meets the damage.
            if (i % 2 == 0) Repair(bytes);
            var path = folder.File("damaged");
            File.WriteAllBytes(path, bytes);
            using var reader = new EventFileReader(path);
            Assert.True(reader.ReadAvailable().Count() + reader.Damage.Count <= 39);
        }
    }

    [Fact]
    public void ChecksumsAreThoseOfTheReference()
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Repository.Reference("training-dashboard/events_ref.json")));
        foreach (var vector in json.RootElement.GetProperty("crc32c").EnumerateObject())
        {
            var bytes = Convert.FromHexString(vector.Value.GetProperty("hex").GetString()!);
            Assert.Equal(vector.Value.GetProperty("crc32c").GetUInt32(), Crc32C.Compute(bytes));
            Assert.Equal(vector.Value.GetProperty("masked").GetUInt32(), Crc32C.Masked(bytes));
        }
    }

    [Fact]
    public void WhatIsWrittenIsRead()
    {
        using var folder = new TemporaryFolder();
        var histogram = HistogramSummary.Of([1, 2, 2, 3, float.PositiveInfinity]);
        using (var writer = new EventFileWriter(folder.Path))
        {
            for (var step = 0; step < 1000; step++)
                writer.Scalar("größe/µ", step * 3_000_000_000L, 1_700_000_000_123_456 + step, step * 0.5);
            writer.Scalar("odd", -1, 0, double.NaN);
            writer.Text("notes", 7, 1, "# hello\nworld");
            writer.Image("image", 8, 2, RunPictureTests.OnePixel, 1, 1);
            writer.Histogram("weights", 9, 3, histogram);
        }
        using var log = new EventLog(folder.Path);
        Assert.Equal(Enumerable.Range(0, 1000)
            .Select(s => new Logged<double>(s * 3_000_000_000L, (1_700_000_000_123_456 + s) / 1e6, s * 0.5)), log.Scalars["größe/µ"]);
        Assert.Equal(new Logged<double>(-1, 0, double.NaN), log.Scalars["odd"][0]);
        Assert.Equal("# hello\nworld", log.Texts["notes"][0].Value);
        Assert.Equal(RunPictureTests.OnePixel, log.Images["image"][0].Value.Encoded);
        Assert.Equivalent(histogram with { NonFinite = 0 }, log.Histograms["weights"][0].Value);
        Assert.Equal(["."], EventLog.FindFolders(folder.Path));
    }

    [Fact]
    public void TheBytesAreThoseOfTensorBoardsWriter()
    {
        using var folder = new TemporaryFolder();
        var reference = File.ReadAllBytes(Repository.Reference(Reference));
        using var reader = new EventFileReader(Repository.Reference(Reference));
        var compared = 0;
        long begin = 0;
        using var writer = new EventFileWriter(folder.Path);
        foreach (var logged in reader.ReadAvailable())
        {
            var frame = reference[(int)begin..(int)reader.Position];
            begin = reader.Position;
            if (logged.Values is not [var value] || value is LoggedScalar { IsTensor: true }) continue;
            var time = (long)Math.Round(logged.WallTime * 1e6);
            var before = new FileInfo(writer.Path).Length;
            if (value is LoggedScalar scalar) writer.Scalar(scalar.Tag, logged.Step, time, scalar.Value);
            else if (value is LoggedHistogram histogram) writer.Histogram(histogram.Tag, logged.Step, time, histogram.Histogram);
            else continue;
            writer.Flush();
            using var written = new FileStream(writer.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            var own = new byte[written.Length - before];
            written.Position = before;
            written.ReadExactly(own);
            Assert.Equal(frame, own);
            compared++;
        }
        Assert.True(compared >= 33, $"{compared} records compared");
    }

    [Fact]
    public void ARunThatContinuesAtAnEarlierStepForgetsTheLaterOnes()
    {
        using var folder = new TemporaryFolder();
        using var store = RunStore.Open(folder.Path);
        string id;
        using (var run = store.Begin("twice", "train"))
        {
            id = run.Id;
            for (var step = 0; step < 100; step++) run.Scalar("loss", step, step);
        }
        Thread.Sleep(1100);
        using (var run = store.Resume(id))
        {
            run.TruncateAfter(49);
            for (var step = 50; step < 80; step++) run.Scalar("loss", step, -step);
            run.Finish(RunStatus.Finished);
        }
        using var log = new EventLog(store.FolderOf(id));
        Assert.Equal(store.ReadSeries(id, "loss").Select(p => (p.Step, p.Value)), log.Scalars["loss"].Select(p => (p.Step, p.Value)));
        Assert.Equal(80, log.Scalars["loss"].Count);
    }

    private static double Number(string text) => text switch
    {
        "nan" => double.NaN,
        "inf" => double.PositiveInfinity,
        "-inf" => double.NegativeInfinity,
        _ => double.Parse(text, CultureInfo.InvariantCulture),
    };

    private static void Repair(byte[] bytes)
    {
        for (var at = 0; at + 16 <= bytes.Length;)
        {
            var length = BitConverter.ToUInt64(bytes, at);
            if (length > (ulong)(bytes.Length - at - 16)) return;
            BitConverter.TryWriteBytes(bytes.AsSpan(at + 8), Crc32C.Masked(bytes.AsSpan(at, 8)));
            BitConverter.TryWriteBytes(bytes.AsSpan(at + 12 + (int)length), Crc32C.Masked(bytes.AsSpan(at + 12, (int)length)));
            at += 16 + (int)length;
        }
    }
}
