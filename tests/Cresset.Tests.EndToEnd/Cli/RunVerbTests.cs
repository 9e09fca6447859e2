using System.Runtime.InteropServices;
using System.Text.Json;
using Xunit;

namespace Cresset.Tests.EndToEnd.Cli;

/// <summary>Signals, runs that travel, and the verbs below <c>cresset runs</c>, as a user meets them.</summary>
public sealed class RunVerbTests : IDisposable
{
    private static readonly string[] Short = ["train", "digits-classifier", "trainer.steps=2000", "trainer.evaluate_every=1000",
        "trainer.checkpoint_every=1000", "trainer.threads=1", "trainer.batch_size=8", "model.width=4", "model.hidden=8"];
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-verbs-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void EverySignalSavesAndTheRunEndsWithTheSameBits()
    {
        if (!OperatingSystem.IsLinux()) return;
        Ok([.. Short, "--runs", "whole"]);
        const int hangup = 1, user = 10, save = 12, terminate = 15;
        string[] words = [.. Short, "--runs", "signals"];
        // CRESSET_TEST_SIGNALS=20 asks for more of each.
        var rounds = int.TryParse(Environment.GetEnvironmentVariable("CRESSET_TEST_SIGNALS"), out var asked) ? asked : 1;
        foreach (var signal in Enumerable.Repeat(new[] { hangup, user, terminate }, rounds).SelectMany(s => s))
        {
            using var process = CressetProcess.Start(_folder, null, words);
            var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            while (process.StandardOutput.ReadLine() is { } line && !line.StartsWith("step", StringComparison.Ordinal))
            {
            }
            if (signal == terminate) Assert.Equal(0, kill(process.Id, save));
            Assert.Equal(0, kill(process.Id, signal));
            // A closing terminal sends its signal more than once.
            if (signal == hangup) Assert.Equal(0, kill(process.Id, signal));
            _ = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            if (process.ExitCode == 0) break;
            Assert.True(process.ExitCode == 130, $"signal {signal}: exit {process.ExitCode}, {error.Result}");
            words = ["train", "--resume", "digits-classifier", "--runs", "signals"];
        }
        Ok("train", "--resume", "digits-classifier", "--runs", "signals");
        Assert.Equal(File.ReadAllBytes(Model("whole")), File.ReadAllBytes(Model("signals")));
    }

