using System.Text.Json;
using Cresset.Dashboard;
using Cresset.Runs;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Cresset.Tests.Managed.Dashboard;

/// <summary>What the page is told: every point, whatever strings hold, whatever state the store is in.</summary>
public sealed class DashboardDataTests
{
    [Fact]
    public async Task AnEmptyFolderIsNoError()
    {
        await using var served = await ServedStore.Start();
        var (status, json) = await served.Get("/api/runs");
        Assert.Equal(200, status);
        Assert.Equal(0, json.GetProperty("runs").GetArrayLength());
        Assert.Equal(404, (await served.Get("/api/run?id=x")).Status);
        Assert.False(RunStore.Exists(served.Folder));
        // The first run shows without a restart.
        served.Record(run => run.Scalar("loss", 3, 0.5));
        Assert.Equal(1, (await served.Get("/api/runs")).Json.GetProperty("runs").GetArrayLength());
    }

    [Fact]
    public async Task ARunIsTold()
    {
        await using var served = await ServedStore.Start();
        var id = served.Record(
            run =>
            {
                run.Scalar("train/loss", 1, 2);
                run.Scalar("train/loss", 7, double.NaN);
                run.Scalar("eval/accuracy", 7, 0.5);
                run.Picture("samples", 7, ServedStore.Pixel, "<b>caption</b>");
                run.Text("log", 7, "<script>alert(1)</script>");
                run.Histogram("weights", 7, new float[] { 1, 2, 3 });
                run.Tag("<img src=x onerror=alert(1)>");
            },
            config: new Dictionary<string, string> { ["trainer.steps"] = "10", ["lr"] = "0.1" });
        var card = (await served.Get("/api/runs")).Json.GetProperty("runs")[0];
        Assert.Equal(7, card.GetProperty("step").GetInt64());
        Assert.Equal(10, card.GetProperty("steps").GetInt64());
        Assert.Equal("eval/accuracy", card.GetProperty("headline").GetProperty("tag").GetString());
        Assert.Equal("finished", card.GetProperty("status").GetString());
        var detail = (await served.Get($"/api/run?id={id}")).Json;
        Assert.Equal(2, detail.GetProperty("series").GetArrayLength());
        Assert.Equal("0.1", detail.GetProperty("config").GetProperty("lr").GetString());
        var hash = detail.GetProperty("pictures")[0].GetProperty("sha256").GetString();
        using var media = await served.Client.GetAsync(new Uri($"/media?run={id}&hash={hash}", UriKind.Relative));
        Assert.Equal("image/png", media.Content.Headers.ContentType?.MediaType);
        Assert.Equal(ServedStore.Pixel, await media.Content.ReadAsByteArrayAsync());
        using var asked = new HttpRequestMessage(HttpMethod.Head, new Uri($"/media?run={id}&hash={hash}", UriKind.Relative));
        using var head = await served.Client.SendAsync(asked);
        Assert.Equal(ServedStore.Pixel.Length, head.Content.Headers.ContentLength);
        Assert.Empty(await head.Content.ReadAsByteArrayAsync());
        Assert.Equal("<script>alert(1)</script>", (await served.Get($"/api/texts?id={id}")).Json[0].GetProperty("text").GetString());
        Assert.Equal(3, (await served.Get($"/api/histograms?id={id}")).Json[0].GetProperty("count").GetDouble());
        var csv = await served.Client.GetStringAsync(new Uri($"/api/csv?id={id}", UriKind.Relative));
        Assert.Contains("train/loss,7,", csv, StringComparison.Ordinal);
        Assert.Contains(",NaN\n", csv, StringComparison.Ordinal);
        Assert.Equal("0.1", (await served.Get($"/api/settings?run={id}")).Json.GetProperty(id).GetProperty("lr").GetString());
        Assert.Equal(2, (await served.Get("/api/figures")).Json[0].GetProperty("series").GetArrayLength());
    }

