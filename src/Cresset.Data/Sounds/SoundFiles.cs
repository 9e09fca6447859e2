using Cresset.Numerics;

namespace Cresset.Data;

/// <summary>The sounds that a path stands for: one file, or a folder with everything below it in the order of names.</summary>
public sealed class SoundFiles
{
    private SoundFiles(IReadOnlyList<(string Path, string Name)> files, IReadOnlyList<string> notes) => (Files, Notes) = (files, notes);

    /// <summary>Endings of the files that are read.</summary>
    public static IReadOnlyList<string> Extensions { get; } = [".wav", ".wave"];

    /// <summary>Where each sound is, and its name: the file's, or the path inside the folder with '/'.</summary>
    public IReadOnlyList<(string Path, string Name)> Files { get; }

    /// <summary>What was left out, a line each kind.</summary>
    public IReadOnlyList<string> Notes { get; }

    /// <summary>Whether a folder holds sounds and no picture: one with both is a folder of pictures.</summary>
    internal static bool AreIn(string folder)
    {
        var any = false;
        foreach (var file in FolderWalk.Files(folder))
        {
            var extension = Path.GetExtension(file);
            if (PictureDecoder.Extensions.Contains(extension, StringComparer.OrdinalIgnoreCase)) return false;
            any |= Extensions.Contains(extension, StringComparer.OrdinalIgnoreCase);
        }
        return any;
    }

    /// <summary>Lists a path; the files are not opened.</summary>
    /// <exception cref="FileNotFoundException">There is no such file or folder.</exception>
    /// <exception cref="DataMismatchException">The folder holds no sound.</exception>
    public static SoundFiles Of(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        if (File.Exists(path)) return new SoundFiles([(path, Path.GetFileName(path))], []);
        if (!Directory.Exists(path)) throw new FileNotFoundException($"There is no file or folder '{path}'.", path);
        var found = FolderWalk.Files(path)
            .Select(file => (Path: file, Name: Path.GetRelativePath(path, file).Replace(Path.DirectorySeparatorChar, '/')))
            .OrderBy(file => file.Name, StringComparer.Ordinal)
            .ToLookup(file => file.Name.Split('/').Any(part => part.StartsWith('.')));
        var hidden = found[true].Select(file => file.Name).ToList();
        var all = found[false].ToLookup(file => Extensions.Contains(Path.GetExtension(file.Name).ToLowerInvariant())
            && SpecialFile.KindOf(file.Path) is null);
        List<(string Path, string Name)> sounds = [.. all[true]], others = [.. all[false]];
        if (sounds.Count == 0)
            throw new DataMismatchException(
                $"{path} holds no sounds ({string.Join(", ", Extensions)})"
                    + $"{(others.Count > 0 ? $"; the {others.Count} files in it, such as {others[0].Name}, are of other kinds" : "")}.");
        List<string> notes = [];
        if (hidden.Count > 0) notes.Add($"{path}: left out {PictureListing.Some(hidden, "hidden file", "hidden files")}.");
        if (others.Count > 0)
            notes.Add($"{path}: left out "
                + $"{PictureListing.Some([.. others.Select(f => f.Name)], "file that is not a WAV", "files that are not WAVs")}.");
        return new SoundFiles(sounds, notes);
    }
}
