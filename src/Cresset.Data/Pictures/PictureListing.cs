using System.IO.Enumeration;
using System.Runtime.InteropServices;
using System.Text;
using Cresset.Numerics;

namespace Cresset.Data;

/// <summary>
/// The pictures below a folder, sorted by name so that the order is the same everywhere. Hidden files and folders, what systems leave
/// behind and files that are not pictures are left out and named.
/// </summary>
/// <remarks>Names are kept in blocks, folders once: a picture costs one byte per character of its file name (two where one of them is not
/// ASCII), and twelve.</remarks>
internal sealed class PictureListing
{
    // Below the size at which an array is collected with the oldest objects alone.
    private const int BlockBytes = 1 << 16;
    private const int LongestName = 256;
    private static readonly string[] Leftovers = ["thumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin"];

    private static readonly EnumerationOptions Everything = new()
    {
        AttributesToSkip = 0,
        IgnoreInaccessible = false,
        ReturnSpecialDirectories = false,
    };

    private readonly List<Place> _places = [];
    private readonly List<byte[]> _blocks = [];
    private readonly List<(string Prefix, string[] Names)> _folders = [];
    private readonly List<string> _hidden = [];
    private readonly List<string> _foreign = [];
    private readonly List<string> _emptyFolders = [];
    private readonly List<string> _again = [];
    private readonly HashSet<string> _visited = [], _own = [];
    private readonly bool _isAmongDevices;
    private readonly string _root;
    private int _used = BlockBytes;

    private PictureListing(string folder)
    {
        Folder = folder;
        _root = Path.EndsInDirectorySeparator(folder) || folder.Length == 0 ? folder : folder + Path.DirectorySeparatorChar;
        Files = new ListedPictures(this, () => _places.Count);
        var full = Path.GetFullPath(folder);
        _isAmongDevices = full.StartsWith("/dev/", StringComparison.Ordinal) || full.StartsWith("/proc/", StringComparison.Ordinal);
    }

    private enum Kind
    {
        Picture,
        Folder,
        LinkedFolder,
        Hidden,
        Foreign,
        Doubtful,
    }

    public string Folder { get; }

    public IReadOnlyList<PictureFile> Files { get; }

    /// <summary>Folders without a picture in them or below.</summary>
    public IReadOnlyList<string> EmptyFolders => _emptyFolders;

