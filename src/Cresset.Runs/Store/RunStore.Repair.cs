using Microsoft.Data.Sqlite;

namespace Cresset.Runs;

/// <summary>What <see cref="RunStore.Repair"/> did.</summary>
/// <param name="TakenIn">Runs whose folders the store did not know.</param>
/// <param name="Notices">What was found besides, a sentence each.</param>
/// <param name="Removed">Files that killed processes had left behind.</param>
public sealed record StoreRepair(IReadOnlyList<string> TakenIn, IReadOnlyList<string> Notices, IReadOnlyList<string> Removed);

public sealed partial class RunStore
{
    /// <summary>
    /// Makes a store right again from what lies in its folder: a damaged database is set aside and made anew, folders it does not know are
    /// taken in, runs of earlier versions get the facts that let their folders travel, and what killed processes left behind is removed. No
    /// run is changed.
    /// </summary>
    /// <exception cref="InvalidDataException">The database is of another program or of a newer version.</exception>
    public static StoreRepair Repair(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (!Directory.Exists(folder)) throw new DirectoryNotFoundException($"There is no folder '{Path.GetFullPath(folder)}'.");
        var notices = new List<string>();
        if (Damage(folder) is { } damage)
        {
            var aside = SetAside(folder);
            notices.Add(
                $"The database was damaged ({damage}); it was moved to '{aside}' and made anew from the runs' folders. Points of runs "
                    + $"without event files, and runs without folders, are in the old one alone.");
        }
        using var store = Open(folder);
        var takenIn = store.TakeIn(notices);
        var removed = new List<string>();
        foreach (var run in store.List(new RunQuery { IncludeArchived = true }))
        {
            if (!Directory.Exists(run.Folder)) notices.Add($"{run.Id}: its folder is gone; figures and series are in the database alone.");
            else if (run.Status != RunStatus.Running && TryHold(run.Folder) is { } held)
            {
                using (held)
                {
                    if (!File.Exists(Path.Combine(run.Folder, RunFacts.FileName))) store.WriteFacts(run.Id);
                    removed.AddRange(RemoveLeftovers(run.Folder));
                }
            }
        }
        store.SweepDeleted();
        return new StoreRepair(takenIn, notices, removed);
    }

    /// <summary>Takes in a run's folder that lies in this store's folder and that it does not know; returns its id.</summary>
    /// <exception cref="InvalidDataException">It is not a run's folder, or damaged.</exception>
    /// <exception cref="RunStoreException">A process records into it.</exception>
    public string TakeIn(string folder)
    {
        ThrowIfReadOnly();
        var path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        var id = Path.GetFileName(path);
        if (Path.GetDirectoryName(path) != Path.TrimEndingDirectorySeparator(Folder))
            throw new ArgumentException($"'{path}' does not lie in '{Folder}'.", nameof(folder));
        if (!RunFolder.IsId(id))
            throw new InvalidDataException(
                $"'{id}' cannot be the id of a run; rename the folder (no ':' or control characters, no '.' at the beginning).");
        if (Known().Contains(id)) return id;
        if (!RunFolder.Is(path)) throw new InvalidDataException($"'{path}' is not the folder of a run.");
        using var held = TryHold(path) ?? throw new RunStoreException($"'{path}' is being recorded by another process.");
        return TakeIn(path, id, []);
    }

    // Folders that are being recorded are left alone: their process writes their rows.
    private List<string> TakeIn(List<string> notices)
    {
        var taken = new List<string>();
        foreach (var path in UnknownFolders())
        {
            if (TryHold(path) is not { } held) continue;
            using (held)
            {
                try
                {
                    taken.Add(TakeIn(path, Path.GetFileName(path), notices));
                }
                catch (InvalidDataException e)
                {
                    notices.Add($"{path} is not taken in: {e.Message}");
                }
            }
        }
        return taken;
    }

    private string TakeIn(string path, string id, List<string> notices)
    {
        var import = RunImport.Of(path);
        _connections.Write(
            connection => connection.Query("SELECT 1 FROM runs WHERE id = $0", r => r.GetInt64(0), id).Count > 0 ? 0
                : import.Store(connection, id));
        notices.AddRange(import.Notices);
        return id;
    }

