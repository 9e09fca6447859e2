using Cresset.Runs;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Cresset.Tests.Managed.Runs;

public sealed class DamagedStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void AFileThatIsNoDatabaseIsNamed()
    {
        File.WriteAllText(_folder.File("runs.db"), new string('x', 5000));
        Assert.Contains("runs.db", Assert.Throws<InvalidDataException>(() => RunStore.Open(_folder.Path)).Message,
            StringComparison.Ordinal);
        Assert.Throws<InvalidDataException>(() => RunStore.OpenReadOnly(_folder.Path));
    }

    /// <summary>
    /// A recorder that is killed while it changes the database leaves half of the change and a journal to take it back with. Whoever reads
    /// takes it back first: one that opens the store then, and one that had it open.
    /// </summary>
    [Fact]
    public void AHalfWrittenDatabaseIsTakenBackBeforeItIsRead()
    {
        using (var store = RunStore.Open(_folder.Path))
        {
            for (var i = 0; i < 200; i++)
            {
                using var run = store.Begin($"run {i}", "train", new Dictionary<string, string> { ["text"] = new('a', 3000) });
            }
        }
        using var connection = new SqliteConnection($"Data Source={_folder.File("runs.db")};Pooling=False");
        connection.Open();
        connection.Execute("PRAGMA journal_mode = DELETE; PRAGMA cache_size = 4");
        using var opened = new TemporaryFolder();
        using var fresh = new TemporaryFolder();
        File.Copy(_folder.File("runs.db"), opened.File("runs.db"));
        using var reader = RunStore.OpenReadOnly(opened.Path);
        var whole = reader.List().Select(r => r.Id).ToArray();
        Assert.Equal(200, whole.Length);
        // With room for four pages most of the change is in the file before it is whole; what a kill would leave is copied then.
        connection.Execute("BEGIN IMMEDIATE; UPDATE config SET value = hex(zeroblob(2500)); DELETE FROM runs WHERE key % 3 = 0");
        foreach (var copy in new[] { opened, fresh })
        {
            File.Copy(_folder.File("runs.db"), copy.File("runs.db"), overwrite: true);
            File.Copy(_folder.File("runs.db-journal"), copy.File("runs.db-journal"));
        }
        connection.Execute("ROLLBACK");
        Assert.NotEqual(File.ReadAllBytes(_folder.File("runs.db")), File.ReadAllBytes(fresh.File("runs.db")));

        Assert.Equal(whole, reader.List().Select(r => r.Id));
        using var store2 = RunStore.OpenReadOnly(fresh.Path);
        Assert.Equal(whole, store2.List().Select(r => r.Id));
        Assert.Equal(new string('a', 3000), store2.Config(whole[0])["text"]);
        using var check = store2.OpenConnection();
        Assert.Equal("ok", check.Scalar<string>("PRAGMA integrity_check"));
    }

    [Fact]
    public void OtherProgramsAndNewerVersionsAreRefused()
    {
        using (var connection = new SqliteConnection($"Data Source={_folder.File("runs.db")};Pooling=False"))
        {
            connection.Open();
            connection.Execute("CREATE TABLE theirs (x)");
        }
        Assert.Contains("another program", Assert.Throws<InvalidDataException>(() => RunStore.Open(_folder.Path)).Message,
            StringComparison.Ordinal);
        File.Delete(_folder.File("runs.db"));
        RunStore.Open(_folder.Path).Dispose();
        using (var connection = new SqliteConnection($"Data Source={_folder.File("runs.db")};Pooling=False"))
        {
            connection.Open();
            connection.Execute("PRAGMA user_version = 99");
        }
        Assert.Contains("99", Assert.Throws<InvalidDataException>(() => RunStore.Open(_folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AMissingStoreIsNamed()
    {
        Assert.False(RunStore.Exists(_folder.Path));
        Assert.Contains("no runs", Assert.Throws<RunStoreException>(() => RunStore.OpenReadOnly(_folder.Path)).Message,
            StringComparison.Ordinal);
        File.WriteAllText(_folder.File("file"), "");
        Assert.Throws<RunStoreException>(() => RunStore.Open(_folder.File("file")));
    }

    [Fact]
    public void ManyProcessesMayMakeTheStoreAtOnce()
    {
        Parallel.For(0, 8, i =>
        {
            using var store = RunStore.Open(_folder.Path);
            using var run = store.Begin($"r{i}", "test");
            run.Scalar("x", 1, i);
            run.Finish(RunStatus.Finished);
        });
        using var all = RunStore.OpenReadOnly(_folder.Path);
        Assert.Equal(8, all.List().Count);
    }

    [Fact]
    public void AStoreThatCannotBeWrittenIsStillRead()
    {
        using (var store = RunStore.Open(_folder.Path))
        {
            using var run = store.Begin("r", "test");
            run.Scalar("x", 1, 2);
            run.Finish(RunStatus.Finished);
        }
        using var reader = RunStore.OpenReadOnly(_folder.Path);
        Assert.Throws<InvalidOperationException>(() => reader.Begin("no", "test"));
        Assert.Throws<InvalidOperationException>(() => reader.Delete(reader.List()[0].Id));
        Assert.Equal(2, reader.LastValues(reader.Find("r").Id)["x"].Value);
    }
}
