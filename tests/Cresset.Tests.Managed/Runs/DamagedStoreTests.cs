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