    [Fact]
    public async Task ASpikeOfOnePointAmongManyIsInEveryZoom()
    {
        await using var served = await ServedStore.Start();
        const int points = 200_000, spike = 123_457;
        var id = served.Record(run =>
        {
            for (var i = 0; i < points; i++) run.Scalar("loss", i, i == spike ? 1e6 : 1);
        });
        foreach (var (from, to) in new (int, int)[] { (0, points), (100_000, 150_000), (123_000, 124_000), (123_450, 123_460) })
        {
            var curve = (await served.Get($"/api/curves?run={id}&tag=loss&from={from}&to={to}&most=500")).Json.GetProperty("curves")[0];
            var max = curve.GetProperty(curve.GetProperty("exact").GetBoolean() ? "mean" : "max").EnumerateArray()
                .Select(v => v.GetDouble()).ToList();
            Assert.InRange(max.Count, 1, 500);
            Assert.Equal(1e6, max.Max());
        }
        var exact = (await served.Get($"/api/curves?run={id}&tag=loss&from=123450&to=123460&most=500")).Json.GetProperty("curves")[0];
        Assert.True(exact.GetProperty("exact").GetBoolean());
        Assert.Equal(spike, exact.GetProperty("step")[7].GetDouble());
    }

    [Theory]
    [InlineData("")]
    [InlineData("&most=7")]
    [InlineData("&time=true&smooth=0.5&most=9")]
    public async Task CurvesAsBytesHoldTheNumbersOfThoseAsJson(string more)
    {
        await using var served = await ServedStore.Start();
        string[] ids = [
            served.Record(run => Enumerable.Range(0, 50).ToList().ForEach(i => run.Scalar("x", i, i == 20 ? double.NaN : Math.Sin(i)))),
            served.Record(run => run.Scalar("x", 3, 1e-300))];
        var path = $"/api/curves?tag=x&run={ids[0]}&run={ids[1]}{more}";
        var json = (await served.Get(path)).Json.GetProperty("curves").EnumerateArray().ToList();
        var bytes = await served.Client.GetByteArrayAsync(new Uri(path + "&form=binary", UriKind.Relative));
        var length = BitConverter.ToInt32(bytes);
        using var header = JsonDocument.Parse(bytes.AsMemory(4, length));
        var at = (4 + length + 7) / 8 * 8;
        foreach (var (curve, expected) in header.RootElement.EnumerateArray().Zip(json))
        {
            Assert.Equal(expected.GetProperty("run").GetString(), curve.GetProperty("run").GetString());
            foreach (var column in curve.GetProperty("columns").EnumerateArray().Select(c => c.GetString()!))
            {
                var values = Enumerable.Range(0, curve.GetProperty("length").GetInt32())
                    .Select(i => BitConverter.ToDouble(bytes, at + (8 * i))).ToArray();
                at += 8 * values.Length;
                Assert.Equal(expected.GetProperty(column).EnumerateArray().Select(Number), values);
            }
            Assert.Equal(more.Contains("time", StringComparison.Ordinal),
                curve.GetProperty("columns").EnumerateArray().Any(c => c.GetString() == "time"));
        }
        Assert.Equal(bytes.Length, at);
        Assert.Equal(2, header.RootElement.GetArrayLength());
        Assert.Equal(400, (await served.Get($"/api/curves?tag=x&run={ids[0]}&form=xml")).Status);
    }

