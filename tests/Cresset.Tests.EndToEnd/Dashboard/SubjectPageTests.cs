using Cresset.Dashboard;
using Cresset.Runs;
using Cresset.Tests.EndToEnd.Cli;
using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using Xunit;

namespace Cresset.Tests.EndToEnd.Dashboard;

/// <summary>Pages on what models do, with the command itself computing behind them.</summary>
public sealed class SubjectPageTests(Browser browser) : IClassFixture<Browser>
{
    private static readonly byte[] Pixel = Convert.FromBase64String("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==");

    [Fact]
    public async Task PagesComputeOnDemandAndShowRecordedPicturesWithoutIt()
    {
        var folder = Directory.CreateTempSubdirectory("cresset-subjects-").FullName;
        var faults = new List<string>();
        try
        {
            var solved = CressetProcess.Run(folder, "train", "zhao-gridworld-value-iteration", "--quiet");
            Assert.True(solved.Code == 0, solved.Error);
            var runs = Path.Combine(folder, "runs");
            using (var store = RunStore.Open(runs))
            {
                // A picture of a run without a model behind it: what is recorded shows, the rest is a sentence.
                using var run = store.Begin("flow", "train", new Dictionary<string, string> { ["job"] = "plane-flow" });
                run.Picture("density", 10, Pixel, "<b>caption</b>");
                run.Finish(RunStatus.Finished);
            }
            await using (var server = await DashboardServer.Start(new DashboardOptions { Folder = runs, Port = 0, ComputeCommand = [CressetProcess.Path, "compute", "--runs", runs] }))
            {
                var page = await browser.Open(faults);
                await page.GotoAsync(new Uri(server.Address, "explore").ToString());
                await page.Locator(".card", new() { HasText = "Activations" }).WaitForAsync();
                Assert.True(await page.Locator(".card").CountAsync() >= 5);
                await page.GotoAsync(new Uri(server.Address, "explore?page=activations&names=gelu&x=1").ToString());
                await page.Locator("table.runs", new() { HasText = "0.84134" }).WaitForAsync();
                await page.Locator("#names").FillAsync("<img src=x onerror=alert(1)>");
                await page.Locator(".message", new() { HasText = "<img" }).WaitForAsync();
                await page.Locator("#names").FillAsync("silu");
                await page.Locator("table.runs", new() { HasText = "0.73106" }).WaitForAsync();
                var found = await page.RunAxe(new AxeRunOptions { ResultTypes = [ResultType.Violations] });
                Assert.Empty(found.Violations.Where(v => v.Impact is "serious" or "critical").Select(v => $"{v.Id}: {string.Join(" | ", v.Nodes.Take(3).Select(n => n.Html))}"));
                await page.GotoAsync(new Uri(server.Address, "explore?page=gridworlds").ToString());
                await page.Locator("output[for=sweep]", new() { HasText = "sweep 1" }).WaitForAsync();
                await page.Keyboard.PressAsync("]");
                await page.Locator("output[for=sweep]", new() { HasText = "sweep 2" }).WaitForAsync();
                await page.GotoAsync(new Uri(server.Address, "explore?page=flows").ToString());
                await page.Locator(".gallery figure", new() { HasText = "<b>caption</b>" }).WaitForAsync();
                await page.Locator("[role=status]", new() { HasText = "config.yaml" }).WaitForAsync();
                await page.Locator("a", new() { HasText = "Guide" }).WaitForAsync();
                var guide = await page.APIRequest.GetAsync(new Uri(server.Address, "page/guides/flows.md").ToString());
                Assert.True(guide.Ok);
            }
            await using (var only = await DashboardServer.Start(new DashboardOptions { Folder = runs, Port = 0 }))
            {
                var page = await browser.Open(faults, width: 390, scheme: ColorScheme.Dark);
                await page.GotoAsync(new Uri(only.Address, "explore?page=flows").ToString());
                await page.Locator(".gallery figure").WaitForAsync();
                await page.Locator(".hint", new() { HasText = "does not compute" }).WaitForAsync();
                Assert.True(await page.EvaluateAsync<int>("document.documentElement.scrollWidth") <= 390);
            }
            Assert.Empty(faults);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
