using Cresset.Numerics;
using Microsoft.Data.Sqlite;

namespace Cresset.Runs;

public sealed partial class RunStore
{
    private static readonly string[] RunTables = ["tags", "config", "environment", "summary", "media", "texts", "histograms", "series",
        "control"];

    /// <summary>Deletes a run: its rows and its folder with checkpoints and pictures.</summary>
    /// <exception cref="RunNotFoundException">There is no run of this id.</exception>
    /// <exception cref="RunStoreException">A process records into it, or the folder cannot be deleted.</exception>
    public void Delete(string id)
    {
        ThrowIfReadOnly();
        var run = Get(id);
        Files(run.Folder, () =>
        {
            SweepDeleted();
            if (Directory.Exists(run.Folder))
            {
                // Nobody can begin to record between this check and the renaming; the renaming makes the deletion one step.
                using var held = Hold(id, run.Folder);
                Directory.Move(run.Folder, Path.Combine(Folder, $".deleted-{id}"));
            }
            _connections.Write(connection => Forget(connection, KeyOf(connection, id)));
            SweepDeleted();
            return 0;
        });
    }

    /// <summary>Replaces the note of a run.</summary>
    public void SetNote(string id, string note) => EditFacts(id, "UPDATE runs SET note = $1 WHERE key = $0", note);

    /// <summary>Gives a run another name; its id stays.</summary>
    /// <exception cref="ArgumentException">The name is blank or not one line.</exception>
    public void Rename(string id, string name)
    {
        ThrowIfNotOneLine(name, nameof(name));
        EditFacts(id, "UPDATE runs SET name = $1 WHERE key = $0", name);
    }

    /// <summary>Hides a run from ordinary lists, or shows it again.</summary>
    public void SetArchived(string id, bool archived) => EditFacts(id, "UPDATE runs SET archived = $1 WHERE key = $0", archived ? 1 : 0);

    /// <summary>Adds a label to a run.</summary>
    /// <exception cref="ArgumentException">The label is blank or not one line.</exception>
    public void AddTag(string id, string tag)
    {
        ThrowIfNotOneLine(tag, nameof(tag));
        EditFacts(id, "INSERT OR IGNORE INTO tags (run, tag) VALUES ($0, $1)", tag);
    }

    // Lists and exports have a line for each run.
    private static void ThrowIfNotOneLine(string text, string argument)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(text, argument);
        if (text.IndexOfAny([.. text.Where(char.IsControl)]) is var at and >= 0)
            throw new ArgumentException($"The {argument} has the control character U+{(int)text[at]:X4} at place {at + 1}; needed is one "
                + $"line of text.", argument);
    }

    /// <summary>Takes a label from a run.</summary>
    public void RemoveTag(string id, string tag) => EditFacts(id, "DELETE FROM tags WHERE run = $0 AND tag = $1", tag);

    /// <summary>Gives a run another configuration, in the store and in its folder: for one that goes on with changed settings.</summary>
    /// <param name="id">The run.</param>
    /// <param name="config">Flat configuration.</param>
    /// <param name="text">As it shall stand in the folder.</param>
    /// <param name="fileName">The file of <paramref name="text"/>.</param>
    public void SetConfig(string id, IReadOnlyDictionary<string, string> config, string text, string fileName)
    {
        ArgumentNullException.ThrowIfNull(config);
        ThrowIfReadOnly();
        Files(FolderOf(id), () =>
        {
            AtomicFile.WriteText(Path.Combine(FolderOf(id), fileName), text);
            return _connections.Write(connection =>
            {
                var key = KeyOf(connection, id);
                if (key < 0) return 0;
                connection.Execute("DELETE FROM config WHERE run = $0", key);
                foreach (var (name, value) in config)
                    connection.Execute("INSERT INTO config (run, key, value) VALUES ($0, $1, $2)", key, name, value);
                return config.Count;
            });
        });
        Files(FolderOf(id), () =>
        {
            WriteFacts(id);
            return 0;
        });
    }

    /// <summary>Asks something of a run that is being recorded; its process takes it up within seconds, after its current step.</summary>
    /// <param name="id">The run.</param>
    /// <param name="command">One of <see cref="RunRequest.Commands"/>.</param>
    /// <param name="value">With what, or empty.</param>
    /// <exception cref="ArgumentException">The command is not known.</exception>
    /// <exception cref="InvalidOperationException">Nobody records the run.</exception>
    public void Ask(string id, string command, string value = "")
    {
        if (!RunRequest.Commands.Contains(command))
            throw new ArgumentException($"'{command}' cannot be asked of a run; allowed: {string.Join(", ", RunRequest.Commands)}.",
                nameof(command));
        if (Get(id) is { Status: not RunStatus.Running } run)
            throw new InvalidOperationException(
                $"Run '{id}' is {run.Status.ToString().ToLowerInvariant()}; only a run that is being recorded can be asked to {command}.");
        Edit(id, "INSERT INTO control (run, time, command, value) VALUES ($0, $2, $3, $1)", value,
            EventFileWriter.Microseconds(DateTime.UtcNow), command);
    }

    /// <summary>What was asked of a run and what it answered, oldest first.</summary>
    /// <param name="id">The run.</param>
    /// <param name="bad">Takes up the rows that cannot be read; without it one such row is refused with all others.</param>
    public IReadOnlyList<RunRequest> Requests(string id, ICollection<BadRow>? bad = null) => OfRun(id, (connection, run) => connection.Rows(
        "request",
        "SELECT key, command, value, time, taken, answer FROM control WHERE run = $0 ORDER BY key",
        r => new RunRequest(r.GetInt64(0), r.GetString(1), r.GetString(2), r.Time(3), r.IsDBNull(4) ? null : r.Time(4), r.GetString(5)),
        bad,
        run));

    /// <summary>Gives the space of deleted runs back to the file system. Needs a moment in which nobody writes.</summary>
    public void Compact()
    {
        ThrowIfReadOnly();
        _connections.Use(connection => connection.Execute("VACUUM"));
    }

    private static int Forget(SqliteConnection connection, long key)
    {
        connection.Execute("DELETE FROM chunks WHERE series IN (SELECT key FROM series WHERE run = $0)", key);
        foreach (var table in RunTables) connection.Execute($"DELETE FROM {table} WHERE run = $0", key);
        return connection.Execute("DELETE FROM runs WHERE key = $0", key);
    }

    private void EditFacts(string id, string sql, params object[] values)
    {
        Edit(id, sql, values);
        Files(FolderOf(id), () =>
        {
            WriteFacts(id);
            return 0;
        });
    }

    private void Edit(string id, string sql, params object[] values)
    {
        ThrowIfReadOnly();
        var found = _connections.Write(connection =>
        {
            var key = KeyOf(connection, id);
            if (key >= 0) connection.Execute(sql, [key, .. values]);
            return key >= 0;
        });
        if (!found) throw Missing(id);
    }

    // Also takes what a killed deletion left behind.
    private void SweepDeleted()
    {
        foreach (var folder in Directory.EnumerateDirectories(Folder, ".deleted-*")) Directory.Delete(folder, recursive: true);
    }
}
