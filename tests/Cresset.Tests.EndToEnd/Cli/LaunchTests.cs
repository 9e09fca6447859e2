using System.Diagnostics;
using Xunit;

namespace Cresset.Tests.EndToEnd.Cli;

/// <summary>The command over ranks, as a user starts it.</summary>
public sealed class LaunchTests : IDisposable
{
    private static readonly string[] Moons = ["train", "realnvp-moons", "trainer.steps=120", "trainer.batch_size=32", "trainer.threads=1", "trainer.evaluate_every=0", "trainer.checkpoint_every=10", "-q"];
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-launch-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("realnvp-moons trainer.steps=8 trainer.batch_size=64")]
    [InlineData("sd3-digits trainer.steps=3 trainer.batch_size=16 trainer.pictures_every=0 trainer.threads=1 model.width=24 model.heads=2 model.layers=1 model.draw_steps=2 model.final_draws=100")]
    public void TwoRanksHaveTheBitsOfOneProcessOfTwoParts(string recipe)
    {
        NeedMpi();
        Must(0, Run(["launch", "-n", "2", "--oversubscribe", "train", .. recipe.Split(' '), "-q", "--runs", "two"]));
        Must(0, Run(["train", .. recipe.Split(' '), "trainer.accumulate=2", "-q", "--runs", "one"]));
        Assert.Equal(Model("one"), Model("two"));
    }

    [Fact]
    public void KilledAndStoppedRanksEndWithTheSameBits()
    {
        NeedMpi();
        Must(0, Run([.. Moons, "trainer.accumulate=2", "--runs", "whole"]));

        // A rank is killed: started again by itself.
        using (var process = Start(["launch", "-n", "2", "--oversubscribe", "--restarts", "1", .. Moons, "--runs", "killed"]))
        {
            AwaitCheckpoint(process, "killed");
            RankOf("killed", 1).Kill();
            var errors = process.StandardError.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 0, errors);
            Assert.Contains("starting again from the last checkpoint (0 more restarts left)", errors, StringComparison.Ordinal);
        }
        Assert.Equal(Model("whole"), Model("killed"));

        // Stopped by a signal, and gone on with in one process.
        using (var process = Start(["launch", "-n", "2", "--oversubscribe", .. Moons, "--runs", "stopped"]))
        {
            AwaitCheckpoint(process, "stopped");
            CressetProcess.Interrupt(process);
            var errors = process.StandardError.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 130, errors);
            Assert.Contains("asking all ranks to save", errors, StringComparison.Ordinal);
        }
        Must(0, Run(["train", "--resume", RunFolder("stopped"), "trainer.accumulate=2", "-q", "--runs", "stopped"]));
        Assert.Equal(Model("whole"), Model("stopped"));
    }

    [Theory]
    [InlineData("launch", 2, "launch needs a command to start")]
    [InlineData("launch -n 0 train", 2, "-n is 0; allowed: 1 or more")]
    [InlineData("launch -n 2 eval x", 2, "launch starts 'train'; 'eval' runs in one process")]
    [InlineData("launch -n 5000 train", 2, "5000 ranks on")]
    [InlineData("launch -n 1 --host a,b train", 2, "at least one rank a host")]
    [InlineData("launch -n 2 --host no-such-host train", 1, "The host 'no-such-host' cannot be reached (/bin/false no-such-host)")]
    [InlineData("launch -n 2 --oversubscribe train realnvp-moons trainer.batch_size=33", 2, "trainer.batch_size is 33, which 2 ranks cannot share evenly")]
    [InlineData("launch -n 2 --oversubscribe train windy-grid", 2, "The job 'rl-curves' runs in one process, and 2 ranks were started")]
    public void WrongUseIsOneLine(string command, int code, string said)
    {
        NeedMpi();
        var (found, _, errors) = CressetProcess.Run(_folder, new Dictionary<string, string> { ["OMPI_MCA_plm_rsh_agent"] = "/bin/false" }, command.Split(' '));
        Assert.True(code == found, errors);
        Assert.Contains(said, Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Fact]
    public void CellsOfASweepInProcessesHaveTheBitsThatTheyHaveAlone()
    {
        string[] settings = ["digits-classifier", "trainer.steps=4", "trainer.batch_size=16", "trainer.threads=1", "model.width=4", "model.hidden=8", "trainer.evaluate_every=0"];
        var (code, output, errors) = Run(["sweep", .. settings, "lr=log:1e-3..1e-2:3", "--jobs", "3", "--name", "rates", "--runs", "sweep"]);
        Assert.True(code == 0, errors);
        Assert.Contains("run 3 of 3  lr=0.01", output, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(_folder, "sweep", "sweeps", "rates.png")), output);
        Must(0, Run(["train", .. settings, "lr=0.01", "-q", "--runs", "alone"]));
        var alone = Model("alone");
        Assert.Single(Directory.GetDirectories(Path.Combine(_folder, "sweep"), "digits-classifier-*"), run => File.ReadAllBytes(Path.Combine(run, "model.safetensors")).AsSpan().SequenceEqual(alone));
        // Nothing is run twice.
        Assert.DoesNotContain("run 1 of", Run(["sweep", .. settings, "lr=log:1e-3..1e-2:3", "--jobs", "3", "--name", "rates", "--runs", "sweep"]).Output, StringComparison.Ordinal);
    }

    private static void NeedMpi() => Assert.SkipWhen(MpiRun.OpenMpi is null, MpiRun.Missing);

    private (int Code, string Output, string Error) Run(string[] arguments) => CressetProcess.Run(_folder, arguments);

    private Process Start(string[] arguments) => CressetProcess.Start(_folder, null, arguments);

    private static void Must(int code, (int Code, string Output, string Error) ended) => Assert.True(ended.Code == code, $"exit {ended.Code}: {ended.Error}");

    private string RunFolder(string runs) => Assert.Single(Directory.GetDirectories(Path.Combine(_folder, runs)), d => File.Exists(Path.Combine(d, "run.json")));

    private byte[] Model(string runs) => File.ReadAllBytes(Path.Combine(RunFolder(runs), "model.safetensors"));

    private void AwaitCheckpoint(Process process, string runs)
    {
        var patience = Stopwatch.StartNew();
        while (!Directory.Exists(Path.Combine(_folder, runs)) || !Directory.EnumerateFiles(Path.Combine(_folder, runs), "step-*.safetensors", SearchOption.AllDirectories).Any())
        {
            if (process.HasExited) Assert.Fail($"It ended too early: {process.StandardError.ReadToEnd()}");
            if (patience.Elapsed > TimeSpan.FromMinutes(3)) Assert.Fail("No checkpoint came.");
            Thread.Sleep(20);
        }
    }

    // The rank that works in this test's folder; mpirun tells its children their numbers in the environment.
    private Process RankOf(string runs, int rank)
    {
        foreach (var folder in Directory.EnumerateDirectories("/proc").Where(d => int.TryParse(Path.GetFileName(d), out _)))
        {
            try
            {
                var words = File.ReadAllText(Path.Combine(folder, "cmdline")).Split('\0');
                if (!words[0].EndsWith("cresset", StringComparison.Ordinal) || !words.Contains(runs) || File.ResolveLinkTarget(Path.Combine(folder, "cwd"), false)?.FullName != _folder) continue;
                if (File.ReadAllText(Path.Combine(folder, "environ")).Split('\0').Contains($"OMPI_COMM_WORLD_RANK={rank}")) return Process.GetProcessById(int.Parse(Path.GetFileName(folder), System.Globalization.CultureInfo.InvariantCulture));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Processes end while one looks.
            }
        }
        throw new InvalidOperationException($"rank {rank} is not there");
    }
}
