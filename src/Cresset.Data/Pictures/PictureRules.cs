namespace Cresset.Data;

/// <summary>
/// What the pictures of a data set are brought to; stored with the model, so that later pictures are brought to the same.
/// </summary>
/// <param name="Channels">1 for grey, 3 for RGB.</param>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
/// <param name="Fit">How a picture of another size gets this one.</param>
/// <param name="Background">What transparent pixels stand on.</param>
internal sealed record PictureRules(int Channels, int Height, int Width, PictureFit Fit, string Background)
{
    /// <summary>A file as planes of this size.</summary>
    public PicturePlanes Read(string path)
    {
        var decoded = PictureDecoder.Decode(path, Channels, PictureColour.Parse(Background));
        return Fitted(path, decoded.Planes, Height, Width);
    }

    /// <summary>A decoded picture in another size; a refusal names the file.</summary>
    public PicturePlanes Fitted(string path, PicturePlanes planes, int height, int width)
    {
        try
        {
            return Fit.Apply(planes, height, width);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{path}: {e.Message}", e);
        }
    }
}