    /// <summary>What was left out, a line each kind.</summary>
    public IEnumerable<string> Notes
    {
        get
        {
            if (_hidden.Count > 0) yield return $"{Folder}: left out {Some(_hidden, "hidden file or folder", "hidden files and folders")}.";
            if (_foreign.Count > 0) yield return $"{Folder}: left out "
                + $"{Some(_foreign, "file that is not a picture", "files that are not pictures")}.";
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
        listing.Walk(folder, "", [], expected ?? (_ => false));
        listing._places.TrimExcess();
        return listing;
    }

    /// <summary>"3 hidden files (a, b, c)", the first five by name.</summary>
    public static string Some(IReadOnlyList<string> names, string one, string many)
        => $"{names.Count} {(names.Count == 1 ? one : many)} "
            + $"({string.Join(", ", names.Order(StringComparer.Ordinal).Take(5))}{(names.Count > 5 ? $" and {names.Count - 5} more" : "")}"
            + $")";

    /// <summary>Path of a picture inside the folder, with '/'.</summary>
    public string NameOf(int index) => Text("", _folders[_places[index].Folder].Prefix, _places[index]);

    /// <summary>Where a picture is.</summary>
    public string PathOf(int index)
    {
        var prefix = _folders[_places[index].Folder].Prefix;
        if (Path.DirectorySeparatorChar != '/') prefix = prefix.Replace('/', Path.DirectorySeparatorChar);
        return Text(_root, prefix, _places[index]);
    }

    /// <summary>The folder that a picture lies in.</summary>
    public int FolderOf(int index) => _places[index].Folder;

    /// <summary>The folders above the pictures of one, from the top; empty for the listed folder itself.</summary>
    public IReadOnlyList<string> FolderNames(int folder) => _folders[folder].Names;

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

    private int Walk(string folder, string prefix, string[] names, Func<string, bool> expected)
    {
        // A link may lead back to a folder above it.
        if (!_visited.Add(RealPath(new DirectoryInfo(folder)))) return 0;
        var entries = new List<Entry>();
        foreach (var entry in new FileSystemEnumerable<Entry>(folder, Look, Everything)) entries.Add(entry);
        // In the order of whole names, so that the pictures of all folders together come sorted.
        CollectionsMarshal.AsSpan(entries).Sort(Compare);
        var (count, place) = (0, -1);
        foreach (var entry in entries)
        {
            if (entry.Kind == Kind.Picture)
            {
                AddPicture(entry);
                continue;
            }
            var (path, full) = (Path.Join(folder, entry.Name), prefix + entry.Name);
            switch (entry.Kind)
            {
                case Kind.Hidden:
                    _hidden.Add(full);
                    break;
                case Kind.LinkedFolder
                    when RealPath(new DirectoryInfo(path)) is var real && (_own.Contains(real) || _visited.Contains(real)):
                    _again.Add(full);
                    break;
                case Kind.Folder or Kind.LinkedFolder:
                    var inside = Walk(path, full + "/", [.. names, entry.Name!], expected);
                    if (inside == 0) _emptyFolders.Add(full);
                    count += inside;
                    break;
                case Kind.Doubtful when SpecialFile.KindOf(path) is { } kind:
                    _foreign.Add($"{full}, {kind}");
                    break;
                case Kind.Doubtful when IsPicture(entry.Name):
                    AddPicture(Kept(entry.Name));
                    break;
                default:
                    if (!expected(full)) _foreign.Add(full);
                    break;
            }
        }
        return count;

        void AddPicture(Entry entry)
        {
            if (place < 0)
            {
                place = _folders.Count;
                _folders.Add((prefix, names));
            }
            _places.Add(new Place(entry.Start, entry.Length, place));
            count++;
        }
    }

    // One look of the system's at each entry: what has content and is not a link is a file, whatever lies there besides is looked at again.
    private Entry Look(ref FileSystemEntry entry)
    {
        var name = entry.FileName;
        if (name[0] == '.' || IsLeftover(name)) return new Entry(Kind.Hidden, name.ToString());
        var isLink = entry.Attributes.HasFlag(FileAttributes.ReparsePoint);
        if (entry.IsDirectory) return new Entry(isLink ? Kind.LinkedFolder : Kind.Folder, name.ToString());
        if (isLink || _isAmongDevices || entry.Length == 0) return new Entry(Kind.Doubtful, name.ToString());
        return IsPicture(name) ? Kept(name) : new Entry(Kind.Foreign, name.ToString());
    }

    private Entry Kept(ReadOnlySpan<char> name)
    {
        var isAscii = Ascii.IsValid(name);
        var length = isAscii ? name.Length : 2 * name.Length;
        if (_used + length > BlockBytes)
        {
            _blocks.Add(new byte[BlockBytes]);
            _used = 0;
        }
        var place = _blocks[^1].AsSpan(_used, length);
        if (isAscii) Ascii.FromUtf16(name, place, out _);
        else MemoryMarshal.AsBytes(name).CopyTo(place);
        var start = ((_blocks.Count - 1) * BlockBytes) + _used;
        // Names of two bytes per character begin at even places.
        _used += length + (length % 2);
        return new Entry(Kind.Picture, null, start, isAscii ? length : -length);
    }

    private string Text(string root, string prefix, in Place place)
    {
        var count = place.Length < 0 ? -place.Length / 2 : place.Length;
        return string.Create(root.Length + prefix.Length + count, (this, root, prefix, place), static (text, from) =>
        {
            from.root.CopyTo(text);
            from.prefix.CopyTo(text[from.root.Length..]);
            from.Item1.Read(from.place.Start, from.place.Length, text[(from.root.Length + from.prefix.Length)..]);
        });
    }

    // The characters of a stored name.
    private void Read(int start, int length, Span<char> to)
    {
        var stored = _blocks[start / BlockBytes].AsSpan(start % BlockBytes, Math.Abs(length));
        if (length >= 0) Ascii.ToUtf16(stored, to, out _);
        else MemoryMarshal.Cast<byte, char>(stored).CopyTo(to);
    }

    private static bool IsLeftover(ReadOnlySpan<char> name)
    {
        foreach (var leftover in Leftovers)
        {
            if (name.Equals(leftover, StringComparison.OrdinalIgnoreCase)) return true;
        }
        return false;
    }

    private static bool IsPicture(ReadOnlySpan<char> name)
    {
        var ending = Path.GetExtension(name);
        foreach (var known in PictureDecoder.Extensions)
        {
            if (ending.Equals(known, StringComparison.OrdinalIgnoreCase)) return true;
        }
        return false;
    }

    // As whole names compare: what lies in a folder goes on with '/'.
    private int Compare(Entry a, Entry b)
    {
        Span<char> space = stackalloc char[2 * LongestName];
        var left = Name(a, space[..LongestName]);
        var right = Name(b, space[LongestName..]);
        var same = left.CommonPrefixLength(right);
        return Next(left, a.Kind).CompareTo(Next(right, b.Kind));

        ReadOnlySpan<char> Name(Entry entry, Span<char> into)
        {
            if (entry.Name is { } text) return text;
            var count = entry.Length < 0 ? -entry.Length / 2 : entry.Length;
            if (count > into.Length) into = new char[count];
            Read(entry.Start, entry.Length, into);
            return into[..count];
        }

        int Next(ReadOnlySpan<char> name, Kind kind)
            => same < name.Length ? name[same] : kind is Kind.Folder or Kind.LinkedFolder ? '/' : -1;
    }

    private readonly record struct Place(int Start, int Length, int Folder);

    /// <summary>
    /// An entry of a folder: a picture's name stands in the blocks, with its length below 0 where a character takes two bytes; the others'
    /// in a text.
    /// </summary>
    private readonly record struct Entry(Kind Kind, string? Name, int Start = 0, int Length = 0);
}
