using System.Security.Cryptography;
using System.Text.Json;
using Xunit;

namespace Cresset.Tests.EndToEnd.Cli;

/// <summary>The road of a newcomer: train, look, evaluate, list, export, delete; and the same run killed again and again.</summary>
public sealed class TrainTests : IDisposable
{
    private static readonly string[] Short = ["train", "digits-classifier", "trainer.steps=40", "trainer.evaluate_every=20",
        "trainer.checkpoint_every=4", "model.width=8"];
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-e2e-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void ARunCanBeTrainedLookedAtEvaluatedExportedAndDeleted()
    {
        var (code, output, error) = CressetProcess.Run(_folder, Short);
        Assert.True(code == 0, error);
        Assert.DoesNotContain('\u001b', output);
        Assert.Contains("accuracy", output, StringComparison.Ordinal);
        var run = Assert.Single(Directory.GetDirectories(Path.Combine(_folder, "runs")));
        Assert.True(File.Exists(Path.Combine(run, "config.yaml")));
        Assert.True(File.Exists(Path.Combine(run, "model.safetensors")));
        Assert.NotEmpty(Directory.GetFiles(run, "events.out.tfevents.*"));
        var pictures = Directory.GetFiles(Path.Combine(run, "samples"), "*.png");
        Assert.Contains(pictures, p => Path.GetFileName(p).StartsWith("confusion", StringComparison.Ordinal));
        Assert.All(pictures, p => Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], File.ReadAllBytes(p)[..4]));

        var listed = JsonDocument.Parse(Ok("runs", "--json")).RootElement[0];
        Assert.Equal("finished", listed.GetProperty("status").GetString());
        var accuracy = listed.GetProperty("summary").GetProperty("accuracy").GetDouble();
        var best = JsonDocument.Parse(Ok("eval", "digits-classifier", "--json")).RootElement.GetProperty("metrics").GetProperty("accuracy")
            .GetDouble();
        Assert.True(best >= accuracy - 1e-6, $"eval gives {best}, the run ended with {accuracy}");
        var csv = Ok("runs", "export", "digits-classifier").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(40, csv.Count(line => line.StartsWith("train/loss,", StringComparison.Ordinal)));
        Assert.Contains("train/loss", Ok("runs", "show", "digits-classifier"), StringComparison.Ordinal);

        var sample = CressetProcess.Run(_folder, "sample", "digits-classifier");
        Assert.Equal(2, sample.Code);
        Assert.Contains("does not generate", sample.Error, StringComparison.Ordinal);

        Ok("runs", "rm", Path.GetFileName(run), "--for-good");
        Assert.False(Directory.Exists(run));
        Assert.Equal(0, JsonDocument.Parse(Ok("runs", "--json")).RootElement.GetArrayLength());
    }

    [Fact]
    public void KilledAndResumedRunsEndBitIdentical()
    {
        Assert.Equal(0, CressetProcess.Run(_folder, [.. Short, "--runs", "whole"]).Code);
        var expected = WeightsAndLosses("whole");
        // CRESSET_TEST_KILLS=50 runs the long version.
        var kills = int.Parse(Environment.GetEnvironmentVariable("CRESSET_TEST_KILLS") ?? "2",
            System.Globalization.CultureInfo.InvariantCulture);
        var random = new Random(7);
        var done = 0;
        for (var series = 0; done < kills; series++)
        {
            var runs = $"killed-{series}";
            var arguments = (string[])[.. Short, "--runs", runs];
            while (done < kills)
            {
                using var process = CressetProcess.Start(_folder, null, arguments);
                // Drained so that a full pipe never stops the child.
                _ = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
                _ = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
                var finished = process.WaitForExit(random.Next(600, 3500));
                if (!finished) process.Kill();
                process.WaitForExit();
                if (finished)
                {
                    Assert.Equal(0, process.ExitCode);
                    break;
                }
                done++;
                arguments = HasRun(runs) ? ["train", "--resume", "digits-classifier", "--runs", runs] : [.. Short, "--runs", runs];
            }
            if (!HasRun(runs) || !WasFinished(runs)) Assert.Equal(0, CressetProcess.Run(_folder, arguments).Code);
            Assert.Equal(expected, WeightsAndLosses(runs));
        }
    }

    [Fact]
    public void CtrlCSavesAndExits130AndTheRunGoesOn()
    {
        if (OperatingSystem.IsWindows()) return;
        // Long enough that the signal comes before the end on the fastest machine.
        string[] longer = [.. Short, "model.width=2", "trainer.steps=800", "trainer.evaluate_every=400", "trainer.checkpoint_every=200"];
        Assert.Equal(0, CressetProcess.Run(_folder, [.. longer, "--runs", "whole"]).Code);
        using (var process = CressetProcess.Start(_folder, null, [.. longer, "--runs", "stopped"]))
        {
            var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            while (process.StandardOutput.ReadLine() is { } line && !line.StartsWith("step", StringComparison.Ordinal))
            {
            }
            CressetProcess.Interrupt(process);
            _ = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.Equal(130, process.ExitCode);
            Assert.Contains("cresset train --resume digits-classifier-", error.Result, StringComparison.Ordinal);
        }
        Assert.Contains("\"stopped\"", Ok("runs", "--json", "--runs", "stopped"), StringComparison.Ordinal);
        Assert.Equal(0, CressetProcess.Run(_folder, "train", "--resume", "digits-classifier", "--runs", "stopped").Code);
        Assert.Equal(WeightsAndLosses("whole"), WeightsAndLosses("stopped"));
    }

    /// <summary>
    /// Whether the store knows a run. A process killed before that (its start is long on a slow machine) leaves at most the folder of a run
    /// that nobody can name; it goes, so that the run begun again stands alone.
    /// </summary>
    private bool HasRun(string runs)
    {
        var folder = Path.Combine(_folder, runs);
        if (!Directory.Exists(folder)) return false;
        if (Directory.GetDirectories(folder).Length > 0
            && Ok("runs", "--json", "--runs", runs).Contains("digits-classifier", StringComparison.Ordinal)) return true;
        Directory.Delete(folder, recursive: true);
        return false;
    }

    private bool WasFinished(string runs) =>
        JsonDocument.Parse(Ok("runs", "--json", "--runs", runs)).RootElement[0].GetProperty("status").GetString() == "finished";

    private string WeightsAndLosses(string runs)
    {
        var folder = Assert.Single(Directory.GetDirectories(Path.Combine(_folder, runs)));
        var losses = Ok("runs", "export", Path.GetFileName(folder), "--runs", runs).Split('\n')
            .Where(l => l.StartsWith("train/", StringComparison.Ordinal) || l.StartsWith("eval/", StringComparison.Ordinal))
            .Select(l => l.Split(',')).Select(cells => $"{cells[0]},{cells[1]},{cells[3]}").Order(StringComparer.Ordinal);
        return Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(Path.Combine(folder, "model.safetensors")))) + "\n"
            + string.Join('\n', losses);
    }

    private string Ok(params string[] arguments)
    {
        var (code, output, error) = CressetProcess.Run(_folder, arguments);
        Assert.True(code == 0, $"cresset {string.Join(' ', arguments)}: {error}");
        return output;
    }
}
