namespace Cresset.Runs;

public sealed partial class RunStore
{
    private const string TrashFolder = ".trash";

    /// <summary>Puts a run into the trash: it leaves all lists, and <see cref="Restore"/> brings it back with everything.</summary>
    /// <exception cref="RunNotFoundException">There is no run of this id.</exception>
    /// <exception cref="RunStoreException">A process records into it, or its folder cannot be moved.</exception>
    public void Trash(string id)
    {
        ThrowIfReadOnly();
        var run = Get(id);
        Files(run.Folder, () =>
        {
            var exists = Directory.Exists(run.Folder);
            using var held = exists ? Hold(id, run.Folder) : null;
            Edit(id, "UPDATE runs SET deleted = $1 WHERE key = $0", EventFileWriter.Microseconds(DateTime.UtcNow));
            if (!exists) return 0;
            Directory.CreateDirectory(Path.Combine(Folder, TrashFolder));
            Directory.Move(run.Folder, InTrash(id));
            return 0;
        });
    }

    /// <summary>
    /// Brings a run back from the trash; the text may be the beginning or end of its id, or its name (the one deleted last).
    /// </summary>
    /// <returns>Its id.</returns>
    /// <exception cref="RunNotFoundException">The trash holds no such run, or several.</exception>
    public string Restore(string text)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(text);
        ThrowIfReadOnly();
        var trash = Deleted();
        var fitting = trash.Where(t => t.Id == text).DefaultIfEmpty(trash.FirstOrDefault(t => t.Name == text)).OfType<DeletedRun>()
            .ToList();
        if (fitting.Count == 0)
            fitting =
                [.. trash.Where(
                    t => t.Id.StartsWith(text, StringComparison.OrdinalIgnoreCase)
                        || t.Id.EndsWith(text, StringComparison.OrdinalIgnoreCase))];
        if (fitting is not [var run])
        {
            throw new RunNotFoundException(
                fitting.Count > 0 ? $"'{text}' fits {fitting.Count} deleted runs: {string.Join(", ", fitting.Select(f => f.Id))}."
                    : $"The trash of '{Folder}' holds no run '{text}'. It holds: "
                        + $"{(trash.Count == 0 ? "none" : string.Join(", ", trash.Select(t => t.Id).Take(10)))}.",
                [.. fitting.Select(f => f.Id)]);
        }
        Files(FolderOf(run.Id), () =>
        {
            if (Directory.Exists(InTrash(run.Id))) Directory.Move(InTrash(run.Id), FolderOf(run.Id));
            return _connections.Write(connection => connection.Execute("UPDATE runs SET deleted = NULL WHERE id = $0", run.Id));
        });
        return run.Id;
    }

    /// <summary>The runs in the trash, the one deleted last first.</summary>
    public IReadOnlyList<DeletedRun> Deleted() => _connections.Read(connection => connection.Query(
        "SELECT id, name, deleted FROM runs WHERE deleted IS NOT NULL ORDER BY deleted DESC, key DESC",
        r => new DeletedRun(RunFolder.CheckId(r.GetString(0)), r.GetString(1), r.Time(2))));

    /// <summary>Deletes the runs in the trash for good; returns their number.</summary>
    public int EmptyTrash()
    {
        ThrowIfReadOnly();
        var all = Deleted();
        foreach (var run in all)
        {
            Files(InTrash(run.Id), () =>
            {
                if (Directory.Exists(InTrash(run.Id))) Directory.Delete(InTrash(run.Id), recursive: true);
                return _connections.Write(
                    connection => Forget(connection, connection.Scalar<long>("SELECT key FROM runs WHERE id = $0", run.Id)));
            });
        }
        return all.Count;
    }

    private string InTrash(string id) => Path.Combine(Folder, TrashFolder, RunFolder.CheckId(id));
}

/// <summary>A run in the trash.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">Its name.</param>
/// <param name="Time">When it was deleted (UTC).</param>
public sealed record DeletedRun(string Id, string Name, DateTime Time);
