using Cresset.Runs;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Cresset.Tests.Managed.Runs;

/// <summary>
/// Stores, facts and event files that were damaged or written by a stranger: everything that reads them answers, or refuses in one
/// sentence.
/// CRESSET_TEST_MUTATIONS makes the run longer.
/// </summary>
public sealed class HostileStoreTests : IDisposable
{
    private static readonly Type[] Refusals = [typeof(RunStoreException), typeof(RunNotFoundException)];
    private static readonly object?[] Odd = [null, "", "x", -1L, 0L, 5e300, double.NegativeInfinity, long.MaxValue, long.MinValue, "../x",
        "\u001b[2J", new byte[] { 1, 2, 3 }, new string('9', 400), "2026-01-01"];
    private readonly TemporaryFolder _folder = new();
    private readonly TemporaryFolder _copy = new();

    public void Dispose()
    {
        _folder.Dispose();
        _copy.Dispose();
    }

    [Fact]
    public void MutatedDatabasesAreReadOrRefused()
    {
        Fill();
        ReaderFuzz.Run(File.ReadAllBytes(_folder.File("runs.db")), 100, bytes =>
        {
            File.WriteAllBytes(_copy.File("runs.db"), bytes);
            ReadEverything();
        }, Refusals);
    }

    [Fact]
    public void RowsThatAStrangerWroteAreReadOrRefused()
    {
        var id = Fill();
        var columns = new List<(string Table, string Column)>();
        using (var connection = Open(_folder))
        {
            foreach (var table in connection.Query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
                r => r.GetString(0)))
                columns.AddRange(connection.Query($"SELECT name FROM pragma_table_info('{table}')", r => (table, r.GetString(0))));
        }
        File.Copy(_folder.File("runs.db"), _copy.File("runs.db"), true);
        var random = new System.Random(11);
        using var editing = Open(_copy);
        // Constraints are not a protection: whoever writes a file can leave them out.
        editing.Execute("PRAGMA ignore_check_constraints = 1; PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY");
        foreach (var i in ReaderFuzz.Cases(120))
        {
            var edits = new List<string>();
            editing.Execute("SAVEPOINT edit");
            for (var k = random.Next(1, 4); k > 0; k--)
            {
                var (table, column) = columns[random.Next(columns.Count)];
                var value = column == "data" && random.Next(2) == 0 ? Blob(editing, random) : Odd[random.Next(Odd.Length)];
                try
                {
                    editing.Execute($"UPDATE {table} SET {column} = $0 WHERE rowid = (SELECT rowid FROM {table} ORDER BY random() LIMIT 1)",
                        value);
                    edits.Add($"{table}.{column} = {value}");
                }
                catch (SqliteException)
                {
                    // NOT NULL and UNIQUE hold even here.
                }
            }
            editing.Execute("RELEASE edit");
            try
            {
                ReadEverything(id);
            }
            catch (Exception e) when (e is InvalidDataException || Refusals.Contains(e.GetType()))
            {
            }
            catch (Exception e)
            {
                Assert.Fail($"case {i} ({string.Join("; ", edits)}): {e}");
            }
            if (i % 8 == 7)
            {
                editing.Close();
                File.Copy(_folder.File("runs.db"), _copy.File("runs.db"), true);
                editing.Open();
                editing.Execute("PRAGMA ignore_check_constraints = 1; PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY");
            }
        }
    }

    [Fact]
    public void MutatedFactsAreReadOrRefused()
    {
        var id = Fill();
        var folder = Directory.CreateDirectory(_copy.File(id)).FullName;
        ReaderFuzz.Run(File.ReadAllBytes(Path.Combine(_folder.Path, id, "run.json")), 400, bytes =>
        {
            File.WriteAllBytes(Path.Combine(folder, "run.json"), bytes);
            RunFolder.Read(folder);
        });
    }

    [Fact]
    public void FoldersWithMutatedFilesAreTakenInOrRefused()
    {
        var id = Fill();
        var folder = Directory.CreateDirectory(_copy.File(id)).FullName;
        var facts = File.ReadAllBytes(Path.Combine(_folder.Path, id, "run.json"));
        var events = Directory.GetFiles(Path.Combine(_folder.Path, id), "events*").Single();
        var whole = File.ReadAllBytes(events);
        var random = new System.Random(5);
        foreach (var i in ReaderFuzz.Cases(6))
        {
            foreach (var left in Directory.GetFiles(_copy.Path, "runs.db*")) File.Delete(left);
            File.WriteAllBytes(Path.Combine(folder, "run.json"), i % 2 == 0 ? facts : ReaderFuzz.Mutate(facts, random));
            File.WriteAllBytes(Path.Combine(folder, Path.GetFileName(events)), ReaderFuzz.Mutate(whole, random));
            try
            {
                RunStore.Repair(_copy.Path);
                ReadEverything();
            }
            catch (Exception e) when (e is InvalidDataException || Refusals.Contains(e.GetType()))
            {
            }
            catch (Exception e)
            {
                Assert.Fail($"case {i}: {e}");
            }
        }
    }

    private static byte[] Blob(SqliteConnection connection, System.Random random)
    {
        var blobs = connection.Query("SELECT data FROM chunks", r => r.GetValue(0) as byte[] ?? []);
        return ReaderFuzz.Mutate(blobs[random.Next(blobs.Count)] is { Length: > 0 } whole ? whole : [0], random);
    }

    private static SqliteConnection Open(TemporaryFolder folder)
    {
        var connection = new SqliteConnection($"Data Source={folder.File("runs.db")};Pooling=False");
        connection.Open();
        return connection;
    }

    private void ReadEverything(string? known = null)
    {
        using var store = RunStore.OpenReadOnly(_copy.Path);
        var bad = new List<BadRow>();
        var runs = store.List(new RunQuery { IncludeArchived = true }, bad);
        store.List(new RunQuery { Where = "lr<1e-3 and tag:x", Order = RunOrder.Figure, OrderKey = "loss" }, bad);
        store.Progress(bad);
        store.AllSeries(bad);
        store.Deleted();
        store.Marks();
        foreach (var id in runs.Select(r => r.Id).Append(known ?? "none").Distinct().Take(3).ToList())
        {
            if (known is null && id == "none") continue;
            store.Get(id, bad);
            store.Find(id);
            store.Config(id);
            store.EnvironmentOf(id);
            store.Pictures(id, bad);
            store.Texts(id, bad);
            store.Histograms(id, bad);
            store.Requests(id, bad);
            foreach (var series in store.Series(id, bad))
            {
                store.ReadSeries(id, series.Tag);
                store.ReadSeries(id, series.Tag, 10, 500, 16);
            }
            store.ExportCsv(id, TextWriter.Null);
            store.ExportJson(id, Stream.Null);
        }
    }

    private string Fill()
    {
        using var store = RunStore.Open(_folder.Path);
        var id = "";
        for (var r = 0; r < 2; r++)
        {
            using var run = store.Begin(new RunDescription
            {
                Name = $"run {r}",
                Kind = "train",
                Config = new Dictionary<string, string> { ["lr"] = "0.0001", ["model.width"] = "64" },
                ConfigText = "model:\n  width: 64\n",
                Tags = ["x", "y"],
                Note = "a note",
            });
            id = run.Id;
            for (var step = 0; step < 540; step++) run.Scalar("loss", step, 1.0 / (step + 1));
            run.Scalar("odd", 5, double.NaN);
            run.Text("log", 3, "hello");
            run.Picture("samples", 3, RunPictureTests.OnePixel);
            run.Histogram("weights", 4, [1f, 2f, float.NaN, 3f]);
            store.Ask(id, "save");
            run.Finish(RunStatus.Finished, new Dictionary<string, double> { ["accuracy"] = 0.98, ["lost"] = double.NaN });
        }
        store.Compact();
        return id;
    }
}
