using System.Text.Json;
using Cresset.Dashboard;
using Cresset.Runs;
using Cresset.Tests.EndToEnd.Cli;
using Microsoft.Playwright;
using Xunit;

namespace Cresset.Tests.EndToEnd.Dashboard;

/// <summary>
/// Pages on what models do: with the command itself computing behind them, and with answers that are given so that every part of a page is
/// met.
/// </summary>
public sealed class SubjectPageTests(Browser browser) : IAsyncLifetime
{
    private const string PixelText = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    private static readonly double[] Quarter = [0.1, 0.3, 0.25, 0.25];
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-subjects-").FullName;
    private readonly List<string> _faults = [];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await browser.Close(_faults);
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task PagesComputeOnDemandAndShowRecordedPicturesWithoutIt()
    {
        var solved = CressetProcess.Run(_folder, "train", "zhao-gridworld-value-iteration", "--quiet");
        Assert.True(solved.Code == 0, solved.Error);
        var runs = Path.Combine(_folder, "runs");
        Record(runs, "plane-flow", "density");
        await using (var server =
            await DashboardServer.Start(
                new DashboardOptions { Folder = runs, Port = 0, ComputeCommand = [CressetProcess.Path, "compute", "--runs", runs] }))
        {
            var page = await browser.Open(_faults);
            await page.GotoAsync(new Uri(server.Address, "explore").ToString());
            await page.Locator(".card", new() { HasText = "Activations" }).WaitForAsync();
            Assert.True(await page.Locator(".card").CountAsync() >= 5);
            await Browser.Visit(page, "explore?page=activations&names=gelu&x=1");
            await page.Locator("table.runs", new() { HasText = "0.84134" }).WaitForAsync();
            await page.Locator("#names").FillAsync("<img src=x onerror=alert(1)>");
            await page.Locator(".message", new() { HasText = "<img" }).WaitForAsync();
            await page.Locator("#names").FillAsync("silu");
            await page.Locator("table.runs", new() { HasText = "0.73106" }).WaitForAsync();
            await Browser.Inspect(page, "activations");
            await Browser.Visit(page, "explore?page=gridworlds");
            await page.Locator("output[for=sweep]", new() { HasText = "sweep 1" }).WaitForAsync();
            await page.Keyboard.PressAsync("]");
            await page.Locator("output[for=sweep]", new() { HasText = "sweep 2" }).WaitForAsync();
            await Browser.Inspect(page, "gridworlds");
            await Browser.Visit(page, "explore?page=flows");
            await page.Locator(".gallery figure", new() { HasText = "<b>caption</b>" }).WaitForAsync();
            await page.Locator("[role=status]", new() { HasText = "config.yaml" }).WaitForAsync();
            await page.Locator("a", new() { HasText = "Guide" }).ClickAsync();
            await page.Locator(".guide h1").WaitForAsync();
        }
        await using (var only = await DashboardServer.Start(new DashboardOptions { Folder = runs, Port = 0 }))
        {
            var page = await browser.Open(_faults, width: 390, scheme: ColorScheme.Dark);
            await page.GotoAsync(new Uri(only.Address, "explore?page=flows").ToString());
            await page.Locator(".gallery figure").WaitForAsync();
            await page.Locator(".hint", new() { HasText = "does not compute" }).WaitForAsync();
        }
        Assert.Empty(_faults);
    }

