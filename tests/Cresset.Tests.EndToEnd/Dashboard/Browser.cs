using System.Collections.Concurrent;
using Deque.AxeCore.Commons;
using Microsoft.Playwright;
using Xunit;

[assembly: AssemblyFixture(typeof(Cresset.Tests.EndToEnd.Dashboard.Browser))]

namespace Cresset.Tests.EndToEnd.Dashboard;

/// <summary>
/// One Chromium for all tests of the page, started by the first. A machine without one skips them and says so; continuous integration has
/// one and skips nothing.
/// </summary>
public sealed class Browser : IAsyncDisposable
{
    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge"];
    private static readonly string Axe = new BundledAxeScriptProvider().GetScript();
    private readonly SemaphoreSlim _starting = new(1);
    private readonly ConcurrentDictionary<List<string>, ConcurrentBag<IBrowserContext>> _opened = new(ReferenceEqualityComparer.Instance);
    private IPlaywright? _playwright;
    private IBrowser? _browser;

    /// <summary>A page that fails the test on errors of its scripts and on any request to another machine.</summary>
    public async Task<IPage> Open(List<string> faults, int width = 1280, int height = 800, ColorScheme scheme = ColorScheme.Light)
    {
        var browser = await Start();
        var context =
            await browser.NewContextAsync(
                new()
                {
                    ViewportSize = new() { Width = width, Height = height },
                    ColorScheme = scheme,
                    ReducedMotion = ReducedMotion.Reduce,
                    AcceptDownloads = true
                });
        _opened.GetOrAdd(faults, _ => []).Add(context);
        return await Open(context, faults);
    }

    /// <summary>Ends the pages of a test: left open they go on drawing beside the tests that follow.</summary>
    public async Task Close(List<string> faults)
    {
        if (!_opened.TryRemove(faults, out var contexts)) return;
        foreach (var context in contexts) await context.CloseAsync();
    }

    /// <summary>A further tab of the same browser.</summary>
    public static async Task<IPage> Open(IBrowserContext context, List<string> faults)
    {
        var page = await context.NewPageAsync();
        // A shared machine may be slow; nothing here measures time.
        page.SetDefaultTimeout(90_000);
        page.PageError += (_, error) => faults.Add(error);
        page.Request += (_, request) =>
        {
            if (!request.Url.StartsWith("http://127.0.0.1:", StringComparison.Ordinal)
                && !request.Url.StartsWith("blob:", StringComparison.Ordinal) && !request.Url.StartsWith("data:", StringComparison.Ordinal))
                faults.Add($"a request to {request.Url}");
        };
        page.Dialog += (_, dialog) => faults.Add($"a script of a run was carried out: {dialog.Message}");
        return page;
    }

    /// <summary>Goes to another page as a link does, without loading the document again.</summary>
    public static Task Visit(IPage page, string address)
        => page.EvaluateAsync("a => { history.pushState(null, '', a); dispatchEvent(new PopStateEvent('popstate')); }", "/" + address);

    /// <summary>
    /// Waits until an expression holds. Asked from outside: the page's policy lets no expression be evaluated inside. Of addresses too: a
    /// page that replaces its own is through before a wait for a navigation has begun to listen, now and then.
    /// </summary>
    public static async Task Until(IPage page, string expression)
    {
        for (var i = 0; i < 900; i++)
        {
            if (await page.EvaluateAsync<bool>(expression)) return;
            await Task.Delay(i < 20 ? 20 : 100);
        }
        throw new TimeoutException($"It never came to: {expression}");
    }

    /// <summary>What axe finds serious on a page in light, what of its colours in dark, and whether it is wider than a phone.</summary>
    public static async Task Inspect(IPage page, string name)
    {
        await page.EvaluateAsync("document.documentElement.dataset.theme = 'light'");
        if (!await page.EvaluateAsync<bool>("typeof axe === 'object'")) await page.EvaluateAsync(Axe + "; undefined");
        const string run = "async only => (await axe.run(document, { resultTypes: ['violations'], ...(only ? { runOnly: only } : {}) "
            + "})).violations"
            + ".filter(v => v.impact === 'serious' || v.impact === 'critical').map(v => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map(n "
            + "=> n.html).join(' | ')}`)";
        var found = new List<string>();
        found.AddRange((await page.EvaluateAsync<string[]>(run)).Select(f => $"{name}: {f}"));
        await page.EvaluateAsync("document.documentElement.dataset.theme = 'dark'");
        found.AddRange((await page.EvaluateAsync<string[]>(run, (string[])["color-contrast"])).Select(f => $"{name} in dark: {f}"));
        var wide = page.ViewportSize!;
        await page.SetViewportSizeAsync(390, 800);
        if (await page.EvaluateAsync<int>("document.documentElement.scrollWidth") is > 390 and var width)
            found.Add($"{name} is {width} wide on a phone.");
        await page.SetViewportSizeAsync(wide.Width, wide.Height);
        Assert.True(found.Count == 0, string.Join("\n", found));
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null) await _browser.DisposeAsync();
        _playwright?.Dispose();
        _starting.Dispose();
    }

    private async Task<IBrowser> Start()
    {
        await _starting.WaitAsync();
        try
        {
            if (_browser is not null) return _browser;
            if (Find() is not { } program)
            {
                Assert.False(Environment.GetEnvironmentVariable("CI") == "true",
                    "Continuous integration needs Chromium: .ci/run installs it.");
                Assert.Skip($"None of {string.Join(", ", Names)} is on the PATH; set CRESSET_CHROMIUM to a Chromium.");
                throw new InvalidOperationException();
            }
            _playwright = await Playwright.CreateAsync();
            return _browser =
                await _playwright.Chromium.LaunchAsync(
                    new() { ExecutablePath = program, Args = ["--no-sandbox", "--disable-dev-shm-usage"] });
        }
        finally
        {
            _starting.Release();
        }
    }

    private static string? Find() => Environment.GetEnvironmentVariable("CRESSET_CHROMIUM") is { Length: > 0 } named ? named
        : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .SelectMany(folder => Names.Select(name => Path.Combine(folder, name))).FirstOrDefault(File.Exists);
}
