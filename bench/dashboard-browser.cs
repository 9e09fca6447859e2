#:project ../src/Cresset.Dashboard/Cresset.Dashboard.csproj
#:package Microsoft.Playwright
#:property IsPackable=false
#:property PublishAot=false
#:property JsonSerializerIsReflectionEnabledByDefault=true

// How fast the dashboard is in a browser: dotnet run -c Release bench/dashboard.cs make STORES; dotnet run -c Release
// bench/dashboard-browser.cs STORES [watched]
// Needs a Chromium on the PATH (or CRESSET_CHROMIUM). Times are taken inside the page, up to the frame after the drawing; server and
// trainer are processes of their own.
using System.Diagnostics;
using System.Globalization;
using Cresset.Dashboard;
using Cresset.Runs;
using Microsoft.Playwright;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
switch (args)
{
    case ["serve", var folder]:
    {
        await using var server = await DashboardServer.Start(new DashboardOptions { Folder = folder, Port = 0 });
        Console.WriteLine(server.Address);
        Console.In.ReadToEnd();
        return;
    }
    case ["train", var folder, var work]:
        Train(folder, double.Parse(work, CultureInfo.InvariantCulture));
        return;
    case [var stores]:
        await Pages(stores);
        return;
    case [var stores, "watched"]:
        await Watched(Path.Combine(stores, "live"));
        return;
    default:
        Console.Error.WriteLine(
            "dotnet run -c Release bench/dashboard-browser.cs STORES [watched]   (made by: dotnet run -c Release bench/dashboard.cs make "
                + "STORES)");
        Environment.Exit(2);
        return;
}

static async Task Pages(string stores)
{
    using var playwright = await Playwright.CreateAsync();
    await using var browser = await Launch(playwright);
    // What the browser itself takes for a picture of 1 kB, to be seen beside the pages.
    await using (var served = await Served.Start(Path.Combine(stores, "long")))
        await Opened(browser, "a picture alone", new Uri(served.Address, "page/icon.svg").ToString(), "svg");
    await Hundred(browser, Path.Combine(stores, "hundred"));
    await Long(browser, Path.Combine(stores, "long"));
    await Thousand(browser, Path.Combine(stores, "thousand"));
}

static async Task Hundred(IBrowser browser, string folder)
{
    Console.WriteLine("1,000,000 points in 100 runs, all in one panel");
    await using var served = await Served.Start(folder);
    using var store = RunStore.OpenReadOnly(folder);
    var address = new Uri(served.Address, "compare?" + string.Join('&', store.List().Select(run => "run=" + run.Id))).ToString();
    await Opened(browser, "opened, all curves drawn", address, ".area[aria-label*='1,000,000 points']");
    await Zoomed(browser, address);
    Say("peak memory of the server", served.Peak(), "MB");
}

static async Task Long(IBrowser browser, string folder)
{
    Console.WriteLine("1,000,000 points in one series");
    await using var served = await Served.Start(folder);
    using var store = RunStore.OpenReadOnly(folder);
    var address = new Uri(served.Address, "run?id=" + store.List()[0].Id).ToString();
    await Opened(browser, "opened, curve drawn", address, ".area[aria-label*='1,000,000 points']");
    await Zoomed(browser, address);
    Say("peak memory of the server", served.Peak(), "MB");
}

static async Task Thousand(IBrowser browser, string folder)
{
    Console.WriteLine("1,000 runs of 10 series");
    await using var served = await Served.Start(folder);
    await Opened(browser, "opened, runs listed with their curves", served.Address.ToString(), ".card .spark");
    Say("peak memory of the server", served.Peak(), "MB");
}

