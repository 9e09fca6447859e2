namespace Cresset.Data;

/// <summary>The pictures that a path stands for: one file, or a folder with everything below it in the order of names.</summary>
public sealed class PictureFiles
{
    private PictureFiles(IReadOnlyList<(string Path, string Name)> files, IReadOnlyList<string> notes) => (Files, Notes) = (files, notes);

    /// <summary>Where each picture is, and its name: the file's, or the path inside the folder with '/'.</summary>
    public IReadOnlyList<(string Path, string Name)> Files { get; }

    /// <summary>What was left out, a line each kind.</summary>
    public IReadOnlyList<string> Notes { get; }

    /// <summary>Lists a path; the files are not opened.</summary>
    /// <exception cref="FileNotFoundException">There is no such file or folder.</exception>
    /// <exception cref="InvalidDataException">The folder holds no picture.</exception>
    public static PictureFiles Of(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        if (File.Exists(path)) return new PictureFiles([(path, Path.GetFileName(path))], []);
        if (!Directory.Exists(path)) throw new FileNotFoundException($"There is no file or folder '{path}'.", path);
        var listing = PictureListing.Of(path);
        if (listing.Files.Count == 0)
            throw new InvalidDataException($"{path} holds no pictures ({string.Join(", ", PictureDecoder.Extensions)}).");
        return new PictureFiles(new SaidOfPictures<(string Path, string Name)>(listing.Files, f => (f.Path, f.Name)), [.. listing.Notes]);
    }
}
