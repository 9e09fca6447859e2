#:project ../src/Cresset.Dashboard/Cresset.Dashboard.csproj
#:package Microsoft.Playwright
#:property IsPackable=false
#:property PublishAot=false
#:property JsonSerializerIsReflectionEnabledByDefault=true

// Every page of the dashboard in both themes, as docs/dashboard-pages.md shows them: dotnet run -c Release bench/dashboard-pictures.cs RUNS
// OUT CRESSET
// RUNS holds three runs or more of digits-classifier, and one each of a plane flow, vqvae-digits, a grid world and sd3-digits; CRESSET is
// the command that computes.
using Cresset.Dashboard;
using Cresset.Runs;
using Microsoft.Playwright;

if (args is not [var folder, var output, var cresset])
{
    Console.Error.WriteLine("dotnet run -c Release bench/dashboard-pictures.cs RUNS OUT CRESSET");
    return 2;
}
Directory.CreateDirectory(output);
using var store = RunStore.OpenReadOnly(folder);
var runs = store.List().Where(r => r.Name == "digits-classifier").Take(4).Select(r => r.Id).ToList();
(string Name, string Address, string Ready)[] pages =
[
    ("runs", "", ".card .spark"),
    ("table", "?as=table", "table.runs td.n"),
    ("run", $"run?id={runs[0]}&together=1&smooth=0.6", ".area[data-loads]"),
    ("pictures", $"run?id={runs[0]}&part=pictures", ".gallery img"),
    ("settings", $"run?id={runs[0]}&part=settings", ".pairs"),
    ("console", $"run?id={runs[0]}&part=console", "#log"),
    ("system", $"run?id={runs[0]}&part=system", ".area[data-loads]"),
    ("about", $"run?id={runs[0]}&part=about", ".pairs"),
    ("compare", "compare?seeds=1&" + string.Join('&', runs.Select(id => "run=" + id)), ".area[data-loads]"),
    ("explore", "explore", ".card"),
    ("activations", "explore?page=activations&names=silu;gelu;mish;relu", "table.runs td.n"),
    ("flows", "explore?page=flows&px=0.9&py=-0.4", "[role=status]:has-text('is at')"),
    ("codebooks", "explore?page=codebooks&picture=3", ".pair img"),
    ("gridworlds", "explore?page=gridworlds", "output[for=sweep]:has-text('sweep')"),
    ("denoising", "explore?page=denoising&prompt=seven&seed=3", ".strip img"),
    ("guide", "guide?name=dashboard", ".guide h1"),
];
await using var server =
    await DashboardServer.Start(
        new DashboardOptions { Folder = folder, Port = 0, ComputeCommand = [cresset, "compute", "--runs", Path.GetFullPath(folder)] });
using var playwright = await Playwright.CreateAsync();
var program = Environment.GetEnvironmentVariable("CRESSET_CHROMIUM")
    ?? Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator).Select(p => Path.Combine(p, "chromium")).First(File.Exists);
await using var browser =
    await playwright.Chromium.LaunchAsync(new() { ExecutablePath = program, Args = ["--no-sandbox", "--disable-dev-shm-usage"] });
foreach (var (theme, scheme) in new[] { ("light", ColorScheme.Light), ("dark", ColorScheme.Dark) })
{
    var page =
        await browser.NewPageAsync(
            new() { ViewportSize = new() { Width = 1080, Height = 760 }, ColorScheme = scheme, ReducedMotion = ReducedMotion.Reduce });
    page.SetDefaultTimeout(120_000);
    foreach (var (name, address, ready) in pages)
    {
        await page.GotoAsync(new Uri(server.Address, address).ToString());
        await page.Locator(ready).First.WaitForAsync();
        await page.WaitForTimeoutAsync(1500);
        await page.ScreenshotAsync(new() { Path = Path.Combine(output, $"dashboard-{name}-{theme}.png") });
    }
    await page.CloseAsync();
}
// As a phone shows it.
var phone =
    await browser.NewPageAsync(
        new() { ViewportSize = new() { Width = 390, Height = 760 }, ColorScheme = ColorScheme.Dark, ReducedMotion = ReducedMotion.Reduce });
foreach (var (name, address, ready) in pages.Where(p => p.Name is "runs" or "run" or "flows"))
{
    await phone.GotoAsync(new Uri(server.Address, address).ToString());
    await phone.Locator(ready).First.WaitForAsync(new() { Timeout = 120_000 });
    await phone.WaitForTimeoutAsync(1500);
    await phone.ScreenshotAsync(new() { Path = Path.Combine(output, $"dashboard-{name}-phone.png") });
}
return 0;
