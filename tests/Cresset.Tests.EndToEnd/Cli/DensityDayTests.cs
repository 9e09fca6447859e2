using System.Globalization;
using Xunit;

namespace Cresset.Tests.EndToEnd.Cli;

/// <summary>The day of somebody with a table: the commands of the guide, one after the other.</summary>
public sealed class DensityDayTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-density-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void TheCommandsOfTheGuideWork()
    {
        var random = new Random(3);
        string Row(double shift)
        {
            var angle = random.NextDouble() * Math.Tau;
            return string.Create(CultureInfo.InvariantCulture,
                $"{100 + (20 * Math.Cos(angle)) + random.NextDouble() + shift:R},{(3 * Math.Sin(angle)) + (0.2 * random.NextDouble()):R}");
        }
        File.WriteAllText(Path.Combine(_folder, "points.csv"),
            "pressure,flow\n" + string.Concat(Enumerable.Range(0, 600).Select(_ => Row(0) + "\n")));
        // Ten ordinary rows and two that no machine ever showed.
        File.WriteAllText(Path.Combine(_folder, "new.csv"),
            "flow,pressure\n" + string.Concat(Enumerable.Range(0, 10).Select(_ => string.Join(',', Row(0).Split(',').Reverse()) + "\n"))
                + "0,100\n9,180\n");
        foreach (var command in Guide())
        {
            string[] arguments = [.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..]];
            // As in the guide, but short.
            if (arguments[0] == "train") arguments = [.. arguments, "trainer.steps=150", "model.flow.width=32", "model.flow.transforms=2"];
            var (code, output, error) = CressetProcess.Run(_folder, arguments);
            Assert.True(code == 0, $"{command}\n{output}{error}");
            if (arguments[0] == "eval") Assert.Contains("alarms_at_5_percent", output, StringComparison.Ordinal);
        }
        var scores = File.ReadAllLines(Path.Combine(_folder, "scores.csv")).Select(l => l.Split(',')).ToArray();
        Assert.Equal(["input", "log_density", "anomaly_score", "anomaly"], scores[0]);
        Assert.Equal(13, scores.Length);
        // The middle of the ring and the far point are the least likely.
        Assert.Equal(["new.csv:11", "new.csv:12"],
            scores[1..].OrderBy(s => double.Parse(s[1], CultureInfo.InvariantCulture)).Take(2).Select(s => s[0]).Order());
        Assert.Equal("yes", scores[12][3]);
        Assert.All(scores[1..], s => Assert.InRange(double.Parse(s[2], CultureInfo.InvariantCulture), 0, 1));
        var drawn = File.ReadAllLines(Directory.GetFiles(Path.Combine(_folder, "drawn"), "*.csv").Single());
        Assert.Equal("pressure,flow", drawn[0]);
        Assert.Equal(1001, drawn.Length);
        Assert.True(new FileInfo(Path.Combine(_folder, "density.npz")).Length > 1000);
        var (refused, _, message) = CressetProcess.Run(_folder, "predict", "density", "new.csv", "--alarm-rate", "0.0001");
        Assert.Equal(2, refused);
        Assert.Contains("calibrated on 60 rows", message, StringComparison.Ordinal);
        // A value or a column that is missing is the asker's to mend, as a wrong option is.
        foreach (var (name, text, reason) in new[] { ("hole", "flow,pressure\n1,100\n2,\n", "row 2 has no value in column 'pressure'"),
            ("lack", "flow\n1\n", "no column 'pressure'") })
        {
            File.WriteAllText(Path.Combine(_folder, $"{name}.csv"), text);
            (refused, _, message) = CressetProcess.Run(_folder, "predict", "density", $"{name}.csv");
            Assert.Equal(2, refused);
            Assert.Contains(reason, message, StringComparison.Ordinal);
        }
    }

    // The block of the guide that begins with the training.
    private static IEnumerable<string> Guide()
    {
        var text = File.ReadAllText(Path.Combine(Repository.Root, "docs", "own-data.md"));
        var start = text.IndexOf("cresset train density", StringComparison.Ordinal);
        var block = text[start..text.IndexOf("```", start, StringComparison.Ordinal)];
        return block.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split('#')[0].Trim());
    }
}
