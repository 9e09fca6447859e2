using System.Text.RegularExpressions;
using Cresset.Runs;
using Cresset.Tests.EndToEnd.Cli;
using Xunit;

namespace Cresset.Tests.EndToEnd.Dashboard;

/// <summary><c>cresset train --watch</c> with a real training run behind the page.</summary>
public sealed partial class WatchedTrainingTests(Browser browser)
{
    [Fact]
    public async Task TheCurveOfATrainingRunGrowsAndStopEndsItSoThatItResumes()
    {
        var folder = Directory.CreateTempSubdirectory("cresset-watch-").FullName;
        var faults = new List<string>();
        var page = await browser.Open(faults);
        var process = CressetProcess.Start(folder, new Dictionary<string, string> { ["OMP_NUM_THREADS"] = "1" }, "train",
            "digits-classifier", "trainer.steps=100000", "trainer.evaluate_every=0", "--watch", "--quiet");
        try
        {
            var address = await Address(process.StandardError);
            await page.GotoAsync(address);
            await page.Locator(".area[aria-label^='train/loss'][aria-label*=' points']").WaitForAsync();
            var before = await Drawn(page);
            await Browser.Until(page,
                $"Number((document.querySelector(\".area[aria-label^='train/loss']\").getAttribute('aria-label').match(/: ([0-9,]+) "
                    + $"points/) ?? [0, '0'])[1].replaceAll(',', '')) > {before + 5}");
            await page.Locator("#stop").ClickAsync();
            await page.Locator("#really").ClickAsync();
            using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(3));
            await process.WaitForExitAsync(patience.Token);
            Assert.Equal(130, process.ExitCode);
        }
        finally
        {
            await browser.Close(faults);
            if (!process.HasExited) process.Kill(entireProcessTree: true);
            process.Dispose();
        }
        using (var store = RunStore.OpenReadOnly(Path.Combine(folder, "runs")))
        {
            var run = store.Find("latest");
            Assert.Equal(RunStatus.Stopped, run.Status);
            var step = store.Series(run.Id).Single(s => s.Tag == "train/loss").LastStep;
            var resumed = CressetProcess.Run(folder, "train", "--resume", run.Id, $"trainer.steps={step + 3}", "--quiet");
            Assert.True(resumed.Code == 0, resumed.Error);
            Assert.Equal(step + 3, store.Series(run.Id).Single(s => s.Tag == "train/loss").LastStep);
            // The epochs that the page can show instead of steps grow evenly with them.
            var epochs = store.ReadSeries(run.Id, "train/epoch");
            Assert.All(epochs, point => Assert.Equal(epochs[0].Value * point.Step / epochs[0].Step, point.Value, 1e-9));
        }
        Assert.Empty(faults);
        Directory.Delete(folder, recursive: true);
    }

    private static async Task<string> Address(StreamReader error)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        while (await error.ReadLineAsync(patience.Token) is { } line)
        {
            if (Watch().Match(line) is { Success: true } match) return match.Groups[1].Value;
        }
        throw new EndOfStreamException("The command printed no address.");
    }

    private static async Task<long> Drawn(Microsoft.Playwright.IPage page)
    {
        var label = await page.Locator(".area[aria-label^='train/loss']").GetAttributeAsync("aria-label");
        return long.Parse(Points().Match(label!).Groups[1].Value.Replace(",", "", StringComparison.Ordinal),
            System.Globalization.CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"^watch\s+(http://\S+)")]
    private static partial Regex Watch();

    [GeneratedRegex(": ([0-9,]+) points")]
    private static partial Regex Points();
}
