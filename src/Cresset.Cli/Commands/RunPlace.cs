using System.CommandLine;
using Cresset.Runs;

namespace Cresset.Cli.Commands;

/// <summary>Where a run is that a command line names by id, name or the path of its folder.</summary>
/// <param name="Store">The folder of its store.</param>
/// <param name="Name">What to find there.</param>
internal sealed record RunPlace(string Store, string Name)
{
    /// <summary>The folder itself, when a path was given.</summary>
    public string? Folder { get; private init; }

    public static RunPlace Of(ParseResult result, Argument<string> run, Option<string> runs) =>
        Of(result.GetValue(run)!, result.GetValue(runs)!);

    /// <summary>A path is one with a separator, or a folder in a place that has no store.</summary>
    public static RunPlace Of(string text, string runs)
    {
        var isPath = text.Contains('/', StringComparison.Ordinal) || text.Contains(Path.DirectorySeparatorChar, StringComparison.Ordinal)
            || text is "." or "..";
        if (!isPath && (RunStore.Exists(runs) || !Directory.Exists(text))) return new RunPlace(runs, text);
        var folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(text));
        if (!Directory.Exists(folder)) throw new DirectoryNotFoundException($"There is no run folder '{folder}'.");
        if (!RunFolder.Is(folder))
            throw new DirectoryNotFoundException(
                $"'{folder}' is not the folder of a run: it has no run.json, and no config.yaml with checkpoints.");
        return new RunPlace(Path.GetDirectoryName(folder)!, Path.GetFileName(folder)) { Folder = folder };
    }

    /// <summary>The store for reading.</summary>
    public RunStore Read() => RunStore.OpenReadOnly(Store);

    /// <summary>What is known of the run; a folder that was named needs no store.</summary>
    public RunInfo Find()
    {
        if (Folder is not null) return RunFolder.Read(Folder);
        using var store = Read();
        return store.Find(Name);
    }

    /// <summary>
    /// The store for writing; it must exist, or be made of the folder that was named. A folder it does not know is taken in.
    /// </summary>
    public RunStore Write()
    {
        if (Folder is null && !RunStore.Exists(Store) && !Directory.Exists(Store))
            throw new DirectoryNotFoundException($"There are no runs in '{Path.GetFullPath(Store)}'; name the folder with --runs.");
        // Reading takes in what is new; a mistyped folder is not made.
        if (Folder is null) RunStore.OpenReadOnly(Store).Dispose();
        var store = RunStore.Open(Store);
        if (Folder is not null) store.TakeIn(Folder);
        return store;
    }
}
