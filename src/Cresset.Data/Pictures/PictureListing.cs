using Cresset.Numerics;

namespace Cresset.Data;

/// <summary>A picture of a folder.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="Name">Path inside the folder, with '/'.</param>
internal sealed record PictureFile(string Path, string Name)
{
    /// <summary>The first folder of its name; empty for a picture that lies in the folder itself.</summary>
    public string TopFolder => Name.IndexOf('/', StringComparison.Ordinal) is > 0 and var slash ? Name[..slash] : "";

    /// <summary>Name without the ending: what a mask or caption file shares with it.</summary>
    public string Stem => Name[..^System.IO.Path.GetExtension(Name).Length];
}

/// <summary>
/// The pictures below a folder, sorted by name so that the order is the same everywhere. Hidden files and folders, what systems leave
/// behind and files that are no pictures are left out and named.
/// </summary>
internal sealed class PictureListing
{
    private static readonly string[] Leftovers = ["thumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin"];
    private readonly List<PictureFile> _files = [];
    private readonly List<string> _hidden = [];
    private readonly List<string> _foreign = [];
    private readonly List<string> _emptyFolders = [];
    private readonly List<string> _again = [];
    private readonly HashSet<string> _visited = [], _own = [];

    private PictureListing(string folder) => Folder = folder;

    public string Folder { get; }

    public IReadOnlyList<PictureFile> Files => _files;

    /// <summary>Folders without a picture in them or below.</summary>
    public IReadOnlyList<string> EmptyFolders => _emptyFolders;

    /// <summary>What was left out, a line each kind.</summary>
    public IEnumerable<string> Notes
    {
        get
        {
            if (_hidden.Count > 0) yield return $"{Folder}: left out {Some(_hidden, "hidden file or folder", "hidden files and folders")}.";
            if (_foreign.Count > 0) yield return $"{Folder}: left out "
                + $"{Some(_foreign, "file that is no picture", "files that are no pictures")}.";
            if (_again.Count > 0)
                yield return $"{Folder}: left out "
                    + $"{Some(_again, "link to a folder that is listed itself", "links to folders that are listed themselves")}.";
        }
    }

    /// <summary>Lists a folder with everything below it.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="expected">Files beside the pictures that the caller reads itself and which are not named as left out.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    public static PictureListing Of(string folder, Func<string, bool>? expected = null)
    {
        if (!Directory.Exists(folder))
        {
            throw new DirectoryNotFoundException(File.Exists(folder) ? $"'{folder}' is a file; a folder of pictures is "
                + $"needed." : $"There is no folder '{folder}'.");
        }
        var listing = new PictureListing(folder);
        listing.Own(new DirectoryInfo(folder));
        listing.Walk(folder, "", expected ?? (_ => false));
        listing._files.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
        return listing;
    }

    /// <summary>"3 hidden files (a, b, c)", the first five by name.</summary>
    public static string Some(IReadOnlyList<string> names, string one, string many)
        => $"{names.Count} {(names.Count == 1 ? one : many)} "
            + $"({string.Join(", ", names.Order(StringComparer.Ordinal).Take(5))}{(names.Count > 5 ? $" and {names.Count - 5} more" : "")}"
            + $")";

    // The folders that are there without a link: they have their own names, whichever order the system lists links and folders in.
    private void Own(DirectoryInfo folder)
    {
        _own.Add(RealPath(folder));
        foreach (var inside in folder.EnumerateDirectories())
        {
            if (inside.LinkTarget is null) Own(inside);
        }
    }

    private static string RealPath(DirectoryInfo folder) =>
        folder.LinkTarget is null ? folder.FullName : folder.ResolveLinkTarget(returnFinalTarget: true)!.FullName;

    private int Walk(string folder, string prefix, Func<string, bool> expected)
    {
        // A link may lead back to a folder above it.
        if (!_visited.Add(RealPath(new DirectoryInfo(folder)))) return 0;
        var count = 0;
        foreach (var path in Directory.EnumerateFileSystemEntries(folder).Order(StringComparer.Ordinal))
        {
            var name = Path.GetFileName(path);
            var full = prefix + name;
            if (name.StartsWith('.') || Leftovers.Contains(name.ToLowerInvariant())) _hidden.Add(full);
            else if (Directory.Exists(path))
            {
                if (new DirectoryInfo(path) is { LinkTarget: not null } link
                    && (_own.Contains(RealPath(link)) || _visited.Contains(RealPath(link))))
                {
                    _again.Add(full);
                    continue;
                }
                var inside = Walk(path, full + "/", expected);
                if (inside == 0) _emptyFolders.Add(full);
                count += inside;
            }
            else if (SpecialFile.KindOf(path) is { } kind) _foreign.Add($"{full}, {kind}");
            else if (PictureDecoder.Extensions.Contains(Path.GetExtension(name).ToLowerInvariant()))
            {
                _files.Add(new PictureFile(path, full));
                count++;
            }
            else if (!expected(full)) _foreign.Add(full);
        }
        return count;
    }
}
