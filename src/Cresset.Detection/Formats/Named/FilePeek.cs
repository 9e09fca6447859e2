namespace Cresset.Detection;

/// <summary>A first look at files, to recognise their format; nothing is read to its end.</summary>
internal static class FilePeek
{
    public static bool HasExtension(string path, params ReadOnlySpan<string> extensions)
    {
        foreach (var e in extensions)
        {
            if (path.EndsWith(e, StringComparison.OrdinalIgnoreCase)) return true;
        }
        return false;
    }

    /// <summary>The first characters of a text file.</summary>
    public static string Start(string path, int characters = 4096)
    {
        using var reader = new StreamReader(path);
        var buffer = new char[characters];
        return new string(buffer, 0, reader.ReadBlock(buffer, 0, characters));
    }

    private static readonly EnumerationOptions Below = new()
    {
        RecurseSubdirectories = true,
        MatchCasing = MatchCasing.CaseInsensitive,
        AttributesToSkip = FileAttributes.None,
        IgnoreInaccessible = false,
    };

    /// <summary>Files of a folder and those below it with an extension, in any case, in the order of their names.</summary>
    public static string[] Files(string folder, string extension)
    {
        string[] files = [.. Enumerate(folder, extension)];
        Array.Sort(files, StringComparer.Ordinal);
        return files;
    }

    /// <summary>
    /// The same in no order, as far as they are asked for. What macOS puts beside each file of an archive ("._name") is none of them.
    /// </summary>
    public static IEnumerable<string> Enumerate(string folder, string extension)
        => Directory.EnumerateFiles(folder, "*" + extension, Below)
            .Where(f => !Path.GetFileName(f.AsSpan()).StartsWith("._", StringComparison.Ordinal));

    /// <summary>The fields of the first line with any, of the first file of a folder that has one.</summary>
    public static string[]? FirstFields(string folder, Func<string, bool>? passes = null)
    {
        if (!Directory.Exists(folder)) return null;
        foreach (var file in Files(folder, ".txt").Where(f => !YoloReader.IsOther(f)).Take(200))
        {
            if (passes is not null && !passes(file)) continue;
            foreach (var (fields, _) in TextLines.Read(file))
            {
                // DOTA begins with lines about the picture's source.
                if (!fields[0].Contains(':', StringComparison.Ordinal)) return fields;
            }
        }
        return null;
    }

    public static bool IsNumber(string field)
        => double.TryParse(field, System.Globalization.NumberStyles.Float, System.Globalization.CultureInfo.InvariantCulture, out _);

    /// <summary>The name of an image's file below a folder, without its own extension.</summary>
    public static string StemBelow(string folder, string file)
        => ImagePaths.WithoutExtension(Path.GetRelativePath(folder, file).Replace('\\', '/'));
}
