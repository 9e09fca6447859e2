using Cresset.Dashboard;
using Cresset.Runs;
using Microsoft.Playwright;
using Xunit;

namespace Cresset.Tests.EndToEnd.Dashboard;

/// <summary>The page as a person meets it, in a real browser.</summary>
public sealed class DashboardPageTests(Browser browser) : IAsyncLifetime
{
    private const string Hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>";
    private const int Points = 1_000_000, Spike = 654_321;
    private static readonly byte[] Pixel = Convert.FromBase64String(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==");
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-page-").FullName;
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
    public async Task AZoomShowsASpikeOfOnePointAmongAMillion()
    {
        var id = Record("spiky", run =>
        {
            for (var i = 0; i < Points; i++) run.Scalar("loss", i, i == Spike ? 100 : 1);
        });
        var page = await browser.Open(_faults);
        await page.GotoAsync(At($"run?id={id}"));
        await page.Locator(".panel canvas").WaitForAsync();
        await Shows(page, "1,000,000 points");
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
        await Browser.Until(page, "location.href.includes('from=250000')");
        await page.Keyboard.PressAsync("0");
        await Browser.Until(page, "!location.href.includes('from=')");
        Assert.Equal(0x89, (await Saved(page.Locator("button[aria-label='Save loss as PNG']")))[0]);
        Assert.Contains("<svg", System.Text.Encoding.UTF8.GetString(await Saved(page.Locator("button[aria-label='Save loss as SVG']"))),
            StringComparison.Ordinal);
        Assert.Empty(_faults);
    }

    [Fact]
    public async Task TheSearchTakesTheConditionsOfTheCommand()
    {
        foreach (var (rate, tag) in new[] { ("0.001", "to be redone"), ("0.01", "good"), ("0.1", "good") })
        {
            var config = new Dictionary<string, string> { ["optimization.optimizer.learning_rate"] = rate };
            Record(new RunDescription { Name = rate, Kind = "test", Config = config, Tags = [tag] }, run => run.Scalar("loss", 1, 1));
        }
        var page = await browser.Open(_faults);
        await page.GotoAsync(At(""));
        foreach (var (condition, found) in new[]
        {
            ("lr<0.05 and tag:good", "0.01"), ("(lr<0.005 or lr > 0.05) and loss<=1", "0.001,0.1"), ("not (tag:good or lr<0)", "0.001"),
            ("tag:\"to be redone\"", "0.001"), ("kind:test AND not lr~0.0", "0.1"), ("0.01 or 0.1", "0.01,0.1"),
        })
        {
            await page.Locator("#search").FillAsync(condition);
            await Browser.Until(page,
                $"[...document.querySelectorAll('.card h2 a')].map(a => a.firstChild.data).sort().join() === '{found}'");
        }
        // Half a condition hides nothing and says what is missing; a mistyped key is named.
        await page.Locator("#search").FillAsync("(lr<0.05");
        await page.Locator("[role=status]", new() { HasText = "All runs: a ( is not closed." }).WaitForAsync();
        Assert.Equal(3, await page.Locator(".card").CountAsync());
        await page.Locator("#search").FillAsync("learning_rat<1");
        await page.Locator(".empty", new() { HasText = "No run has a figure or setting learning_rat." }).WaitForAsync();
        // A click on a label with blanks finds it again.
        await page.Locator("#search").FillAsync("redone");
        await page.Locator("button.tag").ClickAsync();
        await Browser.Until(page, "document.getElementById('search').value === 'tag:\"to be redone\"'");
        Assert.Equal(1, await page.Locator(".card").CountAsync());
        Assert.Empty(_faults);
    }

    [Fact]
    public async Task ScriptsInTextsStayText()
    {
        string[] ids = [.. new[] { "1", "2" }.Select(seed => Record(new RunDescription
        {
            Name = Hostile,
            Kind = Hostile,
            Config = new Dictionary<string, string> { [Hostile] = Hostile + seed, ["job"] = Hostile },
            Environment = new Dictionary<string, string> { [Hostile] = Hostile, ["recipe:" + Hostile] = Hostile },
            Tags = [Hostile],
            Note = Hostile,
        }, run =>
        {
            run.Scalar(Hostile, 1, 1);
            run.Scalar(Hostile, 2, 2);
            run.Picture(Hostile, 1, Pixel, Hostile);
            run.Text(Hostile, 1, Hostile);
            run.Histogram(Hostile, 1, new float[] { 1, 2 });
            File.WriteAllText(Path.Combine(run.Folder, "log.txt"), Hostile);
        }, Hostile))];
        using var store = RunStore.Open(_folder);
        using var live = store.Begin(Hostile, Hostile);
        store.Ask(live.Id, RunRequest.Rate, Hostile);
        live.Answer(await Taken(live), Hostile);
        live.Flush();
        var page = await browser.Open(_faults);
        await page.GotoAsync(At(""));
        await page.Locator(".card").First.WaitForAsync();
        Assert.Contains("<script>", await page.Locator(".card h2").First.InnerTextAsync(), StringComparison.Ordinal);
        string[] shown = ["?as=table",
            .. new[] { "curves", "pictures", "distributions", "settings", "texts", "console",
                "about" }.Select(part => $"run?id={ids[0]}&part={part}"), $"compare?run={ids[0]}&run={ids[1]}", "run?id=" + live.Id,
                "explore", "guide?name=" + Uri.EscapeDataString(Hostile), "run?id=" + Uri.EscapeDataString(Hostile)];
        foreach (var address in shown)
        {
            await Browser.Visit(page, address);
            await page.Locator(
                "table.runs, .panel canvas, .gallery figure, .drawing, .pairs, .text, #log, .card, .requests, "
                    + ".empty:not(:text('Loading'))").First.WaitForAsync();
            Assert.Equal(0, await page.Locator("main script, main img[src='x'], .banner img").CountAsync());
            if (address.StartsWith("run?id=" + ids[0], StringComparison.Ordinal))
                Assert.Contains("<script>", await page.Locator("#part, .run-head").First.InnerTextAsync(), StringComparison.Ordinal);
        }
        Assert.Empty(_faults);
    }

    [Fact]
    public async Task EveryPagePassesAxeInBothThemesAndFitsAPhone()
    {
        var config = (double lr) => new Dictionary<string, string> { ["lr"] = $"{lr}", ["seed"] = "1" };
        var ids = new[] { 0.1, 0.2 }.Select(lr => Record("axe", run =>
        {
            for (var i = 0; i < 50; i++) run.Scalar("train/loss", i, 1.0 / (i + 1));
            for (var i = 0; i < 50; i++) run.Scalar("system/processor", i, i);
            run.Picture("samples", 10, Pixel, "a pixel");
            run.Picture("samples", 20, Pixel, "a pixel");
            run.Text("log", 1, "words");
            run.Histogram("weights", 1, new float[] { 1, 2, 2, 3 });
            File.WriteAllText(Path.Combine(run.Folder, "log.txt"), "step 1\nstep 2");
            run.Tag("good");
            run.Note("a note");
        }, config(lr))).ToArray();
        using var store = RunStore.Open(_folder);
        using var live = store.Begin("live", "train", new Dictionary<string, string> { ["trainer.steps"] = "100" });
        live.Scalar("train/loss", 1, 1);
        live.Flush();
        string[] parts = ["curves", "pictures", "distributions", "settings", "texts", "console", "system", "about"];
        string[] addresses = ["", "?as=table", "run?id=" + live.Id, .. parts.Select(part => $"run?id={ids[0]}&part={part}"),
            $"compare?run={ids[0]}&run={ids[1]}", "compare", "explore", "guide?name=dashboard"];
        var page = await browser.Open(_faults);
        await page.GotoAsync(At(""));
        foreach (var address in addresses)
        {
            await Browser.Visit(page, address);
            await page.Locator(
                ".card, table, .panel canvas, .gallery figure, .drawing, .text, #log, .guide, "
                    + ".empty:not(:text('Loading'))").First.WaitForAsync();
            await Browser.Inspect(page, address);
        }
        await page.Keyboard.PressAsync("?");
        await page.Locator("dialog[open]").WaitForAsync();
        await Browser.Inspect(page, "the keys");
        Assert.Empty(_faults);
    }

    [Fact]
    public async Task SeriesShareAPanelByNameOrByChoiceAndStandOverEpochs()
    {
        var id = Record("epochs", run =>
        {
            for (var i = 1; i <= 40; i++)
            {
                run.Scalar("train/loss", i, 1.0 / i);
                run.Scalar("train/epoch", i, i / 8.0);
                run.Scalar("train/rate", i, 1);
            }
            run.Scalar("eval/loss", 20, 0.5);
            run.Scalar("eval/loss", 40, 0.25);
        });
        var page = await browser.Open(_faults);
        await page.GotoAsync(At($"run?id={id}&x=epoch"));
        await page.Locator(".area[data-shown='0.125 5 true']").First.WaitForAsync();
        Assert.Equal(3, await page.Locator(".panel").CountAsync());
        await page.Locator("#together").CheckAsync();
        await page.Locator(".area[aria-label^='eval/loss + train/loss: 42 points']").WaitForAsync();
        await page.Locator("select[aria-label='Draw another series with train/rate']").SelectOptionAsync("train/loss");
        await page.Locator(".area[aria-label^='train/rate + train/loss: 80 points']").WaitForAsync();
        await Browser.Until(page, "location.href.includes('join=')");
        await page.ReloadAsync();
        await page.Locator(".area[aria-label^='train/rate + train/loss: 80 points']").WaitForAsync();
        await page.Locator("button[aria-label='A panel for each of train/rate and train/loss']").ClickAsync(new() { Force = true });
        await page.Locator(".area[aria-label^='train/rate: 40 points']").WaitForAsync();
        Assert.Empty(_faults);
    }

    [Fact]
    public async Task ComparisonsAreSortedSavedAndKeptInTheAddress()
    {
        var ids = new[] { (0.1, 1), (0.1, 2), (0.3, 1) }.Select(c => Record("sweep", run =>
        {
            for (var i = 1; i <= 20; i++) run.Scalar("loss", i, c.Item1 * c.Item2 / i);
        }, new Dictionary<string, string> { ["lr"] = $"{c.Item1}", ["seed"] = $"{c.Item2}" })).ToArray();
        var page = await browser.Open(_faults);
        await page.GotoAsync(At("compare?" + string.Join('&', ids.Select(id => "run=" + id))));
        await page.Locator(".area[aria-label^='loss: 60 points']").WaitForAsync();
        await page.Locator("[id='sort-lr']").ClickAsync();
        Assert.Equal(["0.3", "0.1", "0.1"], await page.Locator("table.runs tbody tr td:nth-child(2)").AllInnerTextsAsync());
        await page.Locator("#seeds").CheckAsync();
        await page.Locator(".area[aria-label*='(2 seeds)']").WaitForAsync();
        await page.Locator($"[id='show-{ids[2]}']").ClickAsync();
        await page.Locator(".area[aria-label^='loss: 40 points']").WaitForAsync();
        await page.ReloadAsync();
        await page.Locator(".area[aria-label^='loss: 40 points'][aria-label*='(2 seeds)']").WaitForAsync();
        Assert.Equal("descending", await page.Locator("th[aria-sort]:has([id='sort-lr'])").GetAttributeAsync("aria-sort"));
        Assert.Contains("0.3", System.Text.Encoding.UTF8.GetString(await Saved(page.Locator("button", new() { HasText = "CSV" }))),
            StringComparison.Ordinal);
        foreach (var drawing in (string[])["Parallel coordinates", "accuracy against lr"])
        {
            Assert.Contains("<svg",
                System.Text.Encoding.UTF8.GetString(await Saved(page.Locator($"button[aria-label='Save {drawing} as SVG']"))),
                StringComparison.Ordinal);
            Assert.Equal(0x89, (await Saved(page.Locator($"button[aria-label='Save {drawing} as PNG']")))[0]);
        }
        Assert.Empty(_faults);
    }

    [Fact]
    public async Task AllTabsShareOneStreamAndHiddenOnesLetGo()
    {
        var id = Record("tabs", run => run.Scalar("loss", 1, 1));
        var first = await browser.Open(_faults);
        var tabs = new List<IPage> { first };
        for (var i = 0; i < 3; i++) tabs.Add(await Browser.Open(first.Context, _faults));
        foreach (var tab in tabs) await tab.GotoAsync(At(tabs.IndexOf(tab) == 0 ? "" : $"run?id={id}"));
        foreach (var tab in tabs) await tab.Locator(".pulse", new() { HasText = "live" }).WaitForAsync();
        Assert.Equal(1, await Readers(first));
        const string hide = "hidden => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true }); "
            + "document.dispatchEvent(new Event('visibilitychange')); }";
        foreach (var tab in tabs[1..]) await tab.EvaluateAsync(hide, true);
        // What happens meanwhile reaches the tab that is seen, and the others when they are seen again.
        using (var store = RunStore.Open(_folder)) store.SetNote(id, "said meanwhile");
        await first.Locator(".notetext", new() { HasText = "said meanwhile" }).WaitForAsync();
        await first.EvaluateAsync(hide, true);
        await Until(async () => await Readers(first) == 0);
        await tabs[1].EvaluateAsync(hide, false);
        await Browser.Until(tabs[1], "document.getElementById('note').value === 'said meanwhile'");
        Assert.Equal(1, await Readers(first));
        Assert.Empty(_faults);
    }

    [Fact]
    public async Task AStoreThatIsDamagedOrLockedIsSaid()
    {
        var id = Record("hurt", run => run.Scalar("loss", 1, 1));
        var page = await browser.Open(_faults);
        await page.GotoAsync(At($"run?id={id}"));
        await page.Locator("#note").WaitForAsync();
        var database = Path.Combine(_folder, "runs.db");
        using (var other = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={database};Pooling=False"))
        {
            other.Open();
            using var hold = other.CreateCommand();
            hold.CommandText = "BEGIN EXCLUSIVE";
            hold.ExecuteNonQuery();
            await page.Locator("#note").FillAsync("not now");
            await page.Locator("#newtag").FocusAsync();
            await page.Locator(".toast.bad", new() { HasText = "locked by another process" }).WaitForAsync();
            // It can still be read, and what was written is not lost: the page keeps it.
            Assert.Equal("not now", await page.Locator("#note").InputValueAsync());
        }
        foreach (var file in Directory.GetFiles(_folder, "runs.db-*")) File.Delete(file);
        var whole = await File.ReadAllBytesAsync(database);
        await File.WriteAllBytesAsync(database, new byte[4096]);
        await page.Locator(".banner", new() { HasText = "not an intact SQLite database" }).WaitForAsync();
        await File.WriteAllBytesAsync(database, whole);
        await page.Locator(".banner").WaitForAsync(new() { State = WaitForSelectorState.Hidden });
        Assert.Empty(_faults);
    }

    private async Task<int> Readers(IPage page)
    {
        var answer = await page.APIRequest.GetAsync(At("api/state"));
        return (await answer.JsonAsync())!.Value.GetProperty("readers").GetInt32();
    }

    private static async Task Until(Func<Task<bool>> holds)
    {
        for (var i = 0; i < 300; i++)
        {
            if (await holds()) return;
            await Task.Delay(50);
        }
        throw new TimeoutException("It never came to it.");
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

    private static async Task<byte[]> Saved(ILocator button)
    {
        var download = await button.Page.RunAndWaitForDownloadAsync(() => button.ClickAsync(new() { Force = true }));
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
        => Record(new RunDescription { Name = name, Kind = "test", Config = config ?? [] }, record, message);

    private string Record(RunDescription description, Action<Run> record, string? message = null)
    {
        using var store = RunStore.Open(_folder);
        using var run = store.Begin(description);
        record(run);
        run.Finish(RunStatus.Finished, new Dictionary<string, double> { ["accuracy"] = 0.5 }, message);
        return run.Id;
    }
}
