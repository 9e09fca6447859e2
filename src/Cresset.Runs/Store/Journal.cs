using Microsoft.Data.Sqlite;

namespace Cresset.Runs;

/// <summary>
/// How SQLite keeps commits whole. A write-ahead log lets readers and recorders work side by side but needs memory that processes share through the
/// file system; network file systems have none, and there a rollback journal does it, with which readers and writers wait for each other.
/// </summary>
internal static class Journal
{
    /// <summary>"wal" or "rollback" instead of what the file system suggests.</summary>
    public const string Variable = "CRESSET_JOURNAL";
    private const int Busy = 5, Locked = 6, InputOutput = 10, CannotOpen = 14;
    private static readonly string[] Remote = ["nfs", "nfs4", "cifs", "smb", "smb2", "smbfs", "lustre", "gpfs", "beegfs", "afs", "9p", "ceph", "glusterfs", "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs"];

    /// <exception cref="ArgumentException">The environment variable has another value.</exception>
    public static void Enter(SqliteConnection connection, string folder)
    {
        if (!IsShared(folder) || !TryWal(connection)) Rollback(connection);
        Synchronise(connection);
    }

    /// <summary>With a write-ahead log a power cut costs the last commits at most; a rollback journal must be on the disk before the database changes.</summary>
    public static void Synchronise(SqliteConnection connection)
        => connection.Execute($"PRAGMA synchronous = {(connection.Scalar<string>("PRAGMA journal_mode") == "wal" ? "NORMAL" : "FULL")}; PRAGMA journal_size_limit = 16777216;");

    private static bool IsShared(string folder) => Environment.GetEnvironmentVariable(Variable) switch
    {
        "wal" => true,
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

    // Taking WAL needs the file for a moment alone, and SQLite's own waiting does not cover that.
    private static bool TryWal(SqliteConnection connection)
    {
        for (var attempt = 0; attempt < 100; attempt++)
        {
            try
            {
                if (connection.Scalar<string>("PRAGMA journal_mode = WAL") == "wal") return true;
                if (attempt >= 20) return false;
            }
            catch (SqliteException e) when (e.SqliteErrorCode is Busy or Locked)
            {
            }
            catch (SqliteException e) when (e.SqliteErrorCode is InputOutput or CannotOpen)
            {
                // No shared memory here; a full disk shows at the next write.
                return false;
            }
            Thread.Sleep(20);
        }
        return false;
    }

    private static void Rollback(SqliteConnection connection)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                if (connection.Scalar<string>("PRAGMA journal_mode") is not "wal") return;
                connection.Scalar<string>("PRAGMA journal_mode = TRUNCATE");
                return;
            }
            catch (SqliteException e) when (e.SqliteErrorCode is Busy or Locked && attempt < 100)
            {
                Thread.Sleep(20);
            }
        }
    }
}