    [Fact]
    public void AFolderCopiedElsewhereIsEvaluatedListedPlottedComparedAndResumed()
    {
        string[] tiny = [.. Short, "trainer.steps=12", "trainer.evaluate_every=6", "trainer.checkpoint_every=6"];
        Ok([.. tiny, "--runs", "home"]);
        var id = Path.GetFileName(Assert.Single(Directory.GetDirectories(Path.Combine(_folder, "home"))));
        Directory.CreateDirectory(Path.Combine(_folder, "away"));
        Directory.Move(Path.Combine(_folder, "home", id), Path.Combine(_folder, "away", id));
        Directory.Delete(Path.Combine(_folder, "home"), recursive: true);
        var path = Path.Combine("away", id);
        var figures = Json("eval", path, "--json").GetProperty("metrics").GetProperty("accuracy").GetDouble();
        Assert.False(File.Exists(Path.Combine(_folder, "away", "runs.db")));
        var listed = Json("runs", "--json", "--runs", "away")[0];
        Assert.Equal((id, "finished"), (listed.GetProperty("id").GetString(), listed.GetProperty("status").GetString()));
        Assert.Equal(figures, listed.GetProperty("summary").EnumerateObject().First(p => p.Name == "accuracy").Value.GetDouble(), 1e-6);
        Ok("train", "--resume", path, "trainer.steps=14");
        Assert.Equal(14, Ok("runs", "export", path).Split('\n').Count(line => line.StartsWith("train/loss,", StringComparison.Ordinal)));
        Assert.Contains("│", Ok("runs", "plot", path), StringComparison.Ordinal);
        Ok("runs", "plot", path, "--series", "accuracy", "-o", "accuracy.svg");
        Assert.Contains("<svg", File.ReadAllText(Path.Combine(_folder, "accuracy.svg")), StringComparison.Ordinal);

        var asked = CressetProcess.Run(_folder, "runs", "ask", path, "stop");
        Assert.Equal(1, asked.Code);
        Assert.Matches("^cresset: Run '.*' is finished; only a run that is being recorded can be asked to stop", asked.Error);

        Ok([.. tiny, "lr=1e-2", "--runs", "away"]);
        var other = Path.GetFileName(Directory.GetDirectories(Path.Combine(_folder, "away"), "digits*")
            .Single(d => Path.GetFileName(d) != id));
        var comparison = Json("runs", "compare", id, other, "--runs", "away", "--json").GetProperty("settings");
        Assert.Equal(["optimization.optimizer.learning_rate", "trainer.steps"], comparison.EnumerateObject().Select(p => p.Name));

        Ok("runs", "tag", other, "good", "--runs", "away");
        Ok("runs", "note", other, "hoch\u001b[31m hinaus", "--runs", "away");
        Assert.DoesNotContain('\u001b', Ok("runs", "show", other, "--runs", "away"));
        Assert.Equal(other, Json("runs", "--filter", "lr>5e-3 and tag:good", "--json", "--runs", "away")[0].GetProperty("id").GetString());
        Ok("runs", "archive", other, "--runs", "away");
        Assert.Equal(1, Json("runs", "--json", "--runs", "away").GetArrayLength());
        Ok("runs", "rm", other, "--runs", "away");
        Assert.Contains("is back", Ok("runs", "restore", other, "--runs", "away"), StringComparison.Ordinal);
        Ok("runs", "rm", other, "--for-good", "--runs", "away");
        Assert.Equal(2, CressetProcess.Run(_folder, "runs", "restore", other, "--runs", "away").Code);
        File.WriteAllText(Path.Combine(_folder, "away", "runs.db"), new string('x', 9000));
        Assert.Contains($"taken in  {id}", Ok("runs", "repair", "--runs", "away"), StringComparison.Ordinal);
        Assert.Equal(14,
            Ok("runs", "export", id, "--runs", "away").Split('\n').Count(line => line.StartsWith("train/loss,", StringComparison.Ordinal)));

        // Another program's log, beside one's own runs.
        Directory.CreateDirectory(Path.Combine(_folder, "logs", "version_0"));
        File.Copy(Repository.Reference("training-dashboard/events.out.tfevents.1700000000.ref.1.0"),
            Path.Combine(_folder, "logs", "version_0", "events.out.tfevents.1700000000.x"));
        Assert.Contains("imported  logs-version-0-2023", Ok("runs", "import", "logs", "--runs", "away"), StringComparison.Ordinal);
        Assert.Equal(2, Json("runs", "--json", "--runs", "away").GetArrayLength());
        Ok("runs", "compare", id, "logs-version_0", "--runs", "away");
    }

    [Theory]
    [InlineData("There is no run folder", "eval", "nowhere/run")]
    [InlineData("is not the folder of a run", "eval", "./empty")]
    [InlineData("they do not go with --resume", "train", "--resume", "x", "--dry-run")]
    [InlineData("is not a number", "runs", "--filter", "lr<many")]
    [InlineData("compare needs two", "runs", "compare", "a")]
    public void WrongUseIsOneClearLine(string message, params string[] words)
    {
        Directory.CreateDirectory(Path.Combine(_folder, "empty"));
        Directory.CreateDirectory(Path.Combine(_folder, "runs", "x", "checkpoints"));
        File.WriteAllText(Path.Combine(_folder, "runs", "x", "config.yaml"), "job: digits-classifier\n");
        var (code, _, error) = CressetProcess.Run(_folder, words);
        Assert.Equal(2, code);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    private string Model(string runs) =>
        Path.Combine(Assert.Single(Directory.GetDirectories(Path.Combine(_folder, runs))), "model.safetensors");

    private JsonElement Json(params string[] words) => JsonDocument.Parse(Ok(words)).RootElement;

    private string Ok(params string[] words)
    {
        var (code, output, error) = CressetProcess.Run(_folder, words);
        Assert.True(code == 0, $"cresset {string.Join(' ', words)}: exit {code} {error}");
        return output;
    }

    [DllImport("libc", SetLastError = true)]
    private static extern int kill(int process, int signal);
}
