using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Cresset.Numerics;
using Microsoft.Data.Sqlite;

namespace Cresset.Runs;

/// <summary>
/// A folder of runs with its database <c>runs.db</c>. Several processes may record different runs in one store at once. Members may be
/// called from several threads.
/// </summary>
public sealed partial class RunStore : IDisposable
{
    private readonly Connections _connections;

    private RunStore(string folder, bool readOnly, TimeSpan? patience)
    {
        Folder = Path.GetFullPath(folder);
        DatabasePath = Path.Combine(Folder, "runs.db");
        IsReadOnly = readOnly;
        _connections = new Connections(DatabasePath, readOnly, patience);
    }

    /// <summary>Full path of the folder.</summary>
    public string Folder { get; }

    /// <summary>Full path of the database.</summary>
    public string DatabasePath { get; }

    /// <summary>Opened by <see cref="OpenReadOnly"/>.</summary>
    public bool IsReadOnly { get; }

    /// <summary>Whether a folder holds a store.</summary>
    public static bool Exists(string folder) => File.Exists(Path.Combine(folder, "runs.db"));

    /// <summary>
    /// Opens the store of a folder, making folder and database if they are not there, and brings an older database up to date.
    /// </summary>
    /// <param name="folder">The folder of runs.</param>
    /// <param name="patience">How long to wait for a database that another process holds locked; half a minute when null.</param>
    /// <exception cref="RunStoreException">The folder is not writable, or the disk is full.</exception>
    /// <exception cref="InvalidDataException"><c>runs.db</c> is damaged, of another program, or of a newer version.</exception>
    public static RunStore Open(string folder, TimeSpan? patience = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RunStoreException($"The runs folder '{folder}' cannot be made: {e.Message}", e);
        }
        var store = new RunStore(folder, readOnly: false, patience);
        try
        {
            store._connections.Use(connection =>
            {
                Journal.Enter(connection, store.Folder);
                Schema.Migrate(connection, store.DatabasePath);
                return 0;
            });
            return store;
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Opens an existing store for reading only; works in folders that are not writable. A store of an earlier version is brought up to
    /// date first, and runs' folders that were copied here are taken in.
    /// </summary>
    /// <param name="folder">The folder of runs.</param>
    /// <param name="patience">How long to wait for a database that another process holds locked; half a minute when null.</param>
    /// <exception cref="RunStoreException">There is no store in the folder, or it cannot be read.</exception>
    /// <exception cref="InvalidDataException"><c>runs.db</c> is damaged, of another program, or of a newer version.</exception>
    public static RunStore OpenReadOnly(string folder, TimeSpan? patience = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (!Exists(folder) && Directory.Exists(folder) && Directory.EnumerateDirectories(folder).Any(RunFolder.Is)) Repair(folder);
        if (!Exists(folder))
            throw new RunStoreException(
                $"There are no runs in '{Path.GetFullPath(folder)}' (no runs.db). Name the folder that holds them.");
        var store = new RunStore(folder, readOnly: true, patience);
        try
        {
            if (store._connections.Use(connection => Schema.Check(connection, store.DatabasePath)) == Schema.Version)
            {
                store.TakeInWhatIsNew();
                return store;
            }
        }
        catch
        {
            store.Dispose();
            throw;
        }
        store.Dispose();
        // A store of an earlier version is brought up to date, which needs to write once.
        Open(folder, patience).Dispose();
        return new RunStore(folder, readOnly: true, patience);
    }

    /// <summary>Begins a new run: makes its folder, its rows and its event file.</summary>
    /// <exception cref="RunStoreException">The folder is not writable, or the disk is full.</exception>
    public Run Begin(RunDescription description)
    {
        ArgumentNullException.ThrowIfNull(description);
        ThrowIfNotOneLine(description.Name, "name");
        ThrowIfReadOnly();
        var now = DateTime.UtcNow;
        var id = Files(Folder, () => ClaimId(() => NewId(description.Name, now)));
        var folder = FolderOf(id);
        return Files(folder, () =>
        {
            Directory.CreateDirectory(Path.Combine(folder, "checkpoints"));
            Directory.CreateDirectory(Path.Combine(folder, "samples"));
            var held = Hold(id, folder);
            try
            {
                if (description.ConfigText is { } text) AtomicFile.WriteText(Path.Combine(folder, description.ConfigFileName), text);
                else AtomicFile.WriteText(Path.Combine(folder, "config.json"), RunFacts.TextOf(description.Config));
                var key = _connections.Write(connection => Insert(connection, id, description, now));
                WriteFacts(id);
                return new Run(this, Get(id), key, held, description.WriteEventFile, resumed: false);
            }
            catch
            {
                held.Dispose();
                throw;
            }
        });
    }

    /// <summary>Begins a new run with a flat configuration.</summary>
    public Run Begin(string name, string kind, IReadOnlyDictionary<string, string>? config = null)
        => Begin(new RunDescription { Name = name, Kind = kind, Config = config ?? new Dictionary<string, string>() });

    /// <summary>
    /// Continues a run whose process ended or was killed. Call <see cref="Run.TruncateAfter"/> with the step of the restored checkpoint.
    /// </summary>
    /// <param name="text">Id, unique beginning of it, or name (see <see cref="Find"/>).</param>
    /// <param name="writeEventFile">Also write another event file into its folder.</param>
    /// <exception cref="RunNotFoundException">No run, or several, go by <paramref name="text"/>.</exception>
    /// <exception cref="RunStoreException">Another process records into it.</exception>
    public Run Resume(string text, bool writeEventFile = true)
    {
        ThrowIfReadOnly();
        var info = Find(text);
        return Files(info.Folder, () =>
        {
            Directory.CreateDirectory(Path.Combine(info.Folder, "checkpoints"));
            Directory.CreateDirectory(Path.Combine(info.Folder, "samples"));
            var held = Hold(info.Id, info.Folder);
            try
            {
                var key = _connections.Write(connection =>
                {
                    connection.Execute(
                        "UPDATE runs SET status = 'running', ended = NULL, message = '', heartbeat = $1, sessions = sessions + 1, host = "
                            + "$2, process = $3, process_key = $4 WHERE id = $0",
                        info.Id, EventFileWriter.Microseconds(DateTime.UtcNow), Environment.MachineName, Environment.ProcessId,
                        Liveness.OwnKey);
                    return KeyOf(connection, info.Id);
                });
                WriteFacts(info.Id);
                return new Run(this, info, key, held, writeEventFile, resumed: true);
            }
            catch
            {
                held.Dispose();
                throw;
            }
        });
    }

    /// <summary>
    /// Folders here that look like runs and that the database does not know: being begun, damaged, or copied into a folder that cannot be
    /// written.
    /// </summary>
    public IReadOnlyList<string> NotTakenIn => UnknownFolders();

    /// <summary>Full path of the folder of a run.</summary>
    public string FolderOf(string id) => Path.Combine(Folder, RunFolder.CheckId(id));

    /// <summary>Closes the database. Runs that are being recorded keep their own connection.</summary>
    public void Dispose() => _connections.Dispose();

    internal SqliteConnection OpenConnection()
    {
        try
        {
            return _connections.Open();
        }
        catch (SqliteException e)
        {
            throw Connections.Translate(e, DatabasePath);
        }
    }

    private static long Insert(SqliteConnection connection, string id, RunDescription description, DateTime now)
    {
        var time = EventFileWriter.Microseconds(now);
        var key = connection.Scalar<long>(
            "INSERT INTO runs (id, name, kind, status, created, heartbeat, host, process, process_key, note) VALUES ($0, $1, $2, "
                + "'running', $3, $3, $4, $5, $6, $7) RETURNING key",
            id, description.Name, description.Kind, time, Environment.MachineName, Environment.ProcessId, Liveness.OwnKey,
            description.Note);
        foreach (var (name, value) in description.Config)
            connection.Execute("INSERT INTO config (run, key, value) VALUES ($0, $1, $2)", key, name, value);
        var facts = new Dictionary<string, string>(EnvironmentFacts.Collect());
        foreach (var (name, value) in description.Environment) facts[name] = value;
        foreach (var (name, value) in facts)
            connection.Execute("INSERT INTO environment (run, key, value) VALUES ($0, $1, $2)", key, name, value);
        foreach (var tag in description.Tags) connection.Execute("INSERT OR IGNORE INTO tags (run, tag) VALUES ($0, $1)", key, tag);
        return key;
    }

    private void TakeInWhatIsNew()
    {
        if (UnknownFolders() is not { Count: > 0 }) return;
        try
        {
            using var writable = Open(Folder);
            writable.TakeIn([]);
        }
        catch (RunStoreException)
        {
            // The folder is for reading only: NotTakenIn names them.
        }
    }

    // The operating system frees the lock with the process, however that ends.
    private FileStream Hold(string id, string folder)
    {
        var path = Path.Combine(folder, "run.lock");
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException) when (File.Exists(path))
        {
            var info = Get(id);
            throw new RunStoreException($"Run '{id}' is being recorded by process {info.ProcessId} on {info.Host}; stop it first.");
        }
    }

