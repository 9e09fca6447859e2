using Cresset.Dashboard;
using Cresset.Runs;
using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using Xunit;

namespace Cresset.Tests.EndToEnd.Dashboard;

/// <summary>The page as a person meets it, in a real browser.</summary>
public sealed class DashboardPageTests(Browser browser) : IClassFixture<Browser>, IAsyncLifetime
{
    private const string Hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>";
    private const int Points = 1_000_000, Spike = 654_321;
    private static readonly byte[] Pixel = Convert.FromBase64String("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==");
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-page-").FullName;
    private readonly List<string> _faults = [];
    private DashboardServer? _server;

    public async ValueTask InitializeAsync() => _server = await DashboardServer.Start(new DashboardOptions { Folder = _folder, Port = 0 });

    public async ValueTask DisposeAsync()
    {
        await _server!.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task AZoomShowsASpikeOfOnePointAmongAMillion()
    {
        var id = Record("spiky", run =>
        {
            for (var i = 0; i < Points; i++) run.Scalar("loss", i, i == Spike ? 100 : 1);
        });
        var page = await browser.Open(_faults);
        await page.GotoAsync(At($"run?id={id}"));
        await page.Locator(".panel canvas").WaitForAsync();
        Assert.Contains("1,000,000 points", await page.Locator(".area").GetAttributeAsync("aria-label"), StringComparison.Ordinal);
        // The axis reaches to the spike, in the whole view and in every zoom around it.
        Assert.InRange(await Highest(page), 90, 120);
        await page.GotoAsync(At($"run?id={id}&from={Spike - 3}&to={Spike + 3}"));
        await page.Locator(".panel canvas").WaitForAsync();
        Assert.InRange(await Highest(page), 90, 120);
        await page.Locator("button[aria-label='Values of loss as a table']").ClickAsync();
        Assert.Contains("100", await page.Locator(".values tbody").InnerTextAsync(), StringComparison.Ordinal);
        // Arrows and plus zoom and move from the keyboard; the address keeps the view.
        await page.GotoAsync(At($"run?id={id}"));
        await page.Locator(".panel canvas").WaitForAsync();
        await page.Locator(".area").FocusAsync();
        await page.Keyboard.PressAsync("+");
        await page.WaitForURLAsync("**from=250000*");
        await page.Keyboard.PressAsync("0");
        await page.WaitForURLAsync(url => !url.Contains("from=", StringComparison.Ordinal));
        Assert.Equal(0x89, (await Saved(page, "Save loss as PNG"))[0]);
        Assert.Contains("<svg", System.Text.Encoding.UTF8.GetString(await Saved(page, "Save loss as SVG")), StringComparison.Ordinal);
        Assert.Empty(_faults);
    }

    [Fact]
    public async Task ScriptsInTextsStayText()
    {
        var id = Record(Hostile, run =>
        {
            run.Scalar(Hostile, 1, 1);
            run.Scalar(Hostile, 2, 2);
            run.Picture(Hostile, 1, Pixel, Hostile);
            run.Text(Hostile, 1, Hostile);
            run.Histogram(Hostile, 1, new float[] { 1, 2 });
            run.Tag(Hostile);
            run.Note(Hostile);
        }, new Dictionary<string, string> { [Hostile] = Hostile }, Hostile);
        var page = await browser.Open(_faults);
        await page.GotoAsync(At(""));
        await page.Locator(".card").WaitForAsync();
        Assert.Contains("<script>", await page.Locator(".card h2").InnerTextAsync(), StringComparison.Ordinal);
        await page.GotoAsync(At("?as=table"));
        await page.Locator("table.runs").WaitForAsync();
        foreach (var part in (string[])["curves", "pictures", "distributions", "settings", "texts", "about"])
        {
            await page.GotoAsync(At($"run?id={id}&part={part}"));
            await page.Locator(".run-head h1").WaitForAsync();
            await page.WaitForTimeoutAsync(200);
            Assert.Equal(0, await page.Locator("main script, main img[src='x']").CountAsync());
        }
        await page.GotoAsync(At($"compare?run={id}"));
        await page.Locator(".legend .entry").WaitForAsync();
        Assert.Empty(_faults);
    }

    [Fact]
    public async Task PagesPassAxeAtTwoWidthsInBothThemes()
    {
        var config = (double lr) => new Dictionary<string, string> { ["lr"] = $"{lr}", ["seed"] = "1" };
        var ids = new[] { 0.1, 0.2 }.Select(lr => Record("axe", run =>
        {
            for (var i = 0; i < 50; i++) run.Scalar("train/loss", i, 1.0 / (i + 1));
            run.Picture("samples", 10, Pixel, "a pixel");
            run.Picture("samples", 20, Pixel, "a pixel");
            run.Text("log", 1, "words");
            run.Histogram("weights", 1, new float[] { 1, 2, 2, 3 });
        }, config(lr))).ToArray();
        string[] addresses = ["", "?as=table", $"run?id={ids[0]}", $"run?id={ids[0]}&part=pictures", $"run?id={ids[0]}&part=distributions", $"run?id={ids[0]}&part=settings", $"run?id={ids[0]}&part=texts", $"run?id={ids[0]}&part=about", $"compare?run={ids[0]}&run={ids[1]}"];
        // What is narrow and dark is made of the same parts: three pages stand for them.
        string[] narrow = ["", $"run?id={ids[0]}", $"compare?run={ids[0]}&run={ids[1]}"];
        var options = new AxeRunOptions { ResultTypes = [ResultType.Violations] };
        foreach (var (width, scheme, shown) in new (int, ColorScheme, string[])[] { (1280, ColorScheme.Light, addresses), (390, ColorScheme.Dark, narrow) })
        {
            var page = await browser.Open(_faults, width, scheme: scheme);
            foreach (var address in shown)
            {
                await page.GotoAsync(At(address));
                await page.Locator(".card, table, .panel, .gallery, .text").First.WaitForAsync();
                await page.WaitForTimeoutAsync(100);
                var found = await page.RunAxe(options);
                var serious = found.Violations.Where(v => v.Impact is "serious" or "critical").Select(v => $"{address} at {width}: {v.Id}: {v.Help}: {string.Join(" | ", v.Nodes.Take(3).Select(n => n.Html))}").ToList();
                Assert.True(serious.Count == 0, string.Join("\n", serious));
                Assert.True(await page.EvaluateAsync<int>("document.documentElement.scrollWidth") <= width, $"{address} is wider than {width}.");
            }
        }
        Assert.Empty(_faults);
    }

    [Fact]
    public async Task TheKeyboardAloneComparesAndSlides()
    {
        foreach (var lr in (double[])[0.1, 0.2])
        {
            Record("keys", run =>
            {
                run.Scalar("loss", 1, lr);
                run.Scalar("loss", 2, lr / 2);
                run.Picture("samples", 1, Pixel);
                run.Picture("samples", 2, Pixel);
            }, new Dictionary<string, string> { ["lr"] = $"{lr}" });
        }
        var page = await browser.Open(_faults);
        await page.GotoAsync(At(""));
        await page.Locator(".card").First.WaitForAsync();
        foreach (var key in (string[])["j", "x", "j", "x", "c"]) await page.Keyboard.PressAsync(key);
        await page.Locator(".legend .entry").Nth(1).WaitForAsync();
        Assert.Contains("lr", await page.Locator("table.runs").First.InnerTextAsync(), StringComparison.Ordinal);
        await page.Locator("#step").WaitForAsync();
        Assert.Contains("2 of 2", await page.Locator("output[for=step]").InnerTextAsync(), StringComparison.Ordinal);
        await page.Keyboard.PressAsync("[");
        Assert.Contains("1 of 2", await page.Locator("output[for=step]").InnerTextAsync(), StringComparison.Ordinal);
        await page.Keyboard.PressAsync("g");
        await page.Locator(".card").First.WaitForAsync();
        await page.Keyboard.PressAsync("/");
        await page.Keyboard.TypeAsync("lr>0.15");
        await Browser.Until(page, "document.querySelectorAll('.card').length === 1");
        await page.Keyboard.PressAsync("Escape");
        await page.Keyboard.PressAsync("?");
        await page.Locator("dialog[open]").WaitForAsync();
        await page.Keyboard.PressAsync("Escape");
        await page.Keyboard.PressAsync("j");
        await page.Keyboard.PressAsync("Enter");
        await page.Locator(".run-head h1").WaitForAsync();
        await page.Keyboard.PressAsync("2");
        await page.Locator(".gallery figure").First.WaitForAsync();
        Assert.Empty(_faults);
    }

    [Fact]
    public async Task ACurveGrowsAndAServerThatCameBackIsCaughtUp()
    {
        using var store = RunStore.Open(_folder);
        using var run = store.Begin("live", "train", new Dictionary<string, string> { ["trainer.steps"] = "100" });
        run.Scalar("loss", 1, 1);
        run.Scalar("loss", 2, 0.5);
        run.Flush();
        var page = await browser.Open(_faults);
        await page.GotoAsync(At($"run?id={run.Id}"));
        await Shows(page, "2 points");
        run.Scalar("loss", 3, 0.25);
        run.Flush();
        await Shows(page, "3 points");
        var port = _server!.Address.Port;
        await _server.DisposeAsync();
        run.Scalar("loss", 4, 0.125);
        run.Flush();
        await page.Locator(".pulse.off").WaitForAsync();
        _server = await DashboardServer.Start(new DashboardOptions { Folder = _folder, Port = port });
        await Shows(page, "4 points");
        // The controls write rows that the recording process takes up and answers.
        await page.Locator("#rate").FillAsync("x0.5");
        await page.Keyboard.PressAsync("Enter");
        var asked = await Taken(run);
        Assert.Equal(("rate", "x0.5"), (asked.Command, asked.Value));
        run.Answer(asked, "half of it");
        run.Flush();
        await page.Locator(".requests", new() { HasText = "half of it" }).WaitForAsync();
        await page.Locator("#stop").ClickAsync();
        await page.Locator("#really").ClickAsync();
        Assert.Equal("stop", (await Taken(run)).Command);
        run.Finish(RunStatus.Stopped);
        await page.Locator(".status.stopped").WaitForAsync();
        await page.Locator("#note").FillAsync("kept");
        await page.Locator("#newtag").FillAsync("good");
        await page.Keyboard.PressAsync("Enter");
        await page.Locator(".tag", new() { HasText = "good" }).WaitForAsync();
        Assert.Equal("kept", store.Get(run.Id).Note);
        Assert.Equal(["good"], store.Get(run.Id).Tags);
        Assert.Empty(_faults);
    }

    private static async Task<byte[]> Saved(IPage page, string button)
    {
        var download = await page.RunAndWaitForDownloadAsync(() => page.Locator($"button[aria-label='{button}']").ClickAsync(new() { Force = true }));
        return await File.ReadAllBytesAsync(await download.PathAsync());
    }

    private static Task Shows(IPage page, string text) => page.Locator($".area[aria-label*='{text}']").WaitForAsync();

    private static async Task<RunRequest> Taken(Run run)
    {
        for (var i = 0; i < 200; i++)
        {
            if (run.TakeRequests() is [var first, ..]) return first;
            await Task.Delay(50);
        }
        throw new TimeoutException("The request did not reach the run.");
    }

    private static async Task<double> Highest(IPage page)
    {
        var text = await page.Locator(".area[data-range]").GetAttributeAsync("data-range");
        return double.Parse(text!.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
    }

    private string At(string address) => new Uri(_server!.Address, address).ToString();

    private string Record(string name, Action<Run> record, Dictionary<string, string>? config = null, string? message = null)
    {
        using var store = RunStore.Open(_folder);
        using var run = store.Begin(name, "test", config);
        record(run);
        run.Finish(RunStatus.Finished, new Dictionary<string, double> { ["accuracy"] = 0.5 }, message);
        return run.Id;
    }
}
