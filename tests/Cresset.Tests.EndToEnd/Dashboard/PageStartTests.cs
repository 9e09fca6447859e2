using Cresset.Dashboard;
using Cresset.Runs;
using Microsoft.Playwright;
using Xunit;

namespace Cresset.Tests.EndToEnd.Dashboard;

/// <summary>How a page begins: its first question is on its way while it is still read, and is asked once.</summary>
public sealed class PageStartTests(Browser browser) : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-start-").FullName;
    private readonly List<string> _faults = [];
    private DashboardServer? _server;

    public async ValueTask InitializeAsync() => _server = await DashboardServer.Start(new DashboardOptions { Folder = _folder, Port = 0 });

    public async ValueTask DisposeAsync()
    {
        await browser.Close(_faults);
        await _server!.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task WhatIsBegunEarlyIsWhatThePageAsks()
    {
        string[] ids = [Record("0.1"), Record("0.2")];
        var page = await browser.Open(_faults);
        var asked = new List<string>();
        page.Request += (_, request) =>
        {
            lock (asked) asked.Add(new Uri(request.Url).PathAndQuery);
        };
        foreach (var (address, question, whole) in new[]
        {
            ("", "/api/runs", ".card .spark"),
            ($"run?id={ids[0]}", $"/api/run?id={ids[0]}", ".area[aria-label*='3 points']"),
            // What stands below the curves comes when they are drawn.
            ($"compare?run={ids[0]}&run={ids[1]}", $"/api/compare?run={ids[0]}&run={ids[1]}", ".drawing.parallel"),
            ("explore", "/api/subjects", ".card"),
        })
        {
            lock (asked) asked.Clear();
            await page.GotoAsync(new Uri(_server!.Address, address).ToString());
            await page.Locator(whole).First.WaitForAsync();
            lock (asked) Assert.Single(asked, path => path == question);
        }
        Assert.Empty(_faults);
    }

    private string Record(string rate)
    {
        using var store = RunStore.Open(_folder);
        using var run = store.Begin("start", "test", new Dictionary<string, string> { ["rate"] = rate });
        for (var i = 0; i < 3; i++) run.Scalar("loss", i, i);
        run.Finish(RunStatus.Finished, new Dictionary<string, double> { ["accuracy"] = 0.5 });
        return run.Id;
    }
}