// From the start of the navigation to the second frame after what was waited for is there: the first visit of a new profile, in which the
// browser starts a process for the page and compiles its scripts, and later ones of the same tab.
static async Task Opened(IBrowser browser, string what, string address, string selector)
{
    var (first, later) = (new List<double>(), new List<double>());
    for (var i = 0; i < 3; i++)
    {
        await using var profile = await browser.NewContextAsync();
        var page = await profile.NewPageAsync();
        for (var visit = 0; visit < 4; visit++)
        {
            await page.GotoAsync(address, new() { WaitUntil = WaitUntilState.Commit });
            (visit == 0 ? first : later).Add(await page.EvaluateAsync<double>(
                "selector => new Promise(done => { const look = () => document.querySelector(selector) ? requestAnimationFrame(() => "
                    + "requestAnimationFrame(() => done(performance.now()))) : setTimeout(look, 1); look(); })", selector));
            await page.GotoAsync("about:blank");
        }
    }
    Say(what + ", first visit", Median(first), "ms");
    Say(what + ", later visits", Median(later), "ms");
}

// From the key to the frame in which the known points stand in the new range, as the browser itself says when it showed it (event timing,
// in steps of 8 ms), and to the second frame after every point of it is there.
static async Task Zoomed(IBrowser browser, string address)
{
    var page = await browser.NewPageAsync(new() { ViewportSize = new() { Width = 1280, Height = 900 } });
    await page.GotoAsync(address);
    await page.Locator(".area[aria-label*='1,000,000 points']").WaitForAsync();
    await page.WaitForTimeoutAsync(500);
    var (first, whole) = (new List<double>(), new List<double>());
    await page.EvaluateAsync("""
        () => {
          const area = document.querySelector('.area[data-range]');
          area.focus();
          window.shown = [];
          new PerformanceObserver(list => list.getEntries().forEach(e => e.name === 'keydown' && window.shown.push(e.duration)))
            .observe({ type: 'event', durationThreshold: 16 });
          area.addEventListener('keydown', event => {
            const loads = Number(area.dataset.loads);
            window.whole = new Promise(done => {
              const look = () => Number(area.dataset.loads) > loads
                ? requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - event.timeStamp))) : setTimeout(look, 1);
              setTimeout(look, 1);
            });
          }, true);
        }
        """);
    foreach (var key in (string[])["+", "+", "ArrowRight", "ArrowRight", "+", "+", "ArrowLeft", "-", "ArrowRight", "+", "+"])
    {
        await page.Keyboard.PressAsync(key);
        whole.Add(await page.EvaluateAsync<double>("() => window.whole"));
        await page.WaitForTimeoutAsync(200);
        // What was shown sooner than the 16 ms from which the browser tells is told as that.
        first.Add(await page.EvaluateAsync<double>("() => window.shown.shift() ?? 16"));
    }
    Say("zoom, first picture of the new range", Median(first), "ms");
    Say("zoom, all its points", Median(whole), "ms");
    await page.CloseAsync();
}

// A trainer of about 1,000 steps per second that logs a point a step: alone, and with ten tabs of one browser and two other browsers on its
// page.
static async Task Watched(string folder)
{
    using var playwright = await Playwright.CreateAsync();
    Console.WriteLine("a trainer that logs 1,000 points per second for 10 seconds");
    if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
    Directory.CreateDirectory(folder);
    var work = Calibrate();
    var (alone, watched) = (new List<double>(), new List<double>());
    for (var round = 0; round < 3; round++)
    {
        alone.Add(await Trained(folder, work));
        Console.WriteLine($"  round {round + 1}: alone {alone[^1]:0.00} s");
        await using var served = await Served.Start(folder);
        var browsers = await Task.WhenAll(Launch(playwright), Launch(playwright), Launch(playwright));
        var pages = new List<IPage>();
        for (var i = 0; i < 12; i++)
        {
            // A window shows one of its tabs: of the first browser's ten, nine are hidden, as they would be.
            var page = await browsers[i < 10 ? 0 : i - 9].NewPageAsync();
            if (i is > 0 and < 10) await page.AddInitScriptAsync("Object.defineProperty(document, 'hidden', { value: true })");
            await page.GotoAsync(served.Address.ToString());
            pages.Add(page);
        }
        watched.Add(await Trained(folder, work, async () =>
        {
            // A hidden tab is told nothing: it is sent to the run.
            await pages[0].Locator(".card:has(.status.running) h2 a").First.ClickAsync(new() { Timeout = 60_000 });
            await pages[0].WaitForURLAsync("**/run?id=*");
            foreach (var page in pages.Skip(1)) await page.GotoAsync(pages[0].Url);
            foreach (var page in pages) await page.Locator("#stop").WaitForAsync(new() { Timeout = 60_000 });
            await Task.Delay(3000);
        }));
        Console.WriteLine($"  round {round + 1}: watched {watched[^1]:0.00} s");
        foreach (var page in new[] { pages[0], pages[10], pages[11] })
            await page.Locator(".area[aria-label*='10,000 points']").WaitForAsync();
        Console.WriteLine($"  {"points in the store and on the three pages that are seen",-52} {10_000,8}");
        foreach (var browser in browsers) await browser.DisposeAsync();
    }
    Say("alone", Median(alone), "s");
    Say("watched by ten tabs and two other browsers", Median(watched), "s");
    Say("slower by", ((Median(watched) / Median(alone)) - 1) * 100, "%");
}

