using System.Globalization;
using System.Text;

namespace Cresset.Detection;

/// <summary>
/// File names made from names that strangers chose. Whatever leads out of a folder or is not a file name somewhere is written as
/// %XX, so that the name can be read back.
/// </summary>
internal static class SafeNames
{
    private const string Forbidden = "<>:\"/\\|?*%";
    private static readonly string[] Devices = ["con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "lpt1", "lpt2", "lpt3"];

    /// <summary>One name, without any folder.</summary>
    public static string Segment(string name)
    {
        var text = new StringBuilder(name.Length);
        var last = name.Length - 1;
        for (var i = 0; i < name.Length; i++)
        {
            var c = name[i];
            // A leading point hides a file or means a folder; Windows drops points and blanks at the end.
            var bad = c < ' ' || c == 127 || Forbidden.Contains(c, StringComparison.Ordinal) || (c == '.' && (i == 0 || i == last))
                || (c == ' ' && (i == 0 || i == last));
            if (bad) text.Append('%').Append(((int)c).ToString("X2", CultureInfo.InvariantCulture));
            else text.Append(c);
        }
        if (text.Length == 0) return "%";
        var stem = text.ToString().Split('.')[0];
        if (Array.Exists(Devices, d => d.Equals(stem, StringComparison.OrdinalIgnoreCase))) text.Insert(1, "%");
        // File systems hold 255 bytes a name; the rest of a longer one is told apart by its hash.
        const int Longest = 180;
        if (Encoding.UTF8.GetByteCount(text.ToString()) <= Longest) return text.ToString();
        var hash = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(name)))[..16];
        var kept = Math.Min(text.Length, 40);
        if (char.IsHighSurrogate(text[kept - 1])) kept--;
        return text.ToString(0, kept) + "~" + hash;
    }

    /// <summary>A path below a folder: the folders of the name are kept, each segment made safe.</summary>
    public static string RelativePath(string name)
    {
        var segments = name.Replace('\\', '/').Split('/', StringSplitOptions.RemoveEmptyEntries);
        return segments.Length == 0 ? "%"
            : string.Join('/', segments.Where((s, i) => s != "." || i == segments.Length - 1).Select(Segment));
    }

    /// <summary>The name behind <see cref="Segment"/>, as far as nothing was cut off.</summary>
    public static string Original(string segment)
    {
        if (!segment.Contains('%', StringComparison.Ordinal)) return segment;
        var text = new StringBuilder(segment.Length);
        for (var i = 0; i < segment.Length; i++)
        {
            if (segment[i] != '%') text.Append(segment[i]);
            else if (i + 2 < segment.Length
                && byte.TryParse(segment.AsSpan(i + 1, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var code))
            {
                text.Append((char)code);
                i += 2;
            }
        }
        return text.ToString();
    }

    /// <summary>The path of a file below a folder; refuses one that would lie outside.</summary>
    public static string Below(string folder, string relative)
    {
        var root = Path.GetFullPath(folder);
        var path = Path.GetFullPath(Path.Combine(root, relative));
        var prefix = Path.EndsInDirectorySeparator(root) ? root : root + Path.DirectorySeparatorChar;
        if (!path.StartsWith(prefix, StringComparison.Ordinal))
        {
            throw new ArgumentException($"the name \"{relative}\" leads out of {folder}; nothing is written.", nameof(relative));
        }
        return path;
    }
}

/// <summary>The name of every image, and a path without extension for a file of its own, different for different images.</summary>
internal sealed class ImagePaths
{
    private readonly Dictionary<long, string> _stems = [];

    public ImagePaths(IReadOnlyList<DatasetImage> images)
    {
        var stems = images.DistinctBy(i => i.Id).Select(i => (i.Id, Full: SafeNames.RelativePath(NameOf(i)))).ToArray();
        var used = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var byStem = stems.ToLookup(s => WithoutExtension(s.Full), StringComparer.OrdinalIgnoreCase);
        foreach (var (id, full) in stems)
        {
            var stem = WithoutExtension(full);
            // a.jpg and a.png keep their extensions; copies of one name get their ids.
            if (byStem[stem].Count() > 1) stem = full;
            if (!used.Add(stem))
            {
                stem = string.Create(CultureInfo.InvariantCulture, $"{stem}~{id}");
                used.Add(stem);
            }
            _stems[id] = stem;
        }
    }

    public string Of(long imageId) => _stems[imageId];

    /// <summary>The file name with its folders, or one made of the id.</summary>
    public static string NameOf(DatasetImage image)
        => image.FileName.Length > 0 ? image.FileName.Replace('\\', '/')
            : (image.Key ?? image.Id.ToString(CultureInfo.InvariantCulture)) + ".jpg";

    public static string WithoutExtension(string path)
    {
        var extension = Path.GetExtension(path);
        return extension.Length > 0 && extension.Length < path.Length - path.LastIndexOf('/') - 1 ? path[..^extension.Length] : path;
    }

    /// <summary>Refuses what a format that knows images and classes by name cannot keep apart, before anything is written.</summary>
    public static void RequireNames(DetectionDataset dataset, bool images, bool categories)
    {
        if (images)
        {
            foreach (var group in dataset.Images.DistinctBy(i => i.Id).GroupBy(NameOf))
            {
                if (group.Count() > 1)
                {
                    throw new ArgumentException(
                        $"images {string.Join(" and ", group.Take(2).Select(i => i.Key ?? i.Id.ToString(CultureInfo.InvariantCulture)))} "
                            + $"are both named \"{group.Key}\"; this format knows images by their names. Rename one, or write COCO.",
                            nameof(dataset));
                }
            }
        }
        if (!categories) return;
        foreach (var group in dataset.Categories.DistinctBy(c => c.Id).GroupBy(c => dataset.CategoryName(c.Id)))
        {
            if (group.Count() > 1)
            {
                throw new ArgumentException(
                    $"categories {string.Join(" and ", group.Take(2).Select(c => c.Id.ToString(CultureInfo.InvariantCulture)))} are both "
                        + $"named \"{group.Key}\"; this format knows classes by their names. Rename one, or write COCO.", nameof(dataset));
            }
        }
    }
}
