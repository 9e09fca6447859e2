using System.Collections;

namespace Cresset.Data;

/// <summary>
/// A picture of a folder: its place in the listing, which makes the texts when they are asked for. A list of a hundred thousand pictures
/// holds no text for each.
/// </summary>
/// <param name="Listing">Where it was listed.</param>
/// <param name="Index">Its place there.</param>
internal readonly record struct PictureFile(PictureListing Listing, int Index)
{
    /// <summary>Where it is.</summary>
    public string Path => Listing.PathOf(Index);

    /// <summary>Path inside the folder, with '/'.</summary>
    public string Name => Listing.NameOf(Index);

    /// <summary>The folder that it lies in, by its place among those of the listing.</summary>
    public int Folder => Listing.FolderOf(Index);

    /// <summary>The first folder of its name; empty for a picture that lies in the folder itself.</summary>
    public string TopFolder => Listing.FolderNames(Folder) is [var top, ..] ? top : "";

    /// <summary>Name without the ending: what a mask or caption file shares with it.</summary>
    public string Stem => Name is var name ? name[..^System.IO.Path.GetExtension(name).Length] : "";
}

/// <summary>The pictures of a listing, in its order.</summary>
internal sealed class ListedPictures(PictureListing listing, Func<int> count) : IReadOnlyList<PictureFile>
{
    public int Count => count();

    public PictureFile this[int index] => index >= 0 && index < Count ? new PictureFile(listing, index)
        : throw new ArgumentOutOfRangeException(nameof(index), index, $"Allowed: 0 to {Count - 1}.");

    public IEnumerator<PictureFile> GetEnumerator()
    {
        for (var i = 0; i < Count; i++) yield return new PictureFile(listing, i);
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>What is said of each of some pictures, made when it is asked for.</summary>
internal sealed class SaidOfPictures<T>(IReadOnlyList<PictureFile> files, Func<PictureFile, T> say) : IReadOnlyList<T>
{
    public int Count => files.Count;

    public T this[int index] => say(files[index]);

    public IEnumerator<T> GetEnumerator() => files.Select(say).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
