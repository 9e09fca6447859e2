namespace Cresset.Runs;

/// <summary>A run's folder by itself, wherever it lies: what can be said of it without a store.</summary>
public static class RunFolder
{
    /// <summary>Whether a folder is that of a run: it holds its facts, or a recipe with checkpoints.</summary>
    public static bool Is(string path)
        => File.Exists(Path.Combine(path, RunFacts.FileName))
            || (File.Exists(Path.Combine(path, "config.yaml")) && Directory.Exists(Path.Combine(path, "checkpoints")));

    /// <summary>What the folder says of its run; its id is the folder's name.</summary>
    /// <exception cref="InvalidDataException">It is not a run's folder, or its facts are damaged.</exception>
    public static RunInfo Read(string path)
    {
        var folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (!Is(folder))
            throw new InvalidDataException(
                $"'{folder}' is not the folder of a run: it has no {RunFacts.FileName}, and no config.yaml with checkpoints.");
        var facts = RunFacts.Read(folder) ?? RunFacts.Guess(folder);
        var status = Enum.Parse<RunStatus>(facts.Status, ignoreCase: true);
        return new RunInfo
        {
            Id = Path.GetFileName(folder),
            Name = facts.Name,
            Kind = facts.Kind,
            Status = status == RunStatus.Running ? RunStatus.Interrupted : status,
            Created = facts.Created,
            Ended = facts.Ended,
            ActiveTime = facts.ActiveTime,
            Sessions = facts.Sessions,
            Note = facts.Note,
            Message = facts.Message,
            Archived = facts.Archived,
            Tags = facts.Tags,
            Summary = facts.Summary.ToDictionary(),
            Host = facts.Host,
            Folder = folder,
        };
    }

    /// <summary>The id as a folder's name; whoever wrote the store, it can name nothing outside of it.</summary>
    /// <exception cref="InvalidDataException">It is not one.</exception>
    internal static string CheckId(string id) => IsId(id)
        ? id
        : throw new InvalidDataException(
            $"The store names a run '{id.ReplaceLineEndings(" ")}', which cannot be a folder in it; Cresset did not write that. Nothing "
                + $"was changed.");

    internal static bool IsId(string id)
        => id.Length is > 0 and <= 200 && !id.StartsWith('.') && !id.Any(c => char.IsControl(c) || c is '/' or '\\' or ':');

    /// <summary>The full path of a file that a row names relative to the run's folder.</summary>
    /// <exception cref="InvalidDataException">It lies elsewhere.</exception>
    internal static string PathOf(string folder, string file)
    {
        var path = Path.GetFullPath(Path.Combine(folder, file));
        return path.StartsWith(Path.TrimEndingDirectorySeparator(folder) + Path.DirectorySeparatorChar, StringComparison.Ordinal)
            ? path
            : throw new InvalidDataException(
                $"The store names the picture '{file.ReplaceLineEndings(" ")}' of '{folder}', which lies elsewhere; Cresset did not write "
                    + $"that. Nothing was changed.");
    }
}
