using System.Diagnostics;
using System.Text.Json;
using Xunit;

namespace Cresset.Tests.EndToEnd.Detection;

/// <summary>The <c>cresset detect</c> commands as processes, on reference files.</summary>
public sealed class DetectCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-detect").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void EvalPrintsTheStatisticsAndWritesReports()
    {
        var (code, output, error) = Run("eval", "--gt", File("s01_basic.gt"), "--dt", File("s01_basic.dt"), "--json", "--report",
            In("r.html"));
        Assert.True(code == 0, error);
        Assert.Equal(0.3515640886013677, JsonDocument.Parse(output).RootElement.GetProperty("statistics").GetProperty("AP").GetDouble(),
            1e-12);
        Assert.Contains("<svg", System.IO.File.ReadAllText(In("r.html")), StringComparison.Ordinal);
        Assert.Equal(0, Run("eval", "--gt", File("s01_basic.gt"), "--dt", File("s01_basic.dt"), "--protocol", "voc10", "--report",
            In("r.json")).Code);
        Assert.Equal("voc10", JsonDocument.Parse(System.IO.File.ReadAllText(In("r.json"))).RootElement.GetProperty("protocol").GetString());
    }

    [Fact]
    public void NothingIsOverwrittenInSilenceAndLookAlikesAreTold()
    {
        var table = In("own.csv");
        System.IO.File.WriteAllText(table, "image,class,xmin,ymin,xmax,ymax\na.png,cat,1,2,30,40\nb.png,Cat,1,2,30,40\n");
        var before = System.IO.File.ReadAllText(table);
        foreach (var words in new[]
        {
            new[] { "convert", "--gt", table, "--to", "csv", "--out", table }, ["filter", "--gt", table, "--out", table],
            ["sample", "--gt", table, "-n", "1", "--out", table], ["merge", table, table, "--out", table],
            ["split", "--gt", table, "--out", table, In("new.json")], ["convert", "--gt", table, "--to", "voc", "--out", _folder],
        })
        {
            var (code, _, error) = Run(words);
            Assert.Equal(2, code);
            Assert.Contains("add --force", error, StringComparison.Ordinal);
        }
        Assert.Equal(before, System.IO.File.ReadAllText(table));
        Assert.Equal([table], Directory.GetFileSystemEntries(_folder));
        var forced = Run("convert", "--gt", table, "--to", "csv", "--out", table, "--force");
        Assert.Equal(0, forced.Code);
        Assert.Contains("the classes 'Cat' and 'cat' differ in case or blanks alone", forced.Error, StringComparison.Ordinal);
        Assert.NotEqual(before, System.IO.File.ReadAllText(table));
        string[] report = ["eval", "--gt", File("s01_basic.gt"), "--dt", File("s01_basic.dt"), "--report", In("r.html")];
        Assert.DoesNotContain("replaced", Run(report).Error, StringComparison.Ordinal);
        Assert.Contains("r.html was there and is replaced", Run(report).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void CompareAndCompareProtocolsAnswer()
    {
        var (code, output, _) = Run("compare", "--gt", File("s01_basic.gt"), "--a", File("s01_basic.dt"), "--b", File("s01_basic.dt"),
            "--resamples", "20", "--json");
        Assert.Equal(0, code);
        Assert.Equal(0, JsonDocument.Parse(output).RootElement[0].GetProperty("difference").GetDouble());
        (code, output, _) = Run("compare-protocols", "--gt", File("s04_crowds_and_ignore_flag.gt"), "--dt",
            File("s04_crowds_and_ignore_flag.dt"), "--protocols", "yolo");
        Assert.Equal(0, code);
        Assert.Contains("crowd regions are ordinary objects", output, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIsConvertedScoresTheSame()
    {
        Assert.Equal(0, Run("convert", "--gt", File("s01_basic.gt"), "--to", "voc", "--out", In("voc")).Code);
        Assert.Equal(0, Run("convert", "--gt", File("s01_basic.gt"), "--dt", File("s01_basic.dt"), "--to", "csv", "--out", In("dt.csv"))
            .Code);
        var (code, output, error) = Run("eval", "--gt", In("voc"), "--dt", In("dt.csv"), "--protocol", "voc10", "--json");
        Assert.True(code == 0, error);
        var direct = JsonDocument.Parse(
            Run("eval", "--gt", File("s01_basic.gt"), "--dt", File("s01_basic.dt"), "--protocol", "voc10", "--json").Output);
        Assert.Equal(direct.RootElement.GetProperty("statistics").GetProperty("mAP").GetDouble(),
            JsonDocument.Parse(output).RootElement.GetProperty("statistics").GetProperty("mAP").GetDouble(), 1e-12);
        Assert.Equal(0, Run("draw", "--gt", File("s01_basic.gt"), "--dt", File("s01_basic.dt"), "--out", In("drawn"), "-n", "2").Code);
        Assert.Equal(2, Directory.GetFiles(In("drawn"), "*.svg").Length);
    }

    [Fact]
    public void MistakesAreOneLineAndAnExitCode()
    {
        var (code, _, error) = Run("eval", "--gt", In("none.json"), "--dt", In("none.json"));
        Assert.Equal(2, code);
        Assert.Contains("none.json", error, StringComparison.Ordinal);
        (code, _, error) = Run("eval", "--gt", File("s07_degenerate.gt"), "--dt", File("s07_degenerate.dt"));
        Assert.Equal(1, code);
        Assert.Contains("results[3], field bbox", error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
        (code, _, error) = Run("eval", "--gt", File("s07_degenerate.gt"), "--dt", File("s07_degenerate.dt"), "--lenient");
        Assert.Equal(0, code);
        Assert.Contains("NegativeSize", error, StringComparison.Ordinal);
        Assert.Equal(2, Run("eval", "--gt", "x", "--dt", "y", "--protocol", "cocoo").Code);
    }

    [Fact]
    public void GatesAndRefusalsHaveTheirExitCodes()
    {
        string gt = File("s01_basic.gt"), dt = File("s01_basic.dt");
        Assert.Equal(0, Run("eval", "--gt", gt, "--dt", dt, "--min", "AP=0.35").Code);
        var (code, _, error) = Run("eval", "--gt", gt, "--dt", dt, "--min", "AP=0.35", "--min", "AP50=0.99");
        Assert.Equal(3, code);
        Assert.Contains("AP50 is 0.", error, StringComparison.Ordinal);
        Assert.Equal(2, Run("eval", "--gt", gt, "--dt", dt, "--min", "mAP=0.1").Code);
        Assert.Equal(2, Run("eval", "--gt", gt, "--dt", dt, "--report", In("r.txt")).Code);
        Assert.False(System.IO.File.Exists(In("r.txt")));
        Assert.Equal(0, Run("eval", "--gt", gt, "--dt", dt, "--protocol", "voc10", "--bootstrap", "10").Code);
        System.IO.File.WriteAllText(In("empty.json"), "[]");
        (code, _, error) = Run("eval", "--gt", gt, "--dt", In("empty.json"));
        Assert.Equal(1, code);
        Assert.Contains("no detections", error, StringComparison.Ordinal);
        Assert.Equal(0, Run("eval", "--gt", gt, "--dt", In("empty.json"), "--allow-empty").Code);
    }

    [Fact]
    public void ABuildGetsGatesMarkdownJUnitAndPictures()
    {
        string gt = File("s01_basic.gt"), dt = File("s01_basic.dt");
        var (code, output, error) = Run("eval", "--gt", gt, "--dt", dt, "--report", In("base.json"), "--pictures", In("png"), "--slice",
            "size");
        Assert.True(code == 0 && output.Contains("size = ", StringComparison.Ordinal), output + error);
        Assert.All(new[] { "precision-recall", "f1", "confusion", "errors" }, n
            => Assert.True(new FileInfo(In($"png/{n}.png")).Length > 2000, output));
        (code, _, error) = Run("eval", "--gt", gt, "--dt", dt, "--baseline", In("base.json"), "--max-drop", "AP=0", "--report",
            In("score.md"), "--junit", In("junit.xml"));
        Assert.True(code == 0, error);
        Assert.Contains("| AP at most 0 below the baseline | met", System.IO.File.ReadAllText(In("score.md")), StringComparison.Ordinal);
        // A baseline that was better.
        var better = System.IO.File.ReadAllText(In("base.json")).Replace("\"AP\": 0.35", "\"AP\": 0.45", StringComparison.Ordinal);
        System.IO.File.WriteAllText(In("better.json"), better);
        (code, _, error) = Run("eval", "--gt", gt, "--dt", dt, "--baseline", In("better.json"), "--max-drop", "AP=0.01", "--max-drop",
            "AP50=0", "--junit", In("junit.xml"));
        Assert.True(code == 3 && error.Contains("the baseline 0.45", StringComparison.Ordinal), $"{code} {error}");
        Assert.Contains("failures=\"1\"", System.IO.File.ReadAllText(In("junit.xml")), StringComparison.Ordinal);
        Assert.Equal(2, Run("eval", "--gt", gt, "--dt", dt, "--max-drop", "AP=0.1").Code);
    }

    private static string File(string name) => Repository.Reference($"detection/coco/{name}.json.gz");

    private string In(string name) => Path.Combine(_folder, name);

    private static (int Code, string Output, string Error) Run(params string[] arguments)
    {
        var program = Path.Combine(Repository.Root, "artifacts", "bin", "Cresset.Cli", "release", OperatingSystem.IsWindows()
            ? "cresset.exe" : "cresset");
        Assert.True(System.IO.File.Exists(program), $"{program} is not there: build Cresset.slnx in Release first.");
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add("detect");
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }
}
