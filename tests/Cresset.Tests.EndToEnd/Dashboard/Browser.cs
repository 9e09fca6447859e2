using Microsoft.Playwright;
using Xunit;

namespace Cresset.Tests.EndToEnd.Dashboard;

/// <summary>One Chromium for all tests of the page. A machine without one skips them and says so; continuous integration has one and skips nothing.</summary>
public sealed class Browser : IAsyncLifetime
{
    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge"];
    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public async ValueTask InitializeAsync()
    {
        if (Find() is not { } program) return;
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = program, Args = ["--no-sandbox", "--disable-dev-shm-usage"] });
    }

    /// <summary>A page that fails the test on errors of its scripts and on any request to another machine.</summary>
    public async Task<IPage> Open(List<string> faults, int width = 1280, int height = 800, ColorScheme scheme = ColorScheme.Light)
    {
        if (_browser is null)
        {
            Assert.False(Environment.GetEnvironmentVariable("CI") == "true", "Continuous integration needs Chromium: .ci/run installs it.");
            Assert.Skip($"None of {string.Join(", ", Names)} is on the PATH; set CRESSET_CHROMIUM to a Chromium.");
        }
        var context = await _browser.NewContextAsync(new() { ViewportSize = new() { Width = width, Height = height }, ColorScheme = scheme, ReducedMotion = ReducedMotion.Reduce, AcceptDownloads = true });
        var page = await context.NewPageAsync();
        // A shared machine may be slow; nothing here measures time.
        page.SetDefaultTimeout(90_000);
        page.PageError += (_, error) => faults.Add(error);
        page.Request += (_, request) =>
        {
            if (!request.Url.StartsWith("http://127.0.0.1:", StringComparison.Ordinal) && !request.Url.StartsWith("blob:", StringComparison.Ordinal) && !request.Url.StartsWith("data:", StringComparison.Ordinal)) faults.Add($"a request to {request.Url}");
        };
        page.Dialog += (_, dialog) => faults.Add($"a script of a run was carried out: {dialog.Message}");
        return page;
    }

    /// <summary>Waits until an expression holds. Asked from outside: the page's policy lets no expression be evaluated inside.</summary>
    public static async Task Until(IPage page, string expression)
    {
        for (var i = 0; i < 900; i++)
        {
            if (await page.EvaluateAsync<bool>(expression)) return;
            await Task.Delay(100);
        }
        throw new TimeoutException($"It never came to: {expression}");
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null) await _browser.DisposeAsync();
        _playwright?.Dispose();
    }

    private static string? Find() => Environment.GetEnvironmentVariable("CRESSET_CHROMIUM") is { Length: > 0 } named ? named
        : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).SelectMany(folder => Names.Select(name => Path.Combine(folder, name))).FirstOrDefault(File.Exists);
}
