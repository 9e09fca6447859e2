using Cresset.Runs;

namespace Cresset.Dashboard;

/// <summary>
/// The files of one run. Names come from a database that anybody may have written, so a path is followed only when it stays below the run's
/// folder, links included, and the run's folder is a child of the runs folder.
/// </summary>
internal sealed class RunFolder
{
    private RunFolder(string path) => FullPath = path;

    public string FullPath { get; }

    /// <summary>The folder, or null when the id is not a plain name or the folder is gone.</summary>
    public static RunFolder? Of(IRunSource source, RunInfo run)
    {
        if (run.Id.Length == 0 || run.Id is "." or ".." || run.Id.AsSpan().IndexOfAny("/\\:\0") >= 0) return null;
        var path = Path.Combine(source.Folder, run.Id);
        return Directory.Exists(path) ? new RunFolder(path) : null;
    }

    /// <summary>Opens a file below the folder for reading; null when it is gone or lies elsewhere.</summary>
    public FileStream? Open(string path)
    {
        try
        {
            var full = Path.GetFullPath(path);
            if (!full.StartsWith(FullPath + Path.DirectorySeparatorChar, StringComparison.Ordinal)) return null;
            for (FileSystemInfo part = new FileInfo(full); part.FullName.Length > FullPath.Length;
                part = Directory.GetParent(part.FullName)!)
            {
                if (part.LinkTarget is not null) return null;
            }
            return new FileStream(full, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return null;
        }
    }
}
