using Cresset.Runs;
using Xunit;

namespace Cresset.Tests.Managed.Runs;

public sealed class RunStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void TwoRunsOfOneSecondNeverShareAnIdOrAFolder()
    {
        using var folder = new TemporaryFolder();
        using var store = RunStore.Open(folder.Path);
        string taken;
        using (var run = store.Begin("same", "test")) taken = run.Id;
        Directory.CreateDirectory(Path.Combine(folder.Path, "copied-here"));
        var draws = new Queue<string>([taken, "copied-here", taken, "free"]);
        Assert.Equal("free", store.ClaimId(draws.Dequeue));
        Assert.True(Directory.Exists(Path.Combine(folder.Path, "free")));
    }

    [Fact]
    public void ARunKeepsWhatItWasTold()
    {
        using var store = RunStore.Open(_folder.Path);
        string id;
        using (var run = store.Begin(new RunDescription
        {
            Name = "Digits classifier",
            Kind = "train",
            Config = new Dictionary<string, string> { ["model.width"] = "64" },
            ConfigText = "model:\n  width: 64\n",
            Environment = new Dictionary<string, string> { ["device"] = "cpu" },
            Tags = ["first"],
            Note = "a note",
        }))
        {
            id = run.Id;
            Assert.Matches("^digits-classifier-[0-9]{8}-[0-9]{6}-[0-9a-f]{4}$", id);
            Assert.Equal(RunStatus.Running, store.Get(id).Status);
            for (var step = 0; step < 2000; step++) run.Scalar("loss", step, 1.0 / (step + 1));
            run.Scalar("odd", 5, double.NaN);
            run.Scalar("odd", 6, double.NegativeInfinity);
            run.Text("log", 3, "hello");
            run.Histogram("weights", 4, [1f, 2f, float.NaN, 3f]);
            run.Tag("second");
            run.Finish(RunStatus.Finished, new Dictionary<string, double> { ["accuracy"] = 0.98, ["lost"] = double.NaN });
        }
        using var reader = RunStore.OpenReadOnly(_folder.Path);
        var info = reader.Get(id);
        Assert.Equal(RunStatus.Finished, info.Status);
        Assert.Equal(["first", "second"], info.Tags);
        Assert.Equal("a note", info.Note);
        Assert.Equal(0.98, info.Summary["accuracy"]);
        Assert.Equal(double.NaN, info.Summary["lost"]);
        Assert.NotNull(info.Ended);
        Assert.Equal("64", reader.Config(id)["model.width"]);
        Assert.Equal("cpu", reader.EnvironmentOf(id)["device"]);
        Assert.Contains("runtime", reader.EnvironmentOf(id).Keys);
        Assert.Equal("model:\n  width: 64\n", File.ReadAllText(Path.Combine(info.Folder, "config.yaml")));
        Assert.Single(Directory.GetFiles(info.Folder, "events.out.tfevents.*"));
        var points = reader.ReadSeries(id, "loss");
        Assert.Equal(Enumerable.Range(0, 2000).Select(step => ((long)step, 1.0 / (step + 1))), points.Select(p => (p.Step, p.Value)));
        Assert.True(points.Zip(points.Skip(1)).All(pair => pair.First.WallTime <= pair.Second.WallTime));
        Assert.Equal([double.NaN, double.NegativeInfinity], reader.ReadSeries(id, "odd").Select(p => p.Value));
        Assert.Equal(double.NegativeInfinity, reader.LastValues(id)["odd"].Value);
        Assert.Equal("hello", Assert.Single(reader.Texts(id)).Text);
        var histogram = Assert.Single(reader.Histograms(id)).Histogram;
        Assert.Equal((1.0, 3.0, 3.0, 1L), (histogram.Min, histogram.Max, histogram.Count, histogram.NonFinite));
    }

    [Fact]
    public void AResumedAndTruncatedRunHasTheSeriesOfAnUninterruptedOne()
    {
        using var store = RunStore.Open(_folder.Path);
        string id;
        using (var run = store.Begin("resumed", "train"))
        {
            id = run.Id;
            for (var step = 0; step < 9001; step++) run.Scalar("loss", step, Math.Sin(step));
            run.Scalar("late", 8500, 1);
            run.Text("text", 8500, "x");
            run.Picture("sample", 8500, RunPictureTests.OnePixel);
        }
        Assert.Equal(RunStatus.Failed, store.Get(id).Status);
        foreach (var checkpoint in new[] { 8192, 8191, 6000, 5119, 511, 3 })
        {
            using var run = store.Resume(id);
            Assert.Equal(RunStatus.Running, store.Get(id).Status);
            run.TruncateAfter(checkpoint);
            Assert.Equal(checkpoint + 1, store.ReadSeries(id, "loss").Count);
            Assert.DoesNotContain("late", store.LastValues(id).Keys);
            for (var step = checkpoint + 1; step < 9001; step++) run.Scalar("loss", step, Math.Sin(step));
            run.Finish(RunStatus.Finished);
            Assert.Equal(Enumerable.Range(0, 9001).Select(step => ((long)step, Math.Sin(step))),
                store.ReadSeries(id, "loss").Select(p => (p.Step, p.Value)));
            SeriesLaws.PyramidIsThatOfThePoints(store, id, "loss");
        }
        Assert.Empty(store.Texts(id));
        Assert.Empty(store.Pictures(id));
        Assert.Empty(Directory.GetFiles(Path.Combine(store.FolderOf(id), "samples")));
        Assert.Equal(7, store.Get(id).Sessions);
    }

    [Fact]
    public void RunsAreFoundByIdNameBeginningAndEnd()
    {
        using var store = RunStore.Open(_folder.Path);
        var ids = new List<string>();
        foreach (var name in new[] { "alpha", "beta", "alpha" })
        {
            using var run = store.Begin(name, "train");
            run.Finish(RunStatus.Finished);
            ids.Add(run.Id);
        }
        Assert.Equal(ids[0], store.Find(ids[0]).Id);
        Assert.Equal(ids[2], store.Find("alpha").Id);
        Assert.Equal(ids[2], store.Find("latest").Id);
        Assert.Equal(ids[1], store.Find("bet").Id);
        Assert.Equal(ids[1], store.Find(ids[1][^7..]).Id);
        Assert.Equal(2, Assert.Throws<RunNotFoundException>(() => store.Find("alph")).Candidates.Count);
        Assert.Contains("'beta'", Assert.Throws<RunNotFoundException>(() => store.Find("betta")).Message, StringComparison.Ordinal);
        Assert.Throws<RunNotFoundException>(() => store.ReadSeries("nothing", "loss"));
    }

    [Fact]
    public void ListsFilterAndSort()
    {
        using var store = RunStore.Open(_folder.Path);
        foreach (var (name, kind, loss) in new[] { ("a", "train", 3.0), ("b", "rl", 1.0), ("c", "train", 2.0) })
        {
            using var run = store.Begin(name, kind);
            run.Finish(RunStatus.Finished, new Dictionary<string, double> { ["loss"] = loss });
        }
        using (store.Begin("d", "train"))
        {
        }
        Assert.Equal(["d", "c", "b", "a"], store.List().Select(r => r.Name));
        Assert.Equal(["a", "c"],
            store.List(new RunQuery { Kind = "train", Status = RunStatus.Finished, Order = RunOrder.Name, Descending = false })
                .Select(r => r.Name));
        Assert.Equal(["b", "c", "a", "d"],
            store.List(new RunQuery { Order = RunOrder.Figure, OrderKey = "loss", Descending = false }).Select(r => r.Name));
        Assert.Equal(["d"], store.List(new RunQuery { Status = RunStatus.Failed }).Select(r => r.Name));
        store.AddTag(store.Find("b").Id, "Keep");
        Assert.Equal(["b"], store.List(new RunQuery { Text = "keep" }).Select(r => r.Name));
        Assert.Equal(["b"], store.List(new RunQuery { Tag = "Keep" }).Select(r => r.Name));
        store.SetArchived(store.Find("b").Id, true);
        Assert.Equal(3, store.List().Count);
        Assert.Equal(["d", "c"], store.List(new RunQuery { Limit = 2 }).Select(r => r.Name));
    }

    [Theory]
    [InlineData("two\nlines", "U+000A at place 4")]
    [InlineData("bell\a", "U+0007 at place 5")]
    [InlineData("end\u0085", "U+0085 at place 4")]
    public void NamesAndLabelsAreOneLine(string text, string said)
    {
        using var store = RunStore.Open(_folder.Path);
        using (store.Begin("plain ünï", "train"))
        {
        }
        var id = store.Find("plain ünï").Id;
        Action[] calls = [() => store.Begin(text, "train"), () => store.Rename(id, text), () => store.AddTag(id, text)];
        foreach (var call in calls) Assert.Contains(said, Assert.Throws<ArgumentException>(call).Message, StringComparison.Ordinal);
        Assert.Equal("plain ünï", Assert.Single(store.List()).Name);
        Assert.Single(Directory.GetDirectories(_folder.Path));
    }

    [Fact]
    public void DeletingTakesRowsAndFolder()
    {
        using var store = RunStore.Open(_folder.Path);
        var run = store.Begin("gone", "train");
        run.Scalar("loss", 1, 2);
        run.Flush();
        Assert.Contains("being recorded", Assert.Throws<RunStoreException>(() => store.Delete(run.Id)).Message, StringComparison.Ordinal);
        run.Finish(RunStatus.Stopped, message: "asked to");
        Assert.Equal("asked to", store.Get(run.Id).Message);
        store.Delete(run.Id);
        Assert.Empty(store.List());
        Assert.Empty(Directory.GetDirectories(_folder.Path));
        using var connection = store.OpenConnection();
        Assert.Equal(0, connection.Scalar<long>("SELECT (SELECT count(*) FROM chunks) + (SELECT count(*) FROM series)"));
    }

    [Fact]
    public void OneRunHasOneRecorder()
    {
        using var store = RunStore.Open(_folder.Path);
        using var run = store.Begin("one", "train");
        Assert.Contains($"process {Environment.ProcessId}", Assert.Throws<RunStoreException>(() => store.Resume(run.Id)).Message,
            StringComparison.Ordinal);
        run.Finish(RunStatus.Finished);
        Assert.Throws<ObjectDisposedException>(() => run.Scalar("late", 1, 1));
        Assert.Throws<ObjectDisposedException>(() => run.Finish(RunStatus.Finished));
    }

    [Fact]
    public void ExportsHoldEveryPoint()
    {
        using var store = RunStore.Open(_folder.Path);
        using var run = store.Begin("export", "train", new Dictionary<string, string> { ["lr"] = "0.1" });
        for (var step = 0; step < 600; step++) run.Scalar("a,\"b", step, step == 7 ? double.NaN : step / 7.0);
        run.Finish(RunStatus.Finished);
        using var csv = new StringWriter();
        store.ExportCsv(run.Id, csv);
        var lines = csv.ToString().TrimEnd('\n').Split('\n');
        Assert.Equal(601, lines.Length);
        Assert.StartsWith("\"a,\"\"b\",7,", lines[8], StringComparison.Ordinal);
        Assert.EndsWith(",NaN", lines[8], StringComparison.Ordinal);
        Assert.Equal(11 / 7.0, double.Parse(lines[12].Split(',')[^1], System.Globalization.CultureInfo.InvariantCulture));
        using var stream = new MemoryStream();
        store.ExportJson(run.Id, stream);
        using var json = System.Text.Json.JsonDocument.Parse(stream.ToArray());
        var series = json.RootElement.GetProperty("series").GetProperty("a,\"b");
        Assert.Equal(600, series.GetProperty("value").GetArrayLength());
        Assert.Equal("NaN", series.GetProperty("value")[7].GetString());
        Assert.Equal("0.1", json.RootElement.GetProperty("config").GetProperty("lr").GetString());
    }
}
