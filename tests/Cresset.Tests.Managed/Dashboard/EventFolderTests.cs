using System.Text.Json;
using Cresset.Dashboard;
using Cresset.Runs;
using Cresset.Tests.Managed.Runs;
using Xunit;

namespace Cresset.Tests.Managed.Dashboard;

/// <summary>TensorBoard's files of any program on the same page.</summary>
public sealed class EventFolderTests
{
    private const string Foreign = "training-dashboard/events.out.tfevents.1700000000.ref.1.0";

    [Fact]
    public async Task ForeignFilesAreShown()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.File("logs/version_0"));
        File.Copy(Repository.Reference(Foreign), folder.File("logs/version_0/events.out.tfevents.1.host"));
        await using var server = await DashboardServer.Start(new DashboardOptions { Folder = folder.Path, Port = 0 });
        using var client = new HttpClient { BaseAddress = server.Address };
        var runs = await Get(client, "/api/runs");
        Assert.False(runs.GetProperty("canWrite").GetBoolean());
        Assert.Equal("logs/version_0", runs.GetProperty("runs")[0].GetProperty("id").GetString());
        var detail = await Get(client, "/api/run?id=logs%2Fversion_0");
        using (var log = new Cresset.Runs.EventLog(folder.File("logs/version_0")))
        {
            Assert.Equal(log.Scalars.Count, detail.GetProperty("series").GetArrayLength());
            foreach (var (tag, points) in log.Scalars)
            {
                var curve =
                    (await Get(client, $"/api/curves?run=logs%2Fversion_0&tag={Uri.EscapeDataString(tag)}")).GetProperty("curves")[0];
                Assert.Equal(points.Select(p => (double)p.Step), curve.GetProperty("step").EnumerateArray().Select(s => s.GetDouble()));
            }
        }
        var picture = detail.GetProperty("pictures")[0];
        using var media =
            await client.GetAsync(
                new Uri($"/media?run=logs%2Fversion_0&hash={picture.GetProperty("sha256").GetString()}", UriKind.Relative));
        Assert.True(media.IsSuccessStatusCode);
        Assert.Equal("image/png", media.Content.Headers.ContentType?.MediaType);
        using var missing = await client.GetAsync(new Uri("/api/run?id=..%2F..", UriKind.Relative));
        Assert.Equal(404, (int)missing.StatusCode);
    }

    [Fact]
    public void AGrowingAndADamagedFileAreRead()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.File("a"));
        File.Copy(Repository.Reference("training-dashboard/events.badcrc"), folder.File("a/events.out.tfevents.1.bad"));
        using var source = new EventFolderSource(folder.Path);
        Assert.Single(source.List([]));
        Assert.Contains("a: ", Assert.Single(source.Problems), StringComparison.Ordinal);
        var before = source.Marks()["a"];
        using (var writer = new EventFileWriter(folder.File("a"))) writer.Scalar("new", 1, 1_700_000_000_000_000, 5);
        Thread.Sleep(500);
        Assert.NotEqual(before, source.Marks()["a"]);
        Assert.Contains(source.Series("a", []), s => s.Tag == "new");
        Assert.Throws<InvalidOperationException>(() => source.SetNote("a", "x"));
    }

    [Fact]
    public void BucketsInMemoryHoldEveryPointAndTheNeighbours()
    {
        var points = Enumerable.Range(0, 1000).Select(i => new SeriesPoint(i * 10, i, i == 777 ? 1e9 : i % 7 == 0 ? double.NaN : i))
            .ToList();
        foreach (var (from, to, most) in new (long, long, int)[] { (0, 9990, 50), (7000, 8000, 10), (7765, 7775, 10),
            (long.MinValue, long.MaxValue, 1), (-50, -10, 5), (99999, 999999, 5), (500, 100, 5) })
        {
            var buckets = PointBuckets.Of(points, from, to, most);
            var inside = points.Where(p => p.Step >= from && p.Step <= to).ToList();
            Assert.InRange(buckets.Length, 0, most + 2);
            if (inside.Count == 0) continue;
            var neighbours = (inside[0].Step > 0 ? 1 : 0) + (inside[^1].Step < 9990 ? 1 : 0);
            Assert.Equal(inside.Count + neighbours, buckets.Sum(b => b.Count));
            Assert.Equal(inside.Any(p => p.Value == 1e9), buckets.Any(b => b.Max == 1e9));
        }
        // Between two points the line that leads through still shows.
        Assert.Equal(2, PointBuckets.Of(points, 7771, 7779, 10).Length);
    }

    private static async Task<JsonElement> Get(HttpClient client, string path)
    {
        using var response = await client.GetAsync(new Uri(path, UriKind.Relative));
        using var json = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        Assert.True(response.IsSuccessStatusCode, json.RootElement.ToString());
        return json.RootElement.Clone();
    }
}