    private static T Files<T>(string folder, Func<T> make)
    {
        try
        {
            return make();
        }
        catch (Exception e) when (e is UnauthorizedAccessException || (e is IOException and not RunStoreException))
        {
            throw new RunStoreException($"The run's folder '{folder}' cannot be written: {e.Message}", e);
        }
    }

    /// <summary>
    /// An id that no other run has, with its folder made. Under the store's write lock: of two processes that begin runs of one name in the
    /// same second none gets the other's.
    /// </summary>
    internal string ClaimId(Func<string> draw) => _connections.Write(connection =>
    {
        var id = draw();
        while (Directory.Exists(FolderOf(id)) || connection.Query("SELECT 1 FROM runs WHERE id = $0", r => r.GetInt64(0), id).Count > 0)
            id = draw();
        Directory.CreateDirectory(FolderOf(id));
        return id;
    });

    private static string NewId(string name, DateTime now)
    {
        var slug = new StringBuilder();
        foreach (var c in name.ToLowerInvariant())
        {
            if (char.IsAsciiLetterOrDigit(c)) slug.Append(c);
            else if (slug.Length > 0 && slug[^1] != '-') slug.Append('-');
            if (slug.Length == 48) break;
        }
        var start = slug.ToString().Trim('-');
        return string.Create(CultureInfo.InvariantCulture,
            $"{(start.Length == 0 ? "run" : start)}-{now:yyyyMMdd-HHmmss}-{RandomNumberGenerator.GetHexString(4, lowercase: true)}");
    }

    private void ThrowIfReadOnly()
    {
        if (IsReadOnly) throw new InvalidOperationException($"The store '{Folder}' was opened for reading only; use RunStore.Open.");
    }
}
