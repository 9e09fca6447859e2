namespace Cresset.Numerics;

/// <summary>
/// All files below a folder, each folder once: links are followed, but neither back to a folder above nor to one that is there without a
/// link. What may not be read is an error, not left out.
/// </summary>
public static class FolderWalk
{
    /// <summary>The paths, each as <paramref name="folder"/> and the way below it, in ordinal order.</summary>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="UnauthorizedAccessException">A folder may not be read.</exception>
    public static IReadOnlyList<string> Files(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var start = RealPath(folder);
        var own = new HashSet<string>(StringComparer.Ordinal);
        Own(folder, start, own);
        var files = new List<string>();
        Walk(folder, start, own, new HashSet<string>(StringComparer.Ordinal), files);
        files.Sort(StringComparer.Ordinal);
        return files;
    }

    // Folders that are there without a link have their own names, whichever the system lists first.
    private static void Own(string folder, string real, HashSet<string> own)
    {
        own.Add(real);
        foreach (var inside in new DirectoryInfo(folder).EnumerateDirectories())
        {
            if (inside.LinkTarget is null) Own(inside.FullName, Path.Combine(real, inside.Name), own);
        }
    }

    private static void Walk(string folder, string real, HashSet<string> own, HashSet<string> visited, List<string> files)
    {
        if (!visited.Add(real)) return;
        files.AddRange(Directory.EnumerateFiles(folder));
        foreach (var inside in new DirectoryInfo(folder).EnumerateDirectories().OrderBy(d => d.Name, StringComparer.Ordinal))
        {
            var there = inside.LinkTarget is null ? Path.Combine(real, inside.Name) : RealPath(inside.FullName);
            if (inside.LinkTarget is null || !own.Contains(there)) Walk(Path.Combine(folder, inside.Name), there, own, visited, files);
        }
    }

    // The way without a link anywhere.
    private static string RealPath(string path)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (Path.GetDirectoryName(full) is not { } above) return full;
        var here = new DirectoryInfo(Path.Combine(RealPath(above), Path.GetFileName(full)));
        return here.LinkTarget is null ? here.FullName : RealPath(here.ResolveLinkTarget(returnFinalTarget: true)!.FullName);
    }
}