static async Task<double> Trained(string folder, double work, Func<Task>? watch = null)
{
    using var trainer =
        Process.Start(
            new ProcessStartInfo(Environment.ProcessPath!,
                ["train", folder, work.ToString("R", CultureInfo.InvariantCulture)]) { RedirectStandardInput = true,
                    RedirectStandardOutput = true })!;
    // The run is there and waits: what is measured is the watching, not the opening of twelve pages.
    if (watch is not null) await watch();
    await trainer.StandardInput.WriteLineAsync();
    await trainer.StandardInput.FlushAsync();
    var said = (await trainer.StandardOutput.ReadToEndAsync()).Trim();
    await trainer.WaitForExitAsync();
    using var store = RunStore.OpenReadOnly(folder);
    var count = store.Series(store.Find("latest").Id).Single(s => s.Tag == "loss").Count;
    return count == 10_000 ? double.Parse(said, CultureInfo.InvariantCulture)
        : throw new InvalidDataException($"{count} of 10,000 points were stored.");
}

static void Train(string folder, double work)
{
    using var store = RunStore.Open(folder);
    using var run = store.Begin("live", "bench", new Dictionary<string, string> { ["trainer.steps"] = "10000" });
    Console.In.ReadLine();
    for (var i = 0; i < 500; i++) Work(work);
    var clock = Stopwatch.StartNew();
    for (var i = 1; i <= 10_000; i++) run.Scalar("loss", i, Work(work));
    Console.WriteLine(clock.Elapsed.TotalSeconds.ToString("R", CultureInfo.InvariantCulture));
    run.Finish(RunStatus.Finished);
}

// Arithmetic that takes about a millisecond, the same every time.
static double Work(double rounds)
{
    var x = 0.5;
    for (var i = 0; i < rounds; i++) x = 3.7 * x * (1 - x);
    return x;
}

static double Calibrate()
{
    Work(1e7);
    var clock = Stopwatch.StartNew();
    Work(1e8);
    return 1e8 / clock.Elapsed.TotalMilliseconds;
}

static Task<IBrowser> Launch(IPlaywright playwright)
{
    var program = Environment.GetEnvironmentVariable("CRESSET_CHROMIUM")
        ?? Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator).Select(p => Path.Combine(p, "chromium"))
            .First(File.Exists);
    return playwright.Chromium.LaunchAsync(new() { ExecutablePath = program, Args = ["--no-sandbox", "--disable-dev-shm-usage"] });
}

static double Median(List<double> times) => times.Order().ElementAt(times.Count / 2);

static void Say(string what, double value, string unit) => Console.WriteLine($"  {what,-52} {value,8:0.0} {unit}");

internal sealed class Served(Process process, Uri address) : IAsyncDisposable
{
    public Uri Address => address;

    public static async Task<Served> Start(string folder)
    {
        var process =
            Process.Start(
                new ProcessStartInfo(Environment.ProcessPath!, ["serve", folder]) { RedirectStandardInput = true,
                    RedirectStandardOutput = true })!;
        return new Served(process, new Uri((await process.StandardOutput.ReadLineAsync())!));
    }

    public double Peak()
    {
        process.Refresh();
        return process.PeakWorkingSet64 / 1e6;
    }

    public async ValueTask DisposeAsync()
    {
        process.StandardInput.Close();
        await process.WaitForExitAsync();
        process.Dispose();
    }
}
