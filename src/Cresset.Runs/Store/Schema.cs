using Microsoft.Data.Sqlite;

namespace Cresset.Runs;

/// <summary>The tables of <c>runs.db</c> and the steps from older versions to the present one.</summary>
internal static class Schema
{
    // Written once into the file's header, so that `file runs.db` and a careful reader know whose it is ("Crst").
    private const int ApplicationId = 0x43727374;

    /// <summary>Entry i leads from version i to i + 1; entries are never changed once released.</summary>
    private static readonly string[] Migrations =
    [
        """
        CREATE TABLE runs (
            key INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            name TEXT NOT NULL,
            kind TEXT NOT NULL,
            status TEXT NOT NULL,
            created INTEGER NOT NULL,
            ended INTEGER,
            heartbeat INTEGER NOT NULL,
            active INTEGER NOT NULL DEFAULT 0,
            sessions INTEGER NOT NULL DEFAULT 1,
            host TEXT NOT NULL DEFAULT '',
            process INTEGER NOT NULL DEFAULT 0,
            process_key TEXT NOT NULL DEFAULT '',
            note TEXT NOT NULL DEFAULT '',
            message TEXT NOT NULL DEFAULT '',
            archived INTEGER NOT NULL DEFAULT 0);
        CREATE INDEX runs_created ON runs (created);
        CREATE TABLE tags (run INTEGER NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (run, tag)) WITHOUT ROWID;
        CREATE TABLE config (run INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (run, key)) WITHOUT ROWID;
        CREATE TABLE environment (run INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (run, key)) WITHOUT ROWID;
        CREATE TABLE summary (run INTEGER NOT NULL, key TEXT NOT NULL, value REAL, PRIMARY KEY (run, key)) WITHOUT ROWID;
        CREATE TABLE series (
            key INTEGER PRIMARY KEY,
            run INTEGER NOT NULL,
            tag TEXT NOT NULL,
            count INTEGER NOT NULL,
            first_step INTEGER NOT NULL,
            last_step INTEGER NOT NULL,
            final_step INTEGER NOT NULL,
            final_time INTEGER NOT NULL,
            final_value REAL,
            min REAL,
            max REAL,
            UNIQUE (run, tag));
        CREATE TABLE chunks (
            series INTEGER NOT NULL,
            level INTEGER NOT NULL,
            number INTEGER NOT NULL,
            count INTEGER NOT NULL,
            first_step INTEGER NOT NULL,
            last_step INTEGER NOT NULL,
            min REAL,
            max REAL,
            data BLOB NOT NULL,
            UNIQUE (series, level, number));
        CREATE INDEX chunks_range ON chunks (series, level, number, first_step, last_step, count);
        CREATE TABLE media (
            key INTEGER PRIMARY KEY,
            run INTEGER NOT NULL,
            tag TEXT NOT NULL,
            step INTEGER NOT NULL,
            time INTEGER NOT NULL,
            type TEXT NOT NULL,
            file TEXT NOT NULL,
            bytes INTEGER NOT NULL,
            sha256 TEXT NOT NULL,
            caption TEXT NOT NULL DEFAULT '',
            UNIQUE (run, tag, step));
        CREATE TABLE texts (run INTEGER NOT NULL, tag TEXT NOT NULL, step INTEGER NOT NULL, time INTEGER NOT NULL, text TEXT NOT NULL,
            UNIQUE (run, tag, step));
        CREATE TABLE histograms (run INTEGER NOT NULL, tag TEXT NOT NULL, step INTEGER NOT NULL, time INTEGER NOT NULL, data BLOB NOT NULL,
            UNIQUE (run, tag, step));
        """,

        // Summaries keep the order they were given in, the headline first. A deleted run waits in the trash until it is emptied. What
        // others ask of a running run (stop, save, rate) are rows that its process takes up between two steps and answers.
        """
        ALTER TABLE summary ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE runs ADD COLUMN deleted INTEGER;
        CREATE TABLE control (
            key INTEGER PRIMARY KEY,
            run INTEGER NOT NULL,
            time INTEGER NOT NULL,
            command TEXT NOT NULL,
            value TEXT NOT NULL DEFAULT '',
            taken INTEGER,
            answer TEXT NOT NULL DEFAULT '');
        CREATE INDEX control_open ON control (run, taken);
        """,
    ];

    public static int Version => Migrations.Length;

    /// <summary>Brings the database to the present version; safe when several processes do it at once.</summary>
    public static void Migrate(SqliteConnection connection, string path)
    {
        if (Check(connection, path) == Version) return;
        using var transaction = connection.BeginTransaction(deferred: false);
        var version = Read(connection, path);
        for (; version < Version; version++) connection.Execute(Migrations[version]);
        connection.Execute($"PRAGMA application_id = {ApplicationId}; PRAGMA user_version = {Version};");
        transaction.Commit();
    }

    /// <summary>The database's version; refuses those of a newer program and other programs' files.</summary>
    public static int Check(SqliteConnection connection, string path)
    {
        // One transaction sees one moment: between two statements of their own another process could bring a new database up to date.
        using var transaction = connection.BeginTransaction(deferred: true);
        return Read(connection, path);
    }

    private static int Read(SqliteConnection connection, string path)
    {
        var version = (int)connection.Scalar<long>("PRAGMA user_version");
        var owner = (int)connection.Scalar<long>("PRAGMA application_id");
        if (version > Version)
            throw new InvalidDataException($"'{path}' has schema version {version}, this program knows {Version}; use a newer Cresset.");
        var foreign = version == 0 ? connection.Scalar<long>("SELECT count(*) FROM sqlite_master") > 0 : owner != ApplicationId;
        return foreign ? throw new InvalidDataException($"'{path}' is an SQLite database of another program; choose another runs folder.")
            : version;
    }
}
