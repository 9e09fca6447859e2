namespace Cresset.Data;

/// <summary>The eight ways in which cameras store a picture (EXIF 2.3, tag 0x0112).</summary>
internal static class PictureOrientation
{
    /// <summary>The picture upright. 1 is as stored, 2 mirrored, 3 turned by 180 degrees, 4 both, 5 to 8 the same transposed.</summary>
    public static PicturePlanes Apply(PicturePlanes stored, int orientation)
    {
        if (orientation is <= 1 or > 8) return stored;
        var transposed = orientation >= 5;
        var (height, width) = transposed ? (stored.Width, stored.Height) : (stored.Height, stored.Width);
        var upright = new PicturePlanes(stored.Channels, height, width);
        for (var c = 0; c < stored.Channels; c++)
        {
            for (var y = 0; y < height; y++)
            {
                for (var x = 0; x < width; x++)
                {
                    var (sy, sx) = orientation switch
                    {
                        2 => (y, width - 1 - x),
                        3 => (height - 1 - y, width - 1 - x),
                        4 => (height - 1 - y, x),
                        5 => (x, y),
                        6 => (stored.Height - 1 - x, y),
                        7 => (stored.Height - 1 - x, stored.Width - 1 - y),
                        _ => (x, stored.Width - 1 - y),
                    };
                    upright.At(c, y, x) = stored.At(c, sy, sx);
                }
            }
        }
        return upright;
    }
}