    [Fact]
    public async Task APointIsDraggedStepsArePlayedAndPromptsAreDrawn()
    {
        foreach (var (job, tag) in new[] { ("plane-flow", "density"), ("tokenizer", "usage"), ("sd3-miniature", "samples"),
            ("detector", "detections") }) Record(_folder, job, tag);
        await using var server =
            await DashboardServer.Start(
                new DashboardOptions { Folder = _folder, Port = 0, ComputeCommand = [CressetProcess.Path, "compute"] });
        var page = await browser.Open(_faults);
        var asked = new List<JsonElement>();
        await page.RouteAsync("**/api/compute", async route =>
        {
            var question = route.Request.PostDataJSON()!.Value;
            lock (asked) asked.Add(question);
            await route.FulfillAsync(
                new() { ContentType = "application/json", Body = JsonSerializer.Serialize(new { result = Answer(question) }) });
        });
        await page.GotoAsync(new Uri(server.Address, "explore?page=flows").ToString());
        await page.Locator("[role=status]", new() { HasText = "is at" }).WaitForAsync();
        var box = (await page.Locator("#noise").BoundingBoxAsync())!;
        await page.Mouse.MoveAsync(box.X + (box.Width / 2), box.Y + (box.Height / 2));
        await page.Mouse.DownAsync();
        await page.Mouse.MoveAsync(box.X + (box.Width * 0.75f), box.Y + (box.Height / 4), new() { Steps = 4 });
        await page.Mouse.UpAsync();
        // Three quarters to the right and to the top of a window that reaches from -4 to 4; the flow of the test moves each point by one.
        await page.Locator("[role=status]", new() { HasText = "(2, 2) is at (3, 2)" }).WaitForAsync();
        await page.Locator("#noise").FocusAsync();
        await page.Keyboard.PressAsync("ArrowLeft");
        await page.Locator("[role=status]", new() { HasText = "(1.9, 2) is at (2.9, 2)" }).WaitForAsync();
        await page.Locator("#flowstep").FocusAsync();
        await page.Keyboard.PressAsync("Home");
        await page.Locator("output[for=flowstep]", new() { HasText = "noise" }).WaitForAsync();
        await Browser.Until(page, "location.href.includes('px=1.9')");
        await Browser.Inspect(page, "flows");

        await Browser.Visit(page, "explore?page=denoising&prompt=one&seed=7");
        await page.Locator("output[for=denoise]", new() { HasText = "step 2 of 2" }).WaitForAsync();
        await page.Keyboard.PressAsync("[");
        await page.Locator("output[for=denoise]", new() { HasText = "step 1 of 2" }).WaitForAsync();
        await page.Locator("button[aria-label='Show step 0']").ClickAsync();
        await page.Locator("output[for=denoise]", new() { HasText = "noise" }).WaitForAsync();
        await page.Locator("#guidance").FillAsync("5");
        await page.Keyboard.PressAsync("Enter");
        await Browser.Until(page, "location.href.includes('guidance=5')");
        lock (asked)
            Assert.Contains(asked,
                q => q.GetProperty("what").GetString() == "denoising-steps" && q.GetProperty("prompt").GetString() == "one"
                    && q.GetProperty("seed").GetInt32() == 7);
        await Browser.Inspect(page, "denoising");

        await Browser.Visit(page, "explore?page=codebooks");
        await page.Locator(".panel", new() { HasText = "2 of 4 codes" }).WaitForAsync();
        await Browser.Inspect(page, "codebooks");

        await Browser.Visit(page, "explore?page=detection&confidence=0.2&kind=background");
        await page.Locator(".tile", new() { HasText = "Precision0.5" }).WaitForAsync();
        await page.Locator(".mark.background", new() { HasText = "<i>7</i> 0.40" }).WaitForAsync();
        await page.Locator("#confidence").FillAsync("0.5");
        await page.Locator(".empty", new() { HasText = "None at this confidence" }).WaitForAsync();
        await page.Locator("#kind-hit").ClickAsync();
        Assert.Equal(1, await page.Locator(".mark.hit").CountAsync());
        Assert.Equal(1, await page.Locator(".mark.missed").CountAsync());
        await page.Locator("#masks").SelectOptionAsync("true");
        await Browser.Until(page, "location.href.includes('masks=true')");
        await Browser.Inspect(page, "detection");
        Assert.Empty(_faults);
    }

    private static object Answer(JsonElement question) => question.GetProperty("what").GetString() switch
    {
        "flow-steps" when question.TryGetProperty("own", out var own) =>
            new { states = new[] { Numbers(own), [Numbers(own)[0] + 1, Numbers(own)[1]] } },
        "flow-steps" =>
            new
            {
                steps = new[] { "noise", "transform 1" },
                states = new[] { new[] { 0.0, 0, 1, 1 }, [1.0, 0, 2, 1] },
                reach = 4.0,
                side = 2,
                density = new[] { 0.1, 0.2, 0.3, 0.4 }
            },
        "detection-errors" => new
        {
            statistics = new[] { new { name = "AP", value = 0.5 } },
            confidence = 0.3,
            classes = new[] { new { id = 1, name = "<i>7</i>", objects = 2, ap = 0.5,
                curve = new { recall = new[] { 0.5, 0.5 }, precision = new[] { 1.0, 0.5 }, score = new[] { 0.9, 0.4 } } } },
            detections = new[] { new { image = 1, @class = 1, score = 0.9, box = Quarter, kind = "hit" },
                new { image = 1, @class = 1, score = 0.4, box = Quarter, kind = "background" } },
            objects = new object[] { new { image = 1, @class = 1, box = Quarter, foundAt = 0.9 },
                new { image = 1, @class = 1, box = Quarter, foundAt = (double?)null } },
            images = new[] { new { id = 1, png = PixelText } },
        },
        "picture-codes" =>
            new
            {
                of = 3,
                original = PixelText,
                rebuilt = PixelText,
                levels = new[] { new { shape = new[] { 1, 2, 2 }, codes = new[] { 0, 1, 1, 0 } } },
                usage = new[] { new { counts = new[] { 3, 1, 0, 0 }, used = 2, size = 4, perplexity = 1.75 } }
            },
        _ => new { names = new[] { "zero", "one" }, prompt = "one", frames = new[] { PixelText, PixelText, PixelText } },
    };

    private static double[] Numbers(JsonElement list) => [.. list.EnumerateArray().Select(v => v.GetDouble())];

    // A picture of a run without a model behind it: what is recorded shows, the rest is a sentence.
    private static void Record(string runs, string job, string tag)
    {
        using var store = RunStore.Open(runs);
        using var run = store.Begin(job, "train", new Dictionary<string, string> { ["job"] = job });
        run.Picture(tag, 10, Convert.FromBase64String(PixelText), "<b>caption</b>");
        run.Finish(RunStatus.Finished);
    }
}
