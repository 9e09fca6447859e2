using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;

namespace Cresset.Runs;

/// <summary>The open connections of one store. Our own pool: the provider's keeps deleted files open for the life of the process.</summary>
internal sealed class Connections(string path, bool readOnly, TimeSpan? patience = null) : IDisposable
{
    private const int CannotOpen = 14, ReadOnlyDatabase = 8;

    // SQLITE_READONLY_ROLLBACK: a writer was killed while it changed the database, and a reader may not take back what it began.
    private const int HalfWritten = 776;
    private readonly ConcurrentBag<SqliteConnection> _idle = [];
    private volatile bool _disposed;
    private readonly Lock _copying = new();
    private bool _immutable;
    private string? _copy;

    /// <summary>Calls <paramref name="use"/> with a connection and turns SQLite's errors into ours.</summary>
    public T Use<T>(Func<SqliteConnection, T> use)
    {
        ObjectDisposedException.ThrowIf(_disposed, typeof(RunStore));
        try
        {
            try
            {
                return UseOne(use);
            }
            catch (SqliteException e) when (readOnly && e.SqliteExtendedErrorCode == HalfWritten)
            {
                TakeBack();
                return UseOne(use);
            }
        }
        catch (SqliteException e)
        {
            throw Translate(e, path);
        }
    }

    private T UseOne<T>(Func<SqliteConnection, T> use)
    {
        SqliteConnection? connection = null;
        try
        {
            if (!_idle.TryTake(out connection)) connection = Open();
            var result = use(connection);
            _idle.Add(connection);
            connection = null;
            return result;
        }
        finally
        {
            connection?.Dispose();
        }
    }

    /// <summary>Calls <paramref name="use"/> inside a transaction that takes the write lock at once.</summary>
    public T Write<T>(Func<SqliteConnection, T> use) => Use(connection =>
    {
        using var transaction = connection.BeginTransaction(deferred: false);
        var result = use(connection);
        transaction.Commit();
        return result;
    });

    /// <summary>Calls <paramref name="use"/> inside a transaction, so that all it reads is of one moment.</summary>
    public T Read<T>(Func<SqliteConnection, T> use) => Use(connection =>
    {
        using var transaction = connection.BeginTransaction(deferred: true);
        return use(connection);
    });

    /// <summary>A connection of its own, for a writer that keeps it.</summary>
    public SqliteConnection Open()
    {
        try
        {
            return OpenWith(_immutable);
        }
        catch (SqliteException e) when (readOnly && e.SqliteExtendedErrorCode == HalfWritten)
        {
            TakeBack();
            return OpenWith(_immutable);
        }
        catch (SqliteException e) when (readOnly && !_immutable && e.SqliteErrorCode is CannotOpen or ReadOnlyDatabase && File.Exists(path))
        {
            // A WAL database in a folder that cannot be written opens only if SQLite is told that nobody writes; then it leaves the log
            // unread, and with it the last commits of a recorder that was killed.
            if (LeftLog is not null) CopyWithLog();
            else _immutable = true;
            return OpenWith(_immutable);
        }
    }

    private string? LeftLog => new FileInfo(path + "-wal") is { Exists: true, Length: > 0 } log ? log.FullName : null;

    // Nobody is at work with a log whose shared memory is missing, so nothing changes while it is copied.
    private void CopyWithLog()
    {
        lock (_copying)
        {
            if (_copy is not null) return;
            var folder = Directory.CreateTempSubdirectory("cresset-store-").FullName;
            try
            {
                var copy = Path.Combine(folder, Path.GetFileName(path));
                File.Copy(path + "-wal", copy + "-wal");
                File.Copy(path, copy);
                _copy = copy;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                Directory.Delete(folder, recursive: true);
                throw new RunStoreException($"The last commits of '{path}' are in its log (runs.db-wal), which can be read only where the "
                    + $"folder can be written, and a copy of both cannot be made: {e.Message} Copy the folder to a place of your own.", e);
            }
        }
    }

    // The first look of a connection that may write takes back what the killed writer had begun. Told that nobody writes, SQLite would read
    // the half-written pages as they are.
    private void TakeBack()
    {
        try
        {
            using var writer = new SqliteConnection(
                new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadWrite, Pooling = false }.ToString());
            writer.Open();
            writer.Scalar<long>("SELECT count(*) FROM sqlite_master");
        }
        catch (SqliteException e) when (e.SqliteErrorCode is CannotOpen or ReadOnlyDatabase)
        {
            throw new RunStoreException(
                $"A process was killed while it wrote to '{path}', and what it began (runs.db-journal) can only be taken back where the "
                    + "folder can be written. Open it there once, or copy the folder to a place of your own.", e);
        }
    }

    public void Dispose()
    {
        _disposed = true;
        while (_idle.TryTake(out var connection)) connection.Dispose();
        if (_copy is null) return;
        try
        {
            Directory.Delete(Path.GetDirectoryName(_copy)!, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The system clears its folder of temporary files.
        }
    }

    public static Exception Translate(SqliteException e, string path) => e.SqliteErrorCode switch
    {
        11 or 26 =>
            new InvalidDataException(
                $"'{path}' is not an intact SQLite database ({e.Message}). Restore it from a copy or move it away.", e),
        13 => new RunStoreException($"No space left on the disk of '{path}'. Free some space and resume the run.", e),
        5 or 6 => new RunStoreException($"'{path}' stayed locked by another process for too long.", e),
        10 when HasNoSpace(path) => new RunStoreException($"No space left on the disk of '{path}'. Free some space and resume the run.", e),
        10 => new RunStoreException(
            $"'{path}' cannot be read or written (disk I/O error): the disk is full or failing, or the file system does not support what "
                + $"SQLite needs.", e),
        8 => new RunStoreException($"'{path}' is not writable.", e),
        14 => new RunStoreException($"'{path}' cannot be opened; check that the folder exists and is readable and writable.", e),
        _ => new RunStoreException($"'{path}': {e.Message}", e),
    };

    // A full disk shows as an I/O error where SQLite needs a page for its shared memory.
    private static bool HasNoSpace(string path)
    {
        try
        {
            return new DriveInfo(Path.GetDirectoryName(Path.GetFullPath(path))!).AvailableFreeSpace < 1 << 20;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return false;
        }
    }

    private SqliteConnection OpenWith(bool immutable)
    {
        var source = immutable ? $"file:{Uri.EscapeDataString(path).Replace("%2F", "/", StringComparison.Ordinal)}?immutable=1"
            : _copy ?? path;
        var settings = new SqliteConnectionStringBuilder
        {
            DataSource = source,
            Mode = readOnly ? SqliteOpenMode.ReadOnly : SqliteOpenMode.ReadWriteCreate,
            Pooling = false,
            DefaultTimeout = patience is { } most ? Math.Max(1, (int)Math.Ceiling(most.TotalSeconds)) : 30,
        };
        var connection = new SqliteConnection(settings.ToString());
        try
        {
            connection.Open();
            connection.Execute(
                FormattableString.Invariant($"PRAGMA busy_timeout = {(int)(patience ?? TimeSpan.FromSeconds(10)).TotalMilliseconds}"));
            if (readOnly) connection.Scalar<long>("SELECT count(*) FROM sqlite_master");
            else Journal.Synchronise(connection);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }
}
