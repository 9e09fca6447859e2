using Cresset.Numerics;

namespace Cresset.Plots;

/// <summary>Something that can be looked at and saved: a <see cref="Chart"/> or a <see cref="Picture"/>.</summary>
public abstract class Figure
{
    /// <summary>The figure as a PNG file.</summary>
    public abstract byte[] ToPng();

    /// <summary>The figure as an SVG document.</summary>
    public abstract string ToSvg();

    /// <summary>Writes the figure to a file, in one step: a reader never finds half of it. Missing folders are made.</summary>
    /// <param name="path">Ends in <c>.png</c> or <c>.svg</c>.</param>
    /// <exception cref="ArgumentException">Another ending.</exception>
    /// <exception cref="IOException">The folder is not writable or the disk is full.</exception>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        switch (Path.GetExtension(path).ToLowerInvariant())
        {
            case ".png":
                AtomicFile.WriteBytes(path, ToPng());
                break;
            case ".svg":
                AtomicFile.WriteText(path, ToSvg());
                break;
            default:
                throw new ArgumentException($"'{path}' must end in .png or .svg.", nameof(path));
        }
    }
}
