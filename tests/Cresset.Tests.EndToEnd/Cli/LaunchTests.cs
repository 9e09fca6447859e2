using System.Diagnostics;
using Xunit;

namespace Cresset.Tests.EndToEnd.Cli;

/// <summary>The command over ranks, as a user starts it.</summary>
public sealed class LaunchTests : IDisposable
{
    private static readonly string[] Moons = ["train", "realnvp-moons", "trainer.steps=120", "trainer.batch_size=32", "trainer.threads=1",
        "trainer.evaluate_every=0", "trainer.checkpoint_every=10", "-q"];
    private static readonly string[] Digits = ["digits-classifier", "trainer.steps=4", "trainer.batch_size=16", "trainer.threads=1",
        "model.width=4", "model.hidden=8", "trainer.evaluate_every=0"];
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-launch-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("realnvp-moons trainer.steps=8 trainer.batch_size=64")]
    [InlineData(
        "sd3-digits trainer.steps=3 trainer.batch_size=16 trainer.pictures_every=0 trainer.threads=1 model.width=24 model.heads=2 "
            + "model.layers=1 model.draw_steps=2 model.final_draws=100")]
    public void TwoRanksHaveTheBitsOfOneProcessOfTwoParts(string recipe)
    {
        NeedMpi();
        Must(0, Run(["launch", "-n", "2", "--oversubscribe", "train", .. recipe.Split(' '), "-q", "--runs", "two"]));
        Must(0, Run(["train", .. recipe.Split(' '), "trainer.accumulate=2", "-q", "--runs", "one"]));
        Assert.Equal(Model("one"), Model("two"));
        // So are the figures, which the ranks computed together.
        Assert.Equal(Figures("one"), Figures("two"));
    }

    // Each rank matches the images of its own; what is printed, to the last digit, is what one process prints.
    [Theory]
    [InlineData("coco")]
    [InlineData("voc10")]
    public void TwoRanksScoreDetectionsAsOneProcess(string protocol)
    {
        NeedMpi();
        string[] eval = ["detect", "eval", "--gt", Repository.Reference("detection/coco/s15_realistic.gt.json.gz"), "--dt",
            Repository.Reference("detection/coco/s15_realistic.dt.json.gz"), "--protocol", protocol, "--json"];
        (int Code, string Output, string Error) alone = Run(eval), together = Run(["launch", "-n", "2", "--oversubscribe", .. eval]);
        Must(0, alone);
        Must(0, together);
        Assert.Equal(alone.Output, together.Output);
    }

    // A rank is killed: started again by itself. Then stopped by a signal, and gone on with in one process.
    [Fact]
    public void KilledAndStoppedRanksEndWithTheSameBits()
    {
        NeedMpi();
        Must(0, Run([.. Moons, "trainer.accumulate=2", "--runs", "whole"]));
        using (var process = Start(["launch", "-n", "2", "--oversubscribe", "--restarts", "1", .. Moons, "--runs", "torn"]))
        {
            AwaitCheckpoint(process, "torn", "");
            var errors = process.StandardError.ReadToEndAsync();
            RankOf("torn", 1).Kill();
            AwaitCheckpoint(process, "torn", Newest("torn"));
            CressetProcess.Interrupt(process);
            process.WaitForExit();
            Assert.True(process.ExitCode == 130, errors.Result);
            Assert.Contains("starting again from the last checkpoint (0 more restarts left)", errors.Result, StringComparison.Ordinal);
            Assert.Contains("asking all ranks to save", errors.Result, StringComparison.Ordinal);
        }
        Must(0, Run(["train", "--resume", RunFolder("torn"), "trainer.accumulate=2", "-q", "--runs", "torn"]));
        Assert.Equal(Model("whole"), Model("torn"));
    }

    [Theory]
    [InlineData("launch", 2, "launch needs a command to start")]
    [InlineData("launch -n 0 train", 2, "-n is 0; allowed: 1 or more")]
    [InlineData("launch -n 2 eval x", 2, "launch starts 'train' and 'sweep', and 'detect eval'; 'eval' runs in one process")]
    [InlineData("launch -n 5000 train", 2, "5000 ranks on")]
    [InlineData("launch -n 1 --host a,b train", 2, "at least one rank a host")]
    [InlineData("launch -n 2 --host -oProxyCommand=x,b train", 2, "--host names '-oProxyCommand=x', which is not a host")]
    [InlineData("launch -n 2 --host no-such-host train", 1, "The host 'no-such-host' cannot be reached (/bin/false no-such-host)")]
    [InlineData("launch -n 2 --oversubscribe train realnvp-moons trainer.batch_size=33", 2,
        "trainer.batch_size is 33, which 2 ranks cannot share evenly")]
    [InlineData("launch -n 2 --oversubscribe train windy-grid", 2, "The job 'rl-curves' runs in one process, and 2 ranks were started")]
    public void WrongUseIsOneLine(string command, int code, string said)
    {
        NeedMpi();
        var (found, _, errors) = CressetProcess.RunAlone(_folder,
            new Dictionary<string, string> { ["OMPI_MCA_plm_rsh_agent"] = "/bin/false" }, command.Split(' '));
        Assert.True(code == found, errors);
        Assert.Contains(said, Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Fact]
    public void WithoutMpirunOneLineNamesThePackages()
    {
        var (code, _, errors) = CressetProcess.RunAlone(_folder, new Dictionary<string, string> { ["PATH"] = _folder }, "launch", "-n", "2",
            "--oversubscribe", "train", "realnvp-moons");
        Assert.Equal(2, code);
        Assert.Contains(
            "2 ranks need mpirun, which is not on this machine: install MPI on every host (Debian and Ubuntu: apt-get install openmpi-bin",
            Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Fact]
    public void AnotherRecipeOnARankIsOneLine()
    {
        NeedMpi();
        string[] One(string size) =>
            ["-n", "1", CressetProcess.Path, "train", "realnvp-moons", $"trainer.batch_size={size}", "-q", "--runs",
                Path.Combine(_folder, "mixed")];
        var (code, _, errors) = MpiRun.Start(MpiRun.OpenMpi!, ["--oversubscribe", "--bind-to", "none", .. One("64"), ":", .. One("32")]);
        Assert.True(code == 1, errors);
        var line = Assert.Single(errors.Split('\n'), l => l.StartsWith("cresset:", StringComparison.Ordinal));
        Assert.Contains("Rank 1 was given another recipe than rank 0: there 'trainer.batch_size=32', at rank 0 'trainer.batch_size=64'",
            line, StringComparison.Ordinal);
    }

    [Fact]
    public void ARankThatDiesAtTheStartEndsTheOthers()
    {
        NeedMpi();
        // An mpirun whose first rank ends before it has joined the others.
        var starter = Path.Combine(_folder, "mpirun");
        File.WriteAllText(starter,
            $"#!/bin/sh\n[ \"$1\" = --version ] && exec {MpiRun.OpenMpi} --version\nexec {MpiRun.OpenMpi} --oversubscribe -n 1 sh -c 'exit "
                + $"7' : -n 1 {CressetProcess.Path} train realnvp-moons -q --runs dead\n");
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(starter, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var path = $"{_folder}{Path.PathSeparator}{Environment.GetEnvironmentVariable("PATH")}";
        var (code, _, errors) = CressetProcess.RunAlone(_folder, new Dictionary<string, string> { ["PATH"] = path }, "launch", "-n", "2",
            "--oversubscribe", "train", "realnvp-moons");
        Assert.Equal(1, code);
        Assert.Equal("cresset: a rank ended with exit code 7; --restarts 3 would go on from the last checkpoint.",
            Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)));
    }

    [Fact]
    public void WhatAKilledStarterLeavesBehindIsEnded()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "not run: sessions are looked through on Linux alone");
        var starter = Path.Combine(_folder, "mpirun");
        File.WriteAllText(starter,
            "#!/bin/sh\n[ \"$1\" = --version ] && exec echo Open\nsleep 300 > /dev/null 2>&1 &\necho $! > left\nkill -9 $$\n");
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(starter, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var (code, _, errors) = CressetProcess.RunAlone(_folder,
            new Dictionary<string, string> { ["PATH"] = $"{_folder}{Path.PathSeparator}{Environment.GetEnvironmentVariable("PATH")}" },
            "launch", "-n", "2", "--oversubscribe", "train", "realnvp-moons");
        Assert.Equal(1, code);
        Assert.Equal("cresset: a rank was ended by signal 9; --restarts 3 would go on from the last checkpoint.",
            Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)));
        var left = $"/proc/{File.ReadAllText(Path.Combine(_folder, "left")).Trim()}/stat";
        Assert.True(SpinWait.SpinUntil(IsGone, TimeSpan.FromSeconds(10)));

        bool IsGone()
        {
            try
            {
                // Whoever reaps orphans may not have come to it yet.
                return File.ReadAllText(left).Contains(") Z", StringComparison.Ordinal);
            }
            catch (IOException)
            {
                return true;
            }
        }
    }

    [Fact]
    public void CellsOfASweepInProcessesHaveTheBitsThatTheyHaveAlone()
    {
        var (code, output, errors) =
            Run(["sweep", .. Digits, "optimization.warmup_steps=0", "lr=0.001,1e38,0.01", "--jobs", "2", "--name", "rates", "--runs",
                "sweep"]);
        // A cell that diverges is named at the end, and costs no other.
        Assert.True(code == 1, errors);
        Assert.Contains("1 of 3 runs failed", errors, StringComparison.Ordinal);
        Assert.Matches("lr=1e38: .*diverged", errors);
        Assert.Contains("run 3 of 3  lr=0.01", output, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(_folder, "sweep", "sweeps", "rates.png")), output);
        Must(0, Run(["train", .. Digits, "optimization.warmup_steps=0", "lr=0.01", "-q", "--runs", "alone"]));
        var alone = Model("alone");
        Assert.Single(Directory.GetFiles(Path.Combine(_folder, "sweep"), "model.safetensors", SearchOption.AllDirectories),
            model => File.ReadAllBytes(model).AsSpan().SequenceEqual(alone));
        // Nothing is run twice.
        Assert.DoesNotContain("run 1 of",
            Run(["sweep", .. Digits, "optimization.warmup_steps=0", "lr=log:1e-3..1e-2:2", "--jobs", "2", "--name", "rates", "--runs",
                "sweep"]).Output, StringComparison.Ordinal);
    }

    // Three settings a short time, the best of them in full; the cells in one process, and shared out over two ranks.
    [Fact]
    public void HalvingOverRanksFindsWhatOneProcessFinds()
    {
        NeedMpi();
        string[] search = ["sweep", .. Digits.Where(d => d != "trainer.steps=4"), "trainer.steps=60", "optimization.warmup_steps=0",
            "trainer.ema_decay=0", "lr=1e-6,1e-2,2e-6", "--search", "halving", "--goal", "min", "--by", "loss"];
        var (code, alone, errors) = Run([.. search, "--json", "--runs", "alone"]);
        Assert.True(code == 0, errors);
        var (rankCode, together, rankErrors) = Run(["launch", "-n", "2", "--oversubscribe", .. search, "--json", "--runs", "ranks"]);
        Assert.True(rankCode == 0, rankErrors);
        var rows = Rows(alone);
        Assert.Equal(3, rows.Count);
        Assert.StartsWith("lr=1e-2 trainer.steps=60 ", rows[0], StringComparison.Ordinal);
        Assert.Contains(" trainer.steps=20 ", rows[1], StringComparison.Ordinal);
        Assert.Equal(rows, Rows(together));

        static List<string> Rows(string json)
        {
            using var document = System.Text.Json.JsonDocument.Parse(json);
            return [.. document.RootElement.EnumerateArray()
                .Select(
                    row => $"{string.Join(' ', row.GetProperty("overrides").EnumerateArray())} {row.GetProperty("figures").GetRawText()}")];
        }
    }

    private static void NeedMpi() => Assert.SkipWhen(MpiRun.OpenMpi is null, MpiRun.Missing);

    private (int Code, string Output, string Error) Run(string[] arguments) => CressetProcess.Run(_folder, arguments);

    private Process Start(string[] arguments) => CressetProcess.Start(_folder, null, arguments);

    private static void Must(int code, (int Code, string Output, string Error) ended) =>
        Assert.True(ended.Code == code, $"exit {ended.Code}: {ended.Error}");

    private string RunFolder(string runs) =>
        Assert.Single(Directory.GetDirectories(Path.Combine(_folder, runs)), d => File.Exists(Path.Combine(d, "run.json")));

    private string Figures(string runs)
    {
        using var document = System.Text.Json.JsonDocument.Parse(File.ReadAllText(Path.Combine(RunFolder(runs), "outcome.json")));
        return document.RootElement.GetProperty("Metrics").GetRawText();
    }

    private byte[] Model(string runs) => File.ReadAllBytes(Path.Combine(RunFolder(runs), "model.safetensors"));

    // Waits for a newer checkpoint than the one that is named.
    private void AwaitCheckpoint(Process process, string runs, string than)
    {
        var patience = Stopwatch.StartNew();
        while (string.CompareOrdinal(Newest(runs), than) <= 0)
        {
            if (process.HasExited) Assert.Fail("It ended too early.");
            if (patience.Elapsed > TimeSpan.FromMinutes(3)) Assert.Fail("No checkpoint came.");
            Thread.Sleep(20);
        }
    }

    private string Newest(string runs)
    {
        var folder = Path.Combine(_folder, runs);
        return Directory.Exists(folder)
            ? Directory.EnumerateFiles(folder, "step-*.safetensors", SearchOption.AllDirectories).Select(f => Path.GetFileName(f))
                .Max(StringComparer.Ordinal) ?? "" : "";
    }

    // The rank that works in this test's folder; mpirun tells its children their numbers in the environment.
    private Process RankOf(string runs, int rank)
    {
        foreach (var folder in Directory.EnumerateDirectories("/proc").Where(d => int.TryParse(Path.GetFileName(d), out _)))
        {
            try
            {
                var words = File.ReadAllText(Path.Combine(folder, "cmdline")).Split('\0');
                if (!words[0].EndsWith("cresset", StringComparison.Ordinal) || !words.Contains(runs)
                    || File.ResolveLinkTarget(Path.Combine(folder, "cwd"), false)?.FullName != _folder) continue;
                if (File.ReadAllText(Path.Combine(folder, "environ")).Split('\0').Contains($"OMPI_COMM_WORLD_RANK={rank}"))
                    return Process.GetProcessById(int.Parse(Path.GetFileName(folder), System.Globalization.CultureInfo.InvariantCulture));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Processes end while one looks.
            }
        }
        throw new InvalidOperationException($"rank {rank} is not there");
    }
}
