namespace Cresset.Data;

/// <summary>
/// Resizing in two passes with a triangle filter that widens when it shrinks, so that fine detail does not alias: what PIL's
/// <c>resize(BILINEAR)</c> and torchvision's <c>resize(antialias=True)</c> do. Masks take the nearest pixel instead.
/// </summary>
internal static class Resampler
{
    /// <summary>The picture in another size; the same object where the size is already right.</summary>
    public static PicturePlanes Smooth(PicturePlanes picture, int height, int width)
    {
        if (picture.Width != width)
        {
            var taps = Taps.For(picture.Width, width);
            var wide = new PicturePlanes(picture.Channels, picture.Height, width);
            for (var row = 0; row < picture.Channels * picture.Height; row++)
            {
                var from = picture.Values.AsSpan(row * picture.Width, picture.Width);
                var to = wide.Values.AsSpan(row * width, width);
                for (var x = 0; x < width; x++)
                {
                    float sum = 0;
                    var weights = taps.Of(x, out var first);
                    for (var k = 0; k < weights.Length; k++) sum += weights[k] * from[first + k];
                    to[x] = sum;
                }
            }
            picture = wide;
        }
        if (picture.Height == height) return picture;
        var rows = Taps.For(picture.Height, height);
        var result = new PicturePlanes(picture.Channels, height, width);
        for (var c = 0; c < picture.Channels; c++)
        {
            var plane = picture.Plane(c);
            for (var y = 0; y < height; y++)
            {
                var to = result.Plane(c).Slice(y * width, width);
                var weights = rows.Of(y, out var first);
                for (var k = 0; k < weights.Length; k++)
                {
                    var weight = weights[k];
                    var from = plane.Slice((first + k) * width, width);
                    for (var x = 0; x < width; x++) to[x] += weight * from[x];
                }
            }
        }
        return result;
    }

    /// <summary>The picture in another size, each pixel that of the nearest centre.</summary>
    public static PicturePlanes Nearest(PicturePlanes picture, int height, int width)
    {
        if (picture.Width == width && picture.Height == height) return picture;
        var result = new PicturePlanes(picture.Channels, height, width);
        for (var c = 0; c < picture.Channels; c++)
        {
            for (var y = 0; y < height; y++)
            {
                var fromY = Math.Min(picture.Height - 1, (int)((y + 0.5) * picture.Height / height));
                for (var x = 0; x < width; x++)
                    result.At(c, y, x) = picture.At(c, fromY, Math.Min(picture.Width - 1, (int)((x + 0.5) * picture.Width / width)));
            }
        }
        return result;
    }

    private sealed class Taps
    {
        private readonly int[] _first;
        private readonly float[][] _weights;

        private Taps(int count) => (_first, _weights) = (new int[count], new float[count][]);

        public ReadOnlySpan<float> Of(int index, out int first)
        {
            first = _first[index];
            return _weights[index];
        }

        public static Taps For(int from, int to)
        {
            var taps = new Taps(to);
            double scale = (double)from / to, support = Math.Max(scale, 1);
            for (var i = 0; i < to; i++)
            {
                var centre = (i + 0.5) * scale;
                int first = Math.Max(0, (int)(centre - support + 0.5)), end = Math.Min(from, (int)(centre + support + 0.5));
                var weights = new double[end - first];
                for (var k = 0; k < weights.Length; k++) weights[k] = Math.Max(0, 1 - Math.Abs((first + k + 0.5 - centre) / support));
                var sum = weights.Sum();
                taps._first[i] = first;
                taps._weights[i] = [.. weights.Select(w => (float)(w / sum))];
            }
            return taps;
        }
    }
}
