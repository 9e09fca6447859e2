using Cresset.Runs;
using Xunit;

namespace Cresset.Tests.Managed.Runs;

/// <summary>Logs of other programs beside one's own runs.</summary>
public sealed class LogImportTests
{
    [Fact]
    public void ATensorBoardLogBecomesARunWithItsOwnTimes()
    {
        using var folder = new TemporaryFolder();
        var logs = Directory.CreateDirectory(folder.File("version_0")).FullName;
        var reference = Repository.Reference("training-dashboard/events.out.tfevents.1700000000.ref.1.0");
        File.Copy(reference, Path.Combine(logs, Path.GetFileName(reference)));
        using var store = RunStore.Open(folder.File("runs"));
        using (var own = store.Begin("own", "train")) own.Finish(RunStatus.Finished);
        var notices = new List<string>();
        var id = store.Import(logs, "lightning/version_0", notices);
        Assert.Empty(notices);
        Assert.Equal(["lightning/version_0", "own"], store.List().Select(r => r.Name).Order());
        var run = store.Get(id);
        using var log = new EventLog(logs);
        Assert.Equal((RunStatus.Finished, RunStore.ImportedKind), (run.Status, run.Kind));
        Assert.Equal(2023, run.Created.Year);
        foreach (var (tag, points) in log.Scalars)
        {
            Assert.Equal(points.Select(p => (p.Step, (long)Math.Round(p.WallTime * 1e6), p.Value)),
                store.ReadSeries(id, tag).Select(p => (p.Step, p.WallTime, p.Value)));
            Assert.Equal(points[^1].Value, run.Summary[tag]);
        }
        Assert.Equal(log.Images.Values.Sum(i => i.Count), store.Pictures(id).Count);
        Assert.All(store.Pictures(id), p => Assert.True(File.Exists(p.Path)));
        Assert.Single(Directory.GetFiles(logs));
        // The run is one like any other: lost rows come back from its folder.
        foreach (var file in Directory.GetFiles(folder.File("runs"), "runs.db*")) File.Delete(file);
        store.Dispose();
        RunStore.Repair(folder.File("runs"));
        using var again = RunStore.OpenReadOnly(folder.File("runs"));
        Assert.Equal(log.Scalars.Count, again.Series(id).Count);
    }

    [Fact]
    public void FoldersWithoutALogAreRefused()
    {
        using var folder = new TemporaryFolder();
        using var store = RunStore.Open(folder.File("runs"));
        Directory.CreateDirectory(folder.File("empty"));
        Assert.Contains("holds no TensorBoard event files",
            Assert.Throws<InvalidDataException>(() => store.Import(folder.File("empty"))).Message, StringComparison.Ordinal);
        Assert.Throws<DirectoryNotFoundException>(() => store.Import(folder.File("none")));
        File.WriteAllText(Path.Combine(folder.File("empty"), "events.out.tfevents.1"), "not one");
        Assert.Contains("without a number", Assert.Throws<InvalidDataException>(() => store.Import(folder.File("empty"))).Message,
            StringComparison.Ordinal);
        Assert.Empty(Directory.GetDirectories(folder.File("runs")));
    }
}
