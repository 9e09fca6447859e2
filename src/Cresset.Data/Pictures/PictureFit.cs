using Cresset.Numerics;

namespace Cresset.Data;

/// <summary>
/// How pictures of any size come to one size. A fit says where the scaled picture lies; scaling itself is the same for all.
/// </summary>
[PartKind("fit")]
public abstract record PictureFit : IOptionsRecord
{
    /// <summary>Where a picture of this size goes.</summary>
    /// <exception cref="InvalidDataException">The fit does not take such a picture.</exception>
    public abstract PicturePlace Place(int height, int width, int targetHeight, int targetWidth);

    /// <summary>Colour of the pixels beside the picture: white, black, grey, or #rrggbb.</summary>
    internal virtual string Margin => "black";

    /// <inheritdoc/>
    public virtual IEnumerable<OptionProblem> Validate() => [];

    internal PicturePlanes Apply(PicturePlanes picture, int height, int width)
        => Cut(Resampler.Smooth, picture, height, width, PictureColour.Parse(Margin));

    internal PicturePlanes ApplyToMask(PicturePlanes mask, int height, int width, float outside)
        => Cut(Resampler.Nearest, mask, height, width, new PictureColour(outside, outside, outside));

    private PicturePlanes Cut(Func<PicturePlanes, int, int, PicturePlanes> resize, PicturePlanes picture, int height, int width,
        PictureColour outside)
    {
        var place = Place(picture.Height, picture.Width, height, width);
        var scaled = resize(picture, place.Height, place.Width);
        if (place is { Top: 0, Left: 0 } && place.Height == height && place.Width == width) return scaled;
        var result = new PicturePlanes(picture.Channels, height, width);
        for (var c = 0; c < picture.Channels; c++)
        {
            var fill = picture.Channels == 1 && outside.Red == outside.Blue ? outside.Red : outside.Of(c, picture.Channels);
            result.Plane(c).Fill(fill);
            for (var y = Math.Max(0, place.Top); y < Math.Min(height, place.Top + place.Height); y++)
            {
                int from = Math.Max(0, place.Left), end = Math.Min(width, place.Left + place.Width);
                scaled.Plane(c).Slice(((y - place.Top) * place.Width) + from - place.Left, end - from)
                    .CopyTo(result.Plane(c).Slice((y * width) + from, end - from));
            }
        }
        return result;
    }
}

/// <summary>The scaled picture's size, and where its upper left corner lies in the target (negative where it is cut).</summary>
/// <param name="Height">Rows of the scaled picture.</param>
/// <param name="Width">Columns of the scaled picture.</param>
/// <param name="Top">Row of its first row.</param>
/// <param name="Left">Column of its first column.</param>
public readonly record struct PicturePlace(int Height, int Width, int Top, int Left);

/// <summary>Scale until the picture covers the target, cut what stands over: nothing is distorted, borders are lost.</summary>
[Part("crop")]
public sealed record CropFit : PictureFit
{
    /// <inheritdoc/>
    public override PicturePlace Place(int height, int width, int targetHeight, int targetWidth)
    {
        var scale = Math.Max((double)targetHeight / height, (double)targetWidth / width);
        int h = Math.Max(targetHeight, (int)Math.Round(height * scale)), w = Math.Max(targetWidth, (int)Math.Round(width * scale));
        return new PicturePlace(h, w, -((h - targetHeight) / 2), -((w - targetWidth) / 2));
    }
}

/// <summary>Scale until the picture fits into the target, fill the rest with a colour: nothing is distorted or lost.</summary>
[Part("pad")]
public sealed record PadFit : PictureFit
{
    /// <summary>Colour of the borders: white, black, grey, or #rrggbb.</summary>
    public string Colour { get; init; } = "black";

    internal override string Margin => Colour;

    /// <inheritdoc/>
    public override PicturePlace Place(int height, int width, int targetHeight, int targetWidth)
    {
        var scale = Math.Min((double)targetHeight / height, (double)targetWidth / width);
        int h = Math.Clamp((int)Math.Round(height * scale), 1, targetHeight),
            w = Math.Clamp((int)Math.Round(width * scale), 1, targetWidth);
        return new PicturePlace(h, w, (targetHeight - h) / 2, (targetWidth - w) / 2);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(PictureColour.TryParse(Colour, out _), Colour, PictureColour.Allowed);
}

/// <summary>Scale height and width on their own: everything is kept, proportions are not.</summary>
[Part("stretch")]
public sealed record StretchFit : PictureFit
{
    /// <inheritdoc/>
    public override PicturePlace Place(int height, int width, int targetHeight, int targetWidth) => new(targetHeight, targetWidth, 0, 0);
}

/// <summary>Take pictures of the right size only; others are refused by name.</summary>
[Part("exact")]
public sealed record ExactFit : PictureFit
{
    /// <inheritdoc/>
    public override PicturePlace Place(int height, int width, int targetHeight, int targetWidth)
        => height == targetHeight && width == targetWidth
        ? new PicturePlace(height, width, 0, 0)
        : throw new InvalidDataException($"a picture of {width}x{height} pixels where {targetWidth}x{targetHeight} is asked for. Use "
            + $"another fit (crop, pad, stretch) or another size.");
}