    /// <summary>Folders of runs here that the database does not know.</summary>
    private List<string> UnknownFolders()
    {
        var known = Known();
        return [.. Directory.EnumerateDirectories(Folder)
            .Where(path => Path.GetFileName(path) is var id && !known.Contains(id) && RunFolder.IsId(id) && RunFolder.Is(path))
            .Order(StringComparer.Ordinal)];
    }

    private HashSet<string> Known() => [.. _connections.Read(connection => connection.Query("SELECT id FROM runs", r => r.GetString(0)))];

    private void WriteFacts(string id)
    {
        if (!Directory.Exists(FolderOf(id))) return;
        var facts = _connections.Read(connection => KeyOf(connection, id) is >= 0 and var key ? ReadFacts(connection, key) : null);
        facts?.Write(FolderOf(id));
    }

    internal static RunFacts ReadFacts(SqliteConnection connection, long key)
    {
        var facts = connection.Query(
            "SELECT name, kind, status, created, ended, active, sessions, host, note, message, archived FROM runs WHERE key = $0",
            r => new RunFacts
            {
                Name = r.GetString(0),
                Kind = r.GetString(1),
                Status = r.GetString(2),
                Created = r.Time(3),
                Ended = r.IsDBNull(4) ? null : r.Time(4),
                ActiveTime = TimeSpan.FromMicroseconds(r.GetInt64(5)),
                Sessions = r.GetInt32(6),
                Host = r.GetString(7),
                Note = r.GetString(8),
                Message = r.GetString(9),
                Archived = r.GetInt64(10) != 0,
            },
            key)[0];
        return facts with
        {
            Tags = connection.Query("SELECT tag FROM tags WHERE run = $0 ORDER BY tag", r => r.GetString(0), key),
            Summary =
                connection.Query("SELECT key, value FROM summary WHERE run = $0 ORDER BY place, key",
                    r => KeyValuePair.Create(r.GetString(0), r.DoubleOrNaN(1)), key),
            Config =
                connection.Query("SELECT key, value FROM config WHERE run = $0 ORDER BY key", r => (r.GetString(0), r.GetString(1)), key)
                    .ToDictionary(),
            Environment =
                connection.Query("SELECT key, value FROM environment WHERE run = $0 ORDER BY key", r => (r.GetString(0), r.GetString(1)),
                    key).ToDictionary(),
        };
    }

    private static string? Damage(string folder)
    {
        if (!Exists(folder)) return null;
        try
        {
            using var store = Open(folder);
            var check = store._connections.Use(connection => connection.Scalar<string>("PRAGMA integrity_check"));
            return check == "ok" ? null : check.Split('\n')[0];
        }
        catch (InvalidDataException e) when (e.InnerException is SqliteException damage)
        {
            return damage.Message;
        }
    }

    private static string SetAside(string folder)
    {
        var aside = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"runs.db.damaged-{DateTime.UtcNow:yyyyMMdd-HHmmss}");
        foreach (var part in (string[])["", "-wal", "-shm"])
        {
            var path = Path.Combine(folder, "runs.db" + part);
            if (File.Exists(path)) File.Move(path, Path.Combine(folder, aside + part));
        }
        return aside;
    }

    private static FileStream? TryHold(string folder)
    {
        try
        {
            return new FileStream(Path.Combine(folder, "run.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // The folder is held, so no process is writing these.
    private static List<string> RemoveLeftovers(string folder)
    {
        var found = Directory.EnumerateFiles(folder, "*.tmp", SearchOption.AllDirectories).Where(IsLeftover).ToList();
        foreach (var path in found) File.Delete(path);
        return found;
    }

    // AtomicFile's names: the file's own, the process, 32 digits.
    private static bool IsLeftover(string path)
        => Path.GetFileName(path).Split('.') is [.., var process, { Length: 32 } unique, "tmp"] && process.All(char.IsAsciiDigit)
            && unique.All(char.IsAsciiHexDigit);
}
