using System.Text.Json;
using Cresset.Dashboard;
using Cresset.Runs;
using Xunit;

namespace Cresset.Tests.Managed.Dashboard;

/// <summary>The stream of changes: live, and complete for a page that comes back.</summary>
public sealed class LiveTests
{
    [Fact]
    public async Task PointsOfARunningRunAreTold()
    {
        await using var served = await ServedStore.Start();
        using var store = RunStore.Open(served.Folder);
        using var run = store.Begin("live", "test");
        var version = (await served.Get("/api/state")).Json.GetProperty("version").GetString();
        await using var stream = await served.Client.GetStreamAsync(new Uri($"/api/live?since={version}", UriKind.Relative));
        using var events = new StreamReader(stream);
        // The first look finds the run itself.
        Assert.Contains(run.Id, (await Next(events)).Runs);
        for (var i = 0; i < 3; i++)
        {
            run.Scalar("loss", i, i);
            run.Flush();
            var change = await Next(events);
            Assert.Equal([run.Id], change.Runs);
            var curve = (await served.Get($"/api/curves?run={run.Id}&tag=loss")).Json.GetProperty("curves")[0];
            Assert.Equal(i + 1, curve.GetProperty("count").GetInt64());
        }
        run.Finish(RunStatus.Finished);
        Assert.Equal([run.Id], (await Next(events)).Runs);
    }

    [Fact]
    public async Task APageThatComesBackMissesNothing()
    {
        await using var served = await ServedStore.Start();
        var first = served.Record(run => run.Scalar("x", 1, 1), "first");
        var known = await Reach(served, null, c => !c.All && c.Runs.Contains(first));
        var second = served.Record(run => run.Scalar("x", 1, 1), "second");
        var change = await Reach(served, known.Version, c => c.Runs.Contains(second));
        Assert.DoesNotContain(first, change.Runs);
        Assert.False(change.All);
        // The version of a server that was started before this one: everything may have changed.
        Assert.True((await Reach(served, "00000000-5", _ => true)).All);
    }

    [Fact]
    public void AStoreThatCannotBeReadIsSaidAndForgotten()
    {
        using var folder = new Managed.Runs.TemporaryFolder();
        using var source = new StoreSource(folder.Path, readOnly: true);
        var feed = new LiveFeed(source, TimeSpan.FromSeconds(1));
        File.WriteAllText(folder.File("runs.db"), new string('x', 4096));
        feed.Look();
        Assert.NotNull(First(feed, null).Problem);
        File.Delete(folder.File("runs.db"));
        feed.Look();
        Assert.Null(First(feed, null).Problem);
    }

    [Fact]
    public async Task TheServerEndsWhilePagesListen()
    {
        var served = await ServedStore.Start();
        await using var stream = await served.Client.GetStreamAsync(new Uri("/api/live", UriKind.Relative));
        var ends = served.Server.DisposeAsync().AsTask();
        Assert.Same(ends, await Task.WhenAny(ends, Task.Delay(TimeSpan.FromSeconds(5))));
        await served.DisposeAsync();
    }

    private static LiveChange First(LiveFeed feed, string? since)
    {
        var reader = feed.Read(since, TimeSpan.FromSeconds(5), CancellationToken.None).GetAsyncEnumerator();
        Assert.True(reader.MoveNextAsync().AsTask().GetAwaiter().GetResult());
        return reader.Current!;
    }

    private static async Task<LiveChange> Reach(ServedStore served, string? since, Func<LiveChange, bool> found)
    {
        await using var stream =
            await served.Client.GetStreamAsync(new Uri(since is null ? "/api/live" : $"/api/live?since={since}", UriKind.Relative));
        using var events = new StreamReader(stream);
        while (true)
        {
            var change = await Next(events);
            if (found(change)) return change;
        }
    }

    private static async Task<LiveChange> Next(StreamReader events)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        while (await events.ReadLineAsync(patience.Token) is { } line)
        {
            if (line.StartsWith("data: ", StringComparison.Ordinal))
                return JsonSerializer.Deserialize<LiveChange>(line["data: ".Length..], Answers.Options)!;
        }
        throw new EndOfStreamException("The stream ended.");
    }
}
