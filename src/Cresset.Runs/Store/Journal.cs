using Microsoft.Data.Sqlite;

namespace Cresset.Runs;

/// <summary>
/// How SQLite keeps commits whole. A write-ahead log lets readers and recorders work side by side but needs memory that processes share
/// through the file system; network file systems have none, and there a rollback journal does it, with which readers and writers wait for
/// each other.
/// </summary>
internal static class Journal
{
    /// <summary>"wal" or "rollback" instead of what the file system suggests.</summary>
    public const string Variable = "CRESSET_JOURNAL";
    private const string Wal = "wal";
    private const int Busy = 5, Locked = 6, ReadOnly = 8, InputOutput = 10, CannotOpen = 14;
    private static readonly string[] Remote = ["nfs", "nfs4", "cifs", "smb", "smb2", "smbfs", "lustre", "gpfs", "beegfs", "afs", "9p",
        "ceph", "glusterfs", "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs"];

    /// <summary>
    /// Settles the journal of a store that is opened for writing. One that has a rollback journal keeps it: others may be at work with it.
    /// </summary>
    /// <exception cref="ArgumentException">The environment variable has another value.</exception>
    public static void Enter(SqliteConnection connection, string folder)
    {
        var isWanted = IsShared(folder);
        if (Mode(connection) == Wal)
        {
            if (!isWanted || !CanWrite(connection)) LeaveWal(connection);
        }
        else if (isWanted && (IsAsked || connection.Scalar<long>("PRAGMA application_id") == 0) && HasSharedMemory(folder))
        {
            TryWal(connection);
        }
        Synchronise(connection);
    }

    /// <summary>
    /// With a write-ahead log a power cut costs the last commits at most; a rollback journal must be on the disk before the database
    /// changes.
    /// </summary>
    public static void Synchronise(SqliteConnection connection)
        => connection.Execute(
            $"PRAGMA synchronous = {(Mode(connection) == Wal ? "NORMAL" : "FULL")}; PRAGMA journal_size_limit = 16777216;");

    private static bool IsAsked => Environment.GetEnvironmentVariable(Variable) == Wal;

    private static string Mode(SqliteConnection connection)
    {
        try
        {
            return connection.Scalar<string>("PRAGMA journal_mode");
        }
        catch (SqliteException e) when (e.SqliteErrorCode is ReadOnly or InputOutput or CannotOpen)
        {
            // A log that cannot be opened here: Enter leaves it.
            return Wal;
        }
    }

    private static bool IsShared(string folder) => Environment.GetEnvironmentVariable(Variable) switch
    {
        Wal => true,
        "rollback" => false,
        null or "" => !IsRemote(folder),
        var other => throw new ArgumentException($"{Variable} is '{other}'; allowed: wal, rollback."),
    };

    private static bool IsRemote(string folder)
    {
        try
        {
            return Remote.Contains(new DriveInfo(folder).DriveFormat, StringComparer.OrdinalIgnoreCase);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // Then SQLite finds out.
            return false;
        }
    }

    // Tried with a database of its own: a store that is switched to and fro would fail under whoever else has just opened it.
    private static bool HasSharedMemory(string folder)
    {
        var path = Path.Combine(folder, $"runs.db-probe-{Environment.ProcessId}-{Environment.CurrentManagedThreadId}");
        try
        {
            using var probe = new SqliteConnection($"Data Source={path};Pooling=False");
            probe.Open();
            probe.Execute("PRAGMA synchronous = OFF");
            if (probe.Scalar<string>("PRAGMA journal_mode = WAL") != Wal) return false;
            probe.Execute("CREATE TABLE probe (x)");
            return true;
        }
        catch (SqliteException e) when (e.SqliteErrorCode is ReadOnly or InputOutput or CannotOpen)
        {
            return false;
        }
        finally
        {
            foreach (var part in (string[])["", "-wal", "-shm", "-journal"])
            {
                if (File.Exists(path + part)) File.Delete(path + part);
            }
        }
    }

    // Taking WAL needs the file for a moment alone, and SQLite's own waiting does not cover that. Others may have taken it meanwhile.
    private static void TryWal(SqliteConnection connection)
    {
        for (var attempt = 0; attempt < 100; attempt++)
        {
            try
            {
                if (connection.Scalar<string>("PRAGMA journal_mode = WAL") == Wal || attempt >= 20) return;
            }
            catch (SqliteException e) when (e.SqliteErrorCode is Busy or Locked)
            {
            }
            Thread.Sleep(20);
        }
    }

    // A log that was taken where memory could be shared opens without it, for reading alone: only a writer notices.
    private static bool CanWrite(SqliteConnection connection)
    {
        try
        {
            connection.Execute("BEGIN IMMEDIATE; ROLLBACK");
            return true;
        }
        catch (SqliteException e) when (e.SqliteErrorCode is Busy or Locked)
        {
            return true;
        }
        catch (SqliteException e) when (e.SqliteErrorCode is ReadOnly or InputOutput or CannotOpen)
        {
            return false;
        }
    }

    private static void LeaveWal(SqliteConnection connection)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                if (Mode(connection) != Wal) return;
                // Whoever holds the file alone needs no shared memory to put the log's content where it belongs; that must be said before
                // the first look.
                connection.Close();
                connection.Open();
                connection.Execute("PRAGMA busy_timeout = 50; PRAGMA locking_mode = EXCLUSIVE");
                connection.Scalar<string>("PRAGMA journal_mode = TRUNCATE");
                connection.Execute("PRAGMA locking_mode = NORMAL");
                // The lock goes with the next access.
                connection.Scalar<long>("SELECT count(*) FROM sqlite_master");
                connection.Execute("PRAGMA busy_timeout = 10000");
                return;
            }
            catch (SqliteException e) when (e.SqliteErrorCode is Busy or Locked && attempt < 200)
            {
                // Two that hold a share each would wait for one another for ever.
                connection.Close();
                Thread.Sleep(10 + (Environment.ProcessId % 7 * 5));
                connection.Open();
                connection.Execute("PRAGMA busy_timeout = 10000");
            }
        }
    }
}
