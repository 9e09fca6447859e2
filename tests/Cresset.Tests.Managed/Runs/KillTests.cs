using System.Diagnostics;
using Cresset.Runs;
using Xunit;

namespace Cresset.Tests.Managed.Runs;

public sealed class KillTests
{
    /// <summary>
    /// CRESSET_KILLS sets how often; the suite does a few. In between the store is repaired, and once in four made anew from the folder.
    /// </summary>
    [Theory]
    [InlineData("wal")]
    [InlineData("rollback")]
    public void AKilledRecorderLeavesAnIntactDatabaseAndAPrefixOfItsSeries(string journal)
    {
        using var folder = new TemporaryFolder();
        var kills = int.TryParse(Environment.GetEnvironmentVariable("CRESSET_KILLS"), out var asked) ? asked : 2;
        var random = new System.Random(1);
        long before = 0;
        for (var kill = 0; kill < kills; kill++)
        {
            using var child = Start(folder.Path, journal);
            Assert.Equal("recording", child.StandardOutput.ReadLine());
            using (var live = RunStore.OpenReadOnly(folder.Path))
            {
                Assert.Equal(RunStatus.Running, live.Find("killed").Status);
                // A busy machine may take its time until something is stored; then the kill comes at any moment.
                var patience = Stopwatch.StartNew();
                while (live.Series(live.Find("killed").Id) is not [var first, ..] || first.Count <= before)
                {
                    Assert.True(patience.Elapsed < TimeSpan.FromSeconds(30), "nothing was stored within 30 seconds");
                    Thread.Sleep(5);
                }
            }
            Thread.Sleep(random.Next(0, 400));
            child.Kill();
            child.WaitForExit();
            var isAnew = kill % 4 == 1;
            if (isAnew)
            {
                foreach (var file in Directory.GetFiles(folder.Path, "runs.db*")) File.Delete(file);
            }
            if (kill % 2 == 1) RunStore.Repair(folder.Path);
            using var store = RunStore.OpenReadOnly(folder.Path);
            using (var connection = store.OpenConnection()) Assert.Equal("ok", connection.Scalar<string>("PRAGMA integrity_check"));
            var info = store.Find("killed");
            Assert.Equal(RunStatus.Interrupted, info.Status);
            foreach (var (tag, sign) in new[] { ("loss", 1), ("other", -1) })
            {
                var points = store.ReadSeries(info.Id, tag);
                for (var i = 0; i < points.Count; i++) Assert.Equal((i, sign * RecordingChild.Value(i)), (points[i].Step, points[i].Value));
                SeriesLaws.PyramidIsThatOfThePoints(store, info.Id, tag);
            }
            Assert.Equal(store.LastValues(info.Id)["loss"].Step, store.LastValues(info.Id)["other"].Step, 1.0);
            foreach (var picture in store.Pictures(info.Id)) Assert.Equal(RunPictureTests.OnePixel, File.ReadAllBytes(picture.Path));
            using (var log = new Cresset.Runs.EventLog(info.Folder)) Assert.Empty(log.Damage);
            var count = store.Series(info.Id).Single(s => s.Tag == "loss").Count;
            // What the store held and the event file did not yet is lost with the store, and no more than that.
            Assert.True(count > before || isAnew, $"kill {kill}: {count} points after {before}");
            before = count;
        }
    }

    [Fact]
    public void SeveralProcessesRecordIntoOneStore()
    {
        using var folder = new TemporaryFolder();
        using var child = Start(folder.Path);
        Assert.Equal("recording", child.StandardOutput.ReadLine());
        using var store = RunStore.Open(folder.Path);
        using (var run = store.Begin("mine", "test"))
        {
            for (var step = 0; step < 50_000; step++) run.Scalar("x", step, step);
            run.Flush();
            Assert.Contains("being recorded by process", Assert.Throws<RunStoreException>(() => store.Resume("killed")).Message,
                StringComparison.Ordinal);
            run.Finish(RunStatus.Finished);
        }
        Thread.Sleep(600);
        child.Kill();
        child.WaitForExit();
        Assert.Equal(50_000, store.ReadSeries(store.Find("mine").Id, "x").Count);
        Assert.NotEmpty(store.ReadSeries(store.Find("killed").Id, "loss"));
    }

    [Fact]
    public void AKilledRecorderThatNobodyWaitedForIsInterruptedAtOnce()
    {
        if (!OperatingSystem.IsLinux()) return;
        using var folder = new TemporaryFolder();
        // The shell takes the recorder's place as a child of `sleep`, which never asks for its dead children.
        var start = new ProcessStartInfo("/bin/sh")
        {
            ArgumentList = { "-c", "\"$0\" & exec sleep 60", Environment.ProcessPath! },
            RedirectStandardOutput = true
        };
        start.Environment[RecordingChild.Variable] = folder.Path;
        using var parent = Process.Start(start)!;
        try
        {
            Assert.Equal("recording", parent.StandardOutput.ReadLine());
            using var store = RunStore.OpenReadOnly(folder.Path);
            var run = store.Find("killed");
            Assert.Equal(RunStatus.Running, run.Status);
            using (var recorder = Process.GetProcessById(run.ProcessId)) recorder.Kill();
            var clock = Stopwatch.StartNew();
            while (store.Find("killed").Status != RunStatus.Interrupted)
                Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), "still shown as running");
        }
        finally
        {
            parent.Kill();
        }
    }

    private static Process Start(string folder, string journal = "wal") => Process.Start(new ProcessStartInfo(Environment.ProcessPath!)
    {
        Environment = { [RecordingChild.Variable] = folder, ["CRESSET_JOURNAL"] = journal },
        RedirectStandardOutput = true,
    })!;
}