    [Fact]
    public async Task RunsBesideEachOtherComeInOneAnswerAndMissingOnesAreNamed()
    {
        await using var served = await ServedStore.Start();
        var id = served.Record(run => run.Scalar("x", 3, 2), config: new Dictionary<string, string> { ["lr"] = "0.1" });
        var (status, sides) = await served.Get($"/api/compare?run={id}&run=nobody");
        Assert.Equal(200, status);
        Assert.Equal("0.1", sides[0].GetProperty("config").GetProperty("lr").GetString());
        Assert.Equal(2, sides[0].GetProperty("series")[0].GetProperty("value").GetDouble());
        Assert.Equal("nobody", sides[1].GetProperty("missing").GetString());
        Assert.Contains("nobody", sides[1].GetProperty("problems")[0].GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/api/curves?run=a&tag=loss&most=abc")]
    [InlineData("/api/curves?run=a&tag=loss&from=1e99")]
    [InlineData("/api/curves?tag=loss")]
    [InlineData("/api/curves?run=a")]
    [InlineData("/api/curves?run=a&tag=loss&smooth=1")]
    [InlineData("/api/curves?run=a&tag=loss&smooth=NaN")]
    [InlineData("/api/curves?run=a&tag=loss&smooth=-1")]
    [InlineData("/api/run")]
    public async Task WrongQuestionsAreAnsweredWith400(string path)
    {
        await using var served = await ServedStore.Start();
        served.Record(run => run.Scalar("loss", 1, 1));
        Assert.Equal(400, await served.Send(HttpMethod.Get, path));
    }

    [Fact]
    public async Task UnknownRunsSeriesAndPicturesAreNotFound()
    {
        await using var served = await ServedStore.Start();
        var id = served.Record(run => run.Scalar("loss", 1, 1));
        Assert.Equal(404, (await served.Get("/api/curves?run=nobody&tag=loss")).Status);
        // A run without the series stands beside others that have it.
        Assert.Equal(0, (await served.Get($"/api/curves?run={id}&tag=nothing")).Json.GetProperty("curves").GetArrayLength());
        Assert.Equal(404, (await served.Get($"/media?run={id}&hash=00")).Status);
        Assert.Equal(404, (await served.Get("/api/nothing")).Status);
    }

    [Fact]
    public async Task OddRangesAreAnswered()
    {
        await using var served = await ServedStore.Start();
        var id = served.Record(run =>
        {
            for (var i = 0; i < 2000; i++) run.Scalar("loss", i, i);
        });
        foreach (var range in (string[])["from=100&to=50", "from=99999&to=999999", $"from={long.MinValue}&to={long.MaxValue}", "most=0",
            "most=-5", "most=2147483647", "from=-5&to=-1"])
        {
            Assert.Equal(200, (await served.Get($"/api/curves?run={id}&tag=loss&{range}")).Status);
        }
    }

    [Fact]
    public async Task SmoothingIsTheReferences()
    {
        await using var served = await ServedStore.Start();
        using var reference = JsonDocument.Parse(await File.ReadAllTextAsync(Repository.Reference("training-dashboard/smoothing.json")));
        var values = reference.RootElement.GetProperty("series").EnumerateArray().Select(Number).ToArray();
        var id = served.Record(run =>
        {
            for (var i = 0; i < values.Length; i++) run.Scalar("x", i, values[i]);
        });
        foreach (var expected in reference.RootElement.GetProperty("smoothed").EnumerateObject().Where(w => w.Name is not ("0" or "0.0")))
        {
            var smooth =
                (await served.Get($"/api/curves?run={id}&tag=x&smooth={expected.Name}")).Json.GetProperty("curves")[0].GetProperty("smooth")
                    .EnumerateArray().Select(Number).ToArray();
            var wanted = expected.Value.EnumerateArray().Select(Number).ToArray();
            for (var i = 0; i < wanted.Length; i++)
                Assert.True(wanted[i].Equals(smooth[i]) || Math.Abs(wanted[i] - smooth[i]) <= 1e-12 * Math.Abs(wanted[i]),
                    $"weight {expected.Name}, value {i}: {smooth[i]} instead of {wanted[i]}");
            // A zoom shows the same line (with a neighbour on each side), not one that begins anew.
            var zoomed =
                (await served.Get($"/api/curves?run={id}&tag=x&smooth={expected.Name}&from=30&to=40")).Json.GetProperty(
                    "curves")[0].GetProperty("smooth").EnumerateArray().Select(Number).ToArray();
            Assert.Equal(smooth[29..42], zoomed);
        }
    }

    [Fact]
    public async Task NotesLabelsAndRequestsAreWritten()
    {
        await using var served = await ServedStore.Start();
        using var store = RunStore.Open(served.Folder);
        using var run = store.Begin("live", "test");
        Assert.Equal(200, (await served.Post("/api/note", new { id = run.Id, note = "héllo\n<b>" })).Status);
        Assert.Equal(200, (await served.Post("/api/tag", new { id = run.Id, tag = " good " })).Status);
        Assert.Equal("héllo\n<b>", store.Get(run.Id).Note);
        Assert.Equal(["good"], store.Get(run.Id).Tags);
        Assert.Equal(200, (await served.Post("/api/tag", new { id = run.Id, tag = "good", remove = true })).Status);
        Assert.Empty(store.Get(run.Id).Tags);
        Assert.Equal(200, (await served.Post("/api/ask", new { id = run.Id, command = "rate", value = "x0.5" })).Status);
        Assert.Equal(400, (await served.Post("/api/ask", new { id = run.Id, command = "rate" })).Status);
        Assert.Equal(400, (await served.Post("/api/ask", new { id = run.Id, command = "format-disk" })).Status);
        Assert.Equal(400, (await served.Post("/api/tag", new { id = run.Id, tag = "  " })).Status);
        Assert.Equal(404, (await served.Post("/api/note", new { id = "nobody", note = "" })).Status);
        Assert.Equal(400, (await served.Post("/api/note", new { note = "" })).Status);
        var taken = new List<RunRequest>();
        for (var i = 0; i < 100 && taken.Count == 0; i++)
        {
            await Task.Delay(50);
            taken.AddRange(run.TakeRequests());
        }
        Assert.Equal(("rate", "x0.5"), (taken[0].Command, taken[0].Value));
        run.Finish(RunStatus.Finished);
        Assert.Equal(409, (await served.Post("/api/ask", new { id = run.Id, command = "stop" })).Status);
    }

    [Fact]
    public async Task AReadOnlyPageWritesNothing()
    {
        await using var served = await ServedStore.Start(o => o with { ReadOnly = true });
        var id = served.Record(run => run.Scalar("x", 1, 1));
        Assert.Equal(403, (await served.Post("/api/note", new { id, note = "x" })).Status);
        Assert.False((await served.Get("/api/runs")).Json.GetProperty("canWrite").GetBoolean());
    }

    [Fact]
    public async Task FloodsOfWritesAreSlowed()
    {
        await using var served = await ServedStore.Start();
        var id = served.Record(run => run.Scalar("x", 1, 1));
        var answers = new List<int>();
        for (var i = 0; i < 70; i++) answers.Add((await served.Post("/api/note", new { id, note = $"{i}" })).Status);
        Assert.Contains(429, answers);
        Assert.All(answers, a => Assert.True(a is 200 or 429));
    }

    [Fact]
    public async Task ADamagedStoreIsSaidAndTheServerLivesOn()
    {
        await using var served = await ServedStore.Start();
        await File.WriteAllTextAsync(Path.Combine(served.Folder, "runs.db"), new string('x', 5000));
        var (status, json) = await served.Get("/api/runs");
        Assert.Equal(503, status);
        Assert.Contains("runs.db", json.GetProperty("problem").GetString(), StringComparison.Ordinal);
        File.Delete(Path.Combine(served.Folder, "runs.db"));
        served.Record(run => run.Scalar("x", 1, 1));
        Assert.Equal(200, (await served.Get("/api/runs")).Status);
        // Deleted and made again while connections to the old file are open.
        foreach (var file in Directory.GetFiles(served.Folder, "runs.db*")) File.Delete(file);
        await Task.Delay(20);
        served.Record(run => run.Scalar("x", 1, 1), "second");
        Assert.Equal("second", (await served.Get("/api/runs")).Json.GetProperty("runs")[0].GetProperty("name").GetString());
    }

    [Fact]
    public async Task NamesOfAHostileDatabaseLeadNowhere()
    {
        await using var served = await ServedStore.Start();
        var id = served.Record(run =>
        {
            run.Picture("p", 1, ServedStore.Pixel);
            run.Picture("q", 2, ServedStore.Pixel);
        });
        var secret = Path.Combine(Path.GetDirectoryName(served.Folder)!, $"secret-{Guid.NewGuid():N}.png");
        await File.WriteAllBytesAsync(secret, ServedStore.Pixel);
        try
        {
            using (var connection = new SqliteConnection($"Data Source={Path.Combine(served.Folder, "runs.db")};Pooling=False"))
            {
                connection.Open();
                connection.Execute($"UPDATE media SET file = '../../{Path.GetFileName(secret)}', sha256 = 'aa' || sha256 WHERE tag = 'p'");
                connection.Execute("UPDATE media SET type = 'text/html' WHERE tag = 'q'");
            }
            // A row that leads elsewhere is told of and never followed; the picture of another type has the hash of the first.
            var (status, told) = await served.Get($"/api/run?id={id}");
            Assert.Equal(200, status);
            Assert.Contains("lies elsewhere", told.GetProperty("problems")[0].GetString(), StringComparison.Ordinal);
            Assert.Equal("q", Assert.Single(told.GetProperty("pictures").EnumerateArray()).GetProperty("tag").GetString());
            Assert.Equal(200, (await served.Get("/api/runs")).Status);
            var hash = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(ServedStore.Pixel));
            Assert.NotEqual(200, await served.Send(HttpMethod.Get, $"/media?run={id}&hash=aa{hash}"));
            using (var connection = new SqliteConnection($"Data Source={Path.Combine(served.Folder, "runs.db")};Pooling=False"))
            {
                connection.Open();
                connection.Execute("DELETE FROM media WHERE tag = 'p'");
            }
            Assert.Equal(200, (await served.Get($"/api/run?id={id}")).Status);
            Assert.Equal(404, await served.Send(HttpMethod.Get, $"/media?run={id}&hash={hash}"));
            using (var connection = new SqliteConnection($"Data Source={Path.Combine(served.Folder, "runs.db")};Pooling=False"))
            {
                connection.Open();
                connection.Execute("UPDATE runs SET id = '../x'");
            }
            var escaped = (await served.Get("/api/run?id=..%2fx")).Json;
            Assert.True(!escaped.TryGetProperty("checkpoints", out var found) || found.GetArrayLength() == 0, escaped.ToString());
        }
        finally
        {
            File.Delete(secret);
        }
    }

    // The files are there all the same; a column that is empty without a word looks as if nothing had been measured.
    [Theory]
    [InlineData("[{\"step\": 5, \"metric\": 0.5}]", 0.5, null)]
    [InlineData("[{\"step\": 5, ", null, "is damaged")]
    [InlineData("{}", null, "holds no list")]
    [InlineData(null, null, null)]
    public async Task ADamagedIndexOfCheckpointsIsSaid(string? index, double? metric, string? said)
    {
        await using var served = await ServedStore.Start();
        var id = served.Record(run => run.Scalar("loss", 1, 1));
        var folder = Directory.CreateDirectory(Path.Combine(served.Folder, id, "checkpoints")).FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "step-00000005.safetensors"), "x", TestContext.Current.CancellationToken);
        if (index is not null)
            await File.WriteAllTextAsync(Path.Combine(folder, "index.json"), index, TestContext.Current.CancellationToken);
        var detail = (await served.Get($"/api/run?id={id}")).Json;
        var found = Assert.Single(detail.GetProperty("checkpoints").EnumerateArray()).GetProperty("metric");
        Assert.Equal(metric, found.ValueKind == JsonValueKind.Null ? null : found.GetDouble());
        var problems = detail.GetProperty("problems").EnumerateArray().Select(p => p.GetString()!).ToList();
        if (said is null) Assert.Empty(problems);
        else Assert.Contains(said, Assert.Single(problems), StringComparison.Ordinal);
    }

    private static double Number(JsonElement value) =>
        value.ValueKind == JsonValueKind.Number ? value.GetDouble() : value.GetString() switch
        {
            "nan" or "NaN" => double.NaN,
            "inf" or "Infinity" => double.PositiveInfinity,
            "-inf" or "-Infinity" => double.NegativeInfinity,
            var text => double.Parse(text!, System.Globalization.CultureInfo.InvariantCulture),
        };
}
