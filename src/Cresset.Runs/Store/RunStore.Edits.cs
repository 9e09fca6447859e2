namespace Cresset.Runs;

public sealed partial class RunStore
{
    private static readonly string[] RunTables = ["tags", "config", "environment", "summary", "media", "texts", "histograms", "series"];

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
            _connections.Write(connection =>
            {
                var key = KeyOf(connection, id);
                connection.Execute("DELETE FROM chunks WHERE series IN (SELECT key FROM series WHERE run = $0)", key);
                foreach (var table in RunTables) connection.Execute($"DELETE FROM {table} WHERE run = $0", key);
                return connection.Execute("DELETE FROM runs WHERE key = $0", key);
            });
            SweepDeleted();
            return 0;
        });
    }

    /// <summary>Replaces the note of a run.</summary>
    public void SetNote(string id, string note) => Edit(id, "UPDATE runs SET note = $1 WHERE key = $0", note);

    /// <summary>Gives a run another name; its id stays.</summary>
    public void Rename(string id, string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        Edit(id, "UPDATE runs SET name = $1 WHERE key = $0", name);
    }

    /// <summary>Hides a run from ordinary lists, or shows it again.</summary>
    public void SetArchived(string id, bool archived) => Edit(id, "UPDATE runs SET archived = $1 WHERE key = $0", archived ? 1 : 0);

    /// <summary>Adds a label to a run.</summary>
    public void AddTag(string id, string tag)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(tag);
        Edit(id, "INSERT OR IGNORE INTO tags (run, tag) VALUES ($0, $1)", tag);
    }

    /// <summary>Takes a label from a run.</summary>
    public void RemoveTag(string id, string tag) => Edit(id, "DELETE FROM tags WHERE run = $0 AND tag = $1", tag);

    /// <summary>Gives the space of deleted runs back to the file system. Needs a moment in which nobody writes.</summary>
    public void Compact()
    {
        ThrowIfReadOnly();
        _connections.Use(connection => connection.Execute("VACUUM"));
    }

    private void Edit(string id, string sql, object value)
    {
        ThrowIfReadOnly();
        var found = _connections.Write(connection =>
        {
            var key = KeyOf(connection, id);
            if (key >= 0) connection.Execute(sql, key, value);
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
