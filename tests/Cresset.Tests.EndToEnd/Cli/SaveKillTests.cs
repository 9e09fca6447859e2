using System.Globalization;
using Xunit;

namespace Cresset.Tests.EndToEnd.Cli;

/// <summary>
/// Training killed while a checkpoint is being written in the background, its store repaired in between: the end is the same bits.
/// </summary>
public sealed class SaveKillTests : IDisposable
{
    // A checkpoint of 17 MB every other step: some is being written most of the time.
    private static readonly string[] Heavy = ["train", "digits-classifier", "trainer.steps=20", "trainer.evaluate_every=0",
        "trainer.checkpoint_every=2", "trainer.threads=1", "trainer.batch_size=8", "model.width=32", "model.hidden=1024"];
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-save-kill-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>CRESSET_TEST_KILLS=50 is the long version.</summary>
    [Fact]
    public void KillsInsideBackgroundSavesWithRepairsInBetweenLoseNothing()
    {
        var kills = int.TryParse(Environment.GetEnvironmentVariable("CRESSET_TEST_KILLS"), out var asked) ? asked : 2;
        Ok([.. Heavy, "--runs", "whole"]);
        var expected = File.ReadAllBytes(Model("whole"));
        var done = 0;
        for (var series = 0; done < kills; series++)
        {
            var runs = $"killed-{series}";
            string[] arguments = [.. Heavy, "--runs", runs];
            while (true)
            {
                if (done == kills)
                {
                    Ok(arguments);
                    break;
                }
                using var process = CressetProcess.Start(_folder, null, arguments);
                _ = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
                _ = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
                var before = Leftovers(runs);
                // A file that was not there before, half written.
                while (!process.HasExited && Leftovers(runs).Except(before).FirstOrDefault() is null) Thread.Sleep(1);
                if (process.HasExited)
                {
                    Assert.Equal(0, process.ExitCode);
                    break;
                }
                process.Kill();
                process.WaitForExit();
                done++;
                if (done % 2 == 0) foreach (var file in Directory.GetFiles(Path.Combine(_folder, runs), "runs.db*")) File.Delete(file);
                Ok("runs", "repair", "--runs", runs);
                Assert.Empty(Leftovers(runs));
                arguments = ["train", "--resume", "digits-classifier", "--runs", runs];
            }
            Assert.True(expected.AsSpan().SequenceEqual(File.ReadAllBytes(Model(runs))),
                string.Create(CultureInfo.InvariantCulture, $"{runs}: other weights after {done} kills"));
            Directory.Delete(Path.Combine(_folder, runs), recursive: true);
        }
    }

    private string[] Leftovers(string runs)
    {
        var folder = Path.Combine(_folder, runs);
        try
        {
            return Directory.Exists(folder) ? Directory.GetFiles(folder, "step-*.tmp", SearchOption.AllDirectories) : [];
        }
        catch (DirectoryNotFoundException)
        {
            // Made or swept in this very moment.
            return [];
        }
    }

    private string Model(string runs) =>
        Directory.GetFiles(Path.Combine(_folder, runs), "model.safetensors", SearchOption.AllDirectories).Single();

    private void Ok(params string[] arguments)
    {
        var (code, output, error) = CressetProcess.Run(_folder, arguments);
        Assert.True(code == 0, $"cresset {string.Join(' ', arguments)}: {error}{output}");
    }
}
