using System.Diagnostics;
using Cresset.Runs;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Cresset.Tests.Managed.Runs;

/// <summary>Stores that several processes make at the same moment, and stores where processes can share no memory.</summary>
public sealed class NewStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>CRESSET_TEST_STORE_ROUNDS sets how often; the suite does a few.</summary>
    [Theory]
    [InlineData("wal", 8, 6)]
    [InlineData("rollback", 3, 2)]
    [InlineData("none", 3, 2)]
    public void SeveralProcessesOpenAStoreThatDoesNotExist(string journal, int processes, int rounds)
    {
        if (int.TryParse(Environment.GetEnvironmentVariable("CRESSET_TEST_STORE_ROUNDS"), out var asked)) (processes, rounds) = (8, asked);
        if (journal == "none" && !OperatingSystem.IsLinux()) return;
        var children = Enumerable.Range(0, processes).Select(i => Start($"run-{i}", journal == "none" ? "" : journal)).ToList();
        try
        {
            foreach (var child in children) Assert.Equal("ready", child.StandardOutput.ReadLine());
            for (var round = 0; round < rounds; round++)
            {
                var folder = _folder.File($"runs-{round}");
                if (journal == "none") WithoutSharedMemory(folder, [.. children.Select(c => $"{c.Id}-1")]);
                foreach (var child in children)
                {
                    child.StandardInput.WriteLine(folder);
                    child.StandardInput.Flush();
                }
                foreach (var child in children) Assert.Equal("ok", child.StandardOutput.ReadLine());
                using (var store = RunStore.OpenReadOnly(folder))
                {
                    Assert.Equal(Enumerable.Range(0, processes).Select(i => $"run-{i}"), store.List().Select(r => r.Name).Order());
                    foreach (var run in store.List()) Assert.Equal(100, store.ReadSeries(run.Id, "x").Count);
                    using var connection = store.OpenConnection();
                    Assert.Equal(journal == "wal" ? "wal" : "delete", connection.Scalar<string>("PRAGMA journal_mode"));
                }
                Directory.Delete(folder, recursive: true);
            }
        }
        finally
        {
            foreach (var child in children)
            {
                child.Kill();
                child.Dispose();
            }
        }
    }

    [Fact]
    public void WithoutSharedMemoryStoresAreMadeReadAndWrittenBySeveral()
    {
        if (!OperatingSystem.IsLinux()) return;
        using var children = Start("two", null);
        WithoutSharedMemory(_folder.Path, $"{children.Id}-1", $"{Environment.ProcessId}-{Environment.CurrentManagedThreadId}");
        Record("one");
        children.StandardInput.WriteLine(_folder.Path);
        children.StandardInput.Flush();
        using (var store = RunStore.Open(_folder.Path))
        {
            using var run = store.Begin("three", "test");
            for (var step = 0; step < 5000; step++) run.Scalar("x", step, step);
            Assert.Equal("ready", children.StandardOutput.ReadLine());
            Assert.Equal("ok", children.StandardOutput.ReadLine());
            using var reader = RunStore.OpenReadOnly(_folder.Path);
            Assert.Equal(3, reader.List().Count);
            run.Finish(RunStatus.Finished);
        }
        children.Kill();
        using var after = RunStore.OpenReadOnly(_folder.Path);
        Assert.Equal(5000, after.ReadSeries(after.Find("three").Id, "x").Count);
        Assert.False(File.Exists(_folder.File("runs.db-wal")));
    }

    [Fact]
    public void AStoreWithAWriteAheadLogIsTakenToWhereThereIsNoSharedMemory()
    {
        if (!OperatingSystem.IsLinux()) return;
        Record("one");
        File.Delete(_folder.File("runs.db-shm"));
        WithoutSharedMemory(_folder.Path);
        using (var reader = RunStore.OpenReadOnly(_folder.Path)) Assert.Equal("one", Assert.Single(reader.List()).Name);
        Record("two");
        using var store = RunStore.OpenReadOnly(_folder.Path);
        Assert.Equal(2, store.List().Count);
        using (var connection = store.OpenConnection()) Assert.Equal("ok", connection.Scalar<string>("PRAGMA integrity_check"));
    }

    // A recorder's folder, copied while it was at work or after it was killed, on a disk that can only be read.
    [Fact]
    public void TheLastCommitsInALogAreReadWhereNothingCanBeWritten()
    {
        if (!OperatingSystem.IsLinux()) return;
        using var copy = new TemporaryFolder();
        using (var store = RunStore.Open(_folder.Path))
        {
            using var run = store.Begin("last", "test");
            foreach (var file in new[] { "runs.db", "runs.db-wal" }) File.Copy(_folder.File(file), copy.File(file));
            run.Finish(RunStatus.Finished);
        }
        WithoutSharedMemory(copy.Path);
        var before = (File.ReadAllBytes(copy.File("runs.db")), File.ReadAllBytes(copy.File("runs.db-wal")));
        using (var reader = RunStore.OpenReadOnly(copy.Path)) Assert.Equal("last", Assert.Single(reader.List()).Name);
        Assert.Equal(before.Item1, File.ReadAllBytes(copy.File("runs.db")));
        Assert.Equal(before.Item2, File.ReadAllBytes(copy.File("runs.db-wal")));
    }

    // What a network file system does: the file that would be shared memory cannot be opened, be it the store's or that of a trial.
    private static void WithoutSharedMemory(string folder, params string[] trials)
    {
        Directory.CreateDirectory(Path.Combine(folder, "runs.db-shm"));
        foreach (var trial in trials) Directory.CreateDirectory(Path.Combine(folder, $"runs.db-probe-{trial}-shm"));
    }

    private void Record(string name)
    {
        using var store = RunStore.Open(_folder.Path);
        using var run = store.Begin(name, "test");
        run.Scalar("x", 1, 2);
        run.Finish(RunStatus.Finished);
    }

    private static Process Start(string name, string? journal)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardInput = true, RedirectStandardOutput = true };
        start.Environment[StoreChild.Variable] = name;
        if (journal is not null) start.Environment["CRESSET_JOURNAL"] = journal;
        return Process.Start(start)!;
    }
}
