using Cresset.Runs;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Cresset.Tests.Managed.Runs;

/// <summary>Runs that travel, stores that are made anew, and rows that somebody else wrote.</summary>
public sealed class PortableRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AFolderCopiedToAnEmptyMachineHasEverything(bool resumed)
    {
        var home = _folder.File("home");
        string id;
        using (var store = RunStore.Open(home))
        {
            id = Record(store, resumed);
            store.AddTag(id, "good");
            store.SetNote(id, "für später\n\u001b[31m");
            store.SetArchived(id, true);
        }
        var away = _folder.File("away/runs");
        Copy(Path.Combine(home, id), Path.Combine(away, id));
        using var before = RunStore.OpenReadOnly(home);
        using var after = RunStore.OpenReadOnly(away);
        Assert.Equal(Text(before, id).Replace(home, away, StringComparison.Ordinal), Text(after, id));
        Assert.Equal(Bare(before.Get(id)), Bare(after.Get(id)));
        Assert.Equal(before.Pictures(id).Select(p => (p.Tag, p.Step, p.Sha256, p.Caption)),
            after.Pictures(id).Select(p => (p.Tag, p.Step, p.Sha256, p.Caption)));
        Assert.Equal(before.Histograms(id).Select(h => (h.Tag, h.Step, h.Time, string.Join(' ', h.Histogram.Buckets))),
            after.Histograms(id).Select(h => (h.Tag, h.Step, h.Time, string.Join(' ', h.Histogram.Buckets))));
        foreach (var series in before.Series(id)) SeriesLaws.PyramidIsThatOfThePoints(after, id, series.Tag);

        // It goes on there as it would here.
        foreach (var folder in (string[])[home, away])
        {
            using var store = RunStore.Open(folder);
            using var run = store.Resume(id);
            run.TruncateAfter(700);
            for (var step = 701; step < 900; step++) run.Scalar("loss", step, step / 7.0);
            run.Finish(RunStatus.Finished);
        }
        Assert.Equal(before.ReadSeries(id, "loss").Select(p => (p.Step, p.Value)),
            after.ReadSeries(id, "loss").Select(p => (p.Step, p.Value)));
        Assert.Equal(before.Series(id).Select(s => (s.Tag, s.Count, s.Min, s.Max)),
            after.Series(id).Select(s => (s.Tag, s.Count, s.Min, s.Max)));
    }

    [Fact]
    public void AFolderCopiedIntoAStoreIsListedAndOneThatCannotBeReadIsNamed()
    {
        string id;
        using (var store = RunStore.Open(_folder.File("home"))) id = Record(store, false);
        using (var store = RunStore.Open(_folder.File("away"))) Record(store, false);
        Copy(_folder.File($"home/{id}"), _folder.File("away/a copy of it"));
        Copy(_folder.File($"home/{id}"), _folder.File("away/torn"));
        File.WriteAllText(_folder.File("away/torn/run.json"), "{");
        using var all = RunStore.OpenReadOnly(_folder.File("away"));
        Assert.Equal(2, all.List().Count);
        Assert.Equal(Points(all, all.List().Single(r => r.Id != "a copy of it").Id).Length, Points(all, "a copy of it").Length);
        Assert.Equal("torn", Path.GetFileName(Assert.Single(all.NotTakenIn)));
        Assert.Contains("torn", Assert.Single(RunStore.Repair(_folder.File("away")).Notices), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gone")]
    [InlineData("cut")]
    [InlineData("noise")]
    public void AStoreIsMadeAnewFromItsFolders(string damage)
    {
        var ids = new List<string>();
        var expected = new List<string>();
        using (var store = RunStore.Open(_folder.Path))
        {
            for (var i = 0; i < 3; i++) ids.Add(Record(store, i == 1));
            expected.AddRange(ids.Select(id => Text(store, id)));
        }
        var path = _folder.File("runs.db");
        var bytes = File.ReadAllBytes(path);
        if (damage == "gone") File.Delete(path);
        else if (damage == "cut") File.WriteAllBytes(path, bytes[..(bytes.Length / 2)]);
        else
        {
            new System.Random(3).NextBytes(bytes.AsSpan(4096, bytes.Length - 5000));
            File.WriteAllBytes(path, bytes);
        }
        var leftover = _folder.File($"{ids[0]}/checkpoints/step-00000001.safetensors.999999.{Guid.NewGuid():N}.tmp");
        File.WriteAllText(leftover, "half a checkpoint");
        File.WriteAllText(_folder.File($"{ids[0]}/mine.tmp"), "the user's");
        var repair = RunStore.Repair(_folder.Path);
        Assert.Equal(ids.Order(), repair.TakenIn.Order());
        Assert.Equal(leftover, Assert.Single(repair.Removed));
        Assert.Equal(damage == "gone" ? 0 : 1, repair.Notices.Count(n => n.Contains("damaged", StringComparison.Ordinal)));
        using var anew = RunStore.OpenReadOnly(_folder.Path);
        Assert.Equal(expected, ids.Select(id => Text(anew, id)));
        Assert.Empty(RunStore.Repair(_folder.Path).TakenIn);
    }

    [Fact]
    public void ADeletedRunComesBackWithEverythingUntilTheTrashIsEmptied()
    {
        using var store = RunStore.Open(_folder.Path);
        var (kept, deleted) = (Record(store, false), Record(store, true));
        var expected = Text(store, deleted);
        store.Trash(deleted);
        Assert.Equal(kept, Assert.Single(store.List(new RunQuery { IncludeArchived = true })).Id);
        Assert.Throws<RunNotFoundException>(() => store.Get(deleted));
        Assert.False(Directory.Exists(store.FolderOf(deleted)));
        Assert.Empty(RunStore.Repair(_folder.Path).TakenIn);
        Assert.Equal(deleted, store.Restore(deleted[..^2]));
        Assert.Equal(expected, Text(store, deleted));
        Assert.True(File.Exists(store.Pictures(deleted)[0].Path));
        Assert.Throws<RunNotFoundException>(() => store.Restore(deleted));
        store.Trash(deleted);
        Assert.Equal(1, store.EmptyTrash());
        Assert.Empty(store.Deleted());
        Assert.Throws<RunNotFoundException>(() => store.Restore(deleted));
    }

    [Theory]
    [InlineData("../outside")]
    [InlineData("/tmp/outside")]
    [InlineData("a/b")]
    [InlineData("..")]
    [InlineData("\u001b[31m")]
    [InlineData("")]
    public void AHostileIdIsRefusedBeforeAnythingIsWritten(string id)
    {
        using (var store = RunStore.Open(_folder.Path))
        {
            Record(store, false);
            using var connection = store.OpenConnection();
            connection.Execute("UPDATE runs SET id = $0", id);
        }
        var before = Files();
        using var opened = RunStore.Open(_folder.Path);
        foreach (var use in (Action[])[() => opened.List(), () => opened.Delete(id), () => opened.Trash(id), () => opened.Resume("r"),
            () => opened.Find("r")])
            Assert.Contains("Cresset did not write that", Assert.ThrowsAny<Exception>(use).Message, StringComparison.Ordinal);
        Assert.Equal(before, Files());

        string[] Files() =>
            [.. Directory.EnumerateFileSystemEntries(_folder.Path, "*", SearchOption.AllDirectories)
                .Where(p => !p.Contains("runs.db-", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
    }

    [Fact]
    public void APictureElsewhereIsNotDeleted()
    {
        var precious = _folder.File("precious.txt");
        File.WriteAllText(precious, "mine");
        using var store = RunStore.Open(_folder.File("runs"));
        var id = Record(store, false);
        using (var connection = store.OpenConnection()) connection.Execute("UPDATE media SET file = '../../precious.txt'");
        Assert.Throws<InvalidDataException>(() => store.Pictures(id));
        using var run = store.Resume(id);
        Assert.Throws<InvalidDataException>(() => run.TruncateAfter(-1));
        Assert.Equal("mine", File.ReadAllText(precious));
    }

    [Fact]
    public void ADatabaseThatIsDeletedWhileARunIsRecordedIsReported()
    {
        if (OperatingSystem.IsWindows()) return;
        using var store = RunStore.Open(_folder.Path);
        using var run = store.Begin("r", "test");
        run.Scalar("x", 1, 2);
        foreach (var file in Directory.GetFiles(_folder.Path, "runs.db*")) File.Delete(file);
        Assert.Contains("was deleted", Assert.Throws<RunStoreException>(() => run.Finish(RunStatus.Finished)).Message,
            StringComparison.Ordinal);
        // What it had recorded lies in its folder.
        Assert.Equal([run.Id], RunStore.Repair(_folder.Path).TakenIn);
        using var again = RunStore.OpenReadOnly(_folder.Path);
        Assert.Equal(RunStatus.Interrupted, again.Get(run.Id).Status);
    }

    [Fact]
    public void SessionsKeepTheirOrderWhenTheClockIsSetBack()
    {
        var names = new List<string>();
        for (var i = 0; i < 12; i++)
        {
            using var writer = new EventFileWriter(_folder.Path);
            names.Add(writer.Path);
        }
        Assert.Equal(names, names.Order(StringComparer.Ordinal));
    }

    // Folder, tags and summary are compared with the export.
    private static string Bare(RunInfo run) => (run with { Folder = "", Heartbeat = default, ProcessId = 0 }).ToString();

    private static string Record(RunStore store, bool resumed)
    {
        string id;
        using (var run = store.Begin(
            new RunDescription
            {
                Name = "r",
                Config = new Dictionary<string, string> { ["lr"] = "0.001" },
                Tags = ["one"],
                ConfigText = "job: r\n"
            }))
        {
            id = run.Id;
            for (var step = 0; step < 1500; step++) run.Scalar("loss", step, Math.Sin(step) / 3);
            run.Scalar("odd", 3, double.NaN);
            run.Scalar("odd", 4, double.PositiveInfinity);
            run.Scalar("odd", 5, 1e300);
            run.Picture("picture", 7, RunPictureTests.OnePixel, "größer");
            run.Text("words", 9, "Zeile\nzwei");
            run.Histogram("weights", 10, [1, 2, 2, 5]);
            run.Finish(RunStatus.Finished, new Dictionary<string, double> { ["zeta"] = 1.0 / 3, ["alpha"] = double.NaN });
        }
        if (!resumed) return id;
        using (var run = store.Resume(id))
        {
            // One stage goes back, the other stays.
            run.TruncateAfter(1000, tag => tag == "loss");
            for (var step = 1001; step < 1200; step++) run.Scalar("loss", step, step / 7.0);
            run.Picture("picture", 1100, RunPictureTests.OnePixel);
            run.Finish(RunStatus.Stopped, new Dictionary<string, double> { ["zeta"] = 0.5 }, "stopped by hand");
        }
        return id;
    }

    private static string Text(RunStore store, string id)
    {
        using var stream = new MemoryStream();
        store.ExportJson(id, stream);
        return System.Text.Encoding.UTF8.GetString(stream.ToArray());
    }

    private static (long, double)[] Points(RunStore store, string id) => [.. store.ReadSeries(id, "loss").Select(p => (p.Step, p.Value))];

    private static void Copy(string from, string to)
    {
        foreach (var path in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, path));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(path, target);
        }
    }
}
