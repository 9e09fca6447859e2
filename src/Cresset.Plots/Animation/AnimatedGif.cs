using Cresset.Numerics;

namespace Cresset.Plots;

/// <summary>
/// Writes animated GIF files (89a): each frame has its own palette of up to 256 colours (exact when it has no more), and only the rectangle
/// that changed is stored.
/// </summary>
public static class AnimatedGif
{
    /// <summary>Writes the frames to a file in one step: a reader never finds half of it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="frames">At least one; all of one size, at most 65,535 x 65,535. Opacity is not kept: pixels are laid over
    /// white.</param>
    /// <param name="delay">Time that each frame is shown, in whole hundredths of a second, at least 0.02 s (viewers slow down shorter
    /// ones).</param>
    /// <param name="lastDelay">Time that the last frame is shown, or null for <paramref name="delay"/>.</param>
    /// <param name="repeat">How often the animation is repeated; 0 for ever.</param>
    /// <exception cref="ArgumentException">No frames, or frames of different sizes.</exception>
    public static void Save(string path, IReadOnlyList<Picture> frames, TimeSpan delay, TimeSpan? lastDelay = null, int repeat = 0)
        => AtomicFile.Write(path, stream => Write(stream, frames, delay, lastDelay, repeat));

    /// <summary>Writes the frames to a stream; see <see cref="Save"/>.</summary>
    public static void Write(Stream stream, IReadOnlyList<Picture> frames, TimeSpan delay, TimeSpan? lastDelay = null, int repeat = 0)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(frames);
        if (frames.Count == 0) throw new ArgumentException("An animation needs at least one frame.", nameof(frames));
        ArgumentOutOfRangeException.ThrowIfLessThan(delay, TimeSpan.FromMilliseconds(20));
        ArgumentOutOfRangeException.ThrowIfNegative(repeat);
        var (width, height) = (frames[0].Width, frames[0].Height);
        if (width > ushort.MaxValue || height > ushort.MaxValue)
            throw new ArgumentException($"A GIF has at most 65,535 pixels on each side, not {width} x {height}.", nameof(frames));
        stream.Write("GIF89a"u8);
        Short(stream, width);
        Short(stream, height);
        // No global palette, 8 bits a colour.
        stream.Write([0x70, 0, 0]);
        if (frames.Count > 1)
        {
            stream.Write([0x21, 0xFF, 11]);
            stream.Write("NETSCAPE2.0"u8);
            stream.Write([3, 1]);
            Short(stream, Math.Min(repeat, ushort.MaxValue));
            stream.WriteByte(0);
        }
        int[]? before = null;
        for (var i = 0; i < frames.Count; i++)
        {
            if (frames[i].Width != width || frames[i].Height != height)
                throw new ArgumentException(
                    $"Frame {i} has {frames[i].Width} x {frames[i].Height} pixels, the first {width} x {height}; all must be equal.",
                    nameof(frames));
            var colors = Colors(frames[i]);
            Frame(stream, colors, Changed(before, colors, width, height), width, i == frames.Count - 1 ? lastDelay ?? delay : delay);
            before = colors;
        }
        stream.WriteByte(0x3B);
    }

    private static void Frame(Stream stream, int[] colors, (int X, int Y, int Width, int Height) part, int stride, TimeSpan delay)
    {
        var crop = new int[part.Width * part.Height];
        for (var y = 0; y < part.Height; y++)
            colors.AsSpan(((part.Y + y) * stride) + part.X, part.Width).CopyTo(crop.AsSpan(y * part.Width));
        var (palette, indices) = Palette.Reduce(crop);
        var bits = Math.Max(1, 32 - System.Numerics.BitOperations.LeadingZeroCount((uint)Math.Max(1, palette.Length - 1)));
        // Graphic control: leave the frame in place, no transparency.
        stream.Write([0x21, 0xF9, 4, 4]);
        Short(stream, (int)Math.Clamp(Math.Round(delay.TotalMilliseconds / 10), 2, ushort.MaxValue));
        stream.Write([0, 0, 0x2C]);
        Short(stream, part.X);
        Short(stream, part.Y);
        Short(stream, part.Width);
        Short(stream, part.Height);
        stream.WriteByte((byte)(0x80 | (bits - 1)));
        for (var i = 0; i < 1 << bits; i++)
        {
            var color = i < palette.Length ? palette[i] : 0;
            stream.Write([(byte)(color >> 16), (byte)(color >> 8), (byte)color]);
        }
        LzwEncoder.Write(stream, indices, Math.Max(2, bits));
    }

    private static int[] Colors(Picture picture)
    {
        var pixels = picture.Pixels;
        var colors = new int[picture.Width * picture.Height];
        for (var i = 0; i < colors.Length; i++)
        {
            var alpha = pixels[(4 * i) + 3];
            colors[i] = (Over(pixels[4 * i], alpha) << 16) | (Over(pixels[(4 * i) + 1], alpha) << 8) | Over(pixels[(4 * i) + 2], alpha);
        }
        return colors;
    }

    private static int Over(int value, int alpha) => alpha == 255 ? value : ((value * alpha) + (255 * (255 - alpha)) + 127) / 255;

    // A frame without changes still stores one pixel: viewers drop empty ones, and its time with them.
    private static (int X, int Y, int Width, int Height) Changed(int[]? before, int[] after, int width, int height)
    {
        if (before is null) return (0, 0, width, height);
        int left = width, right = -1, top = height, bottom = -1;
        for (var y = 0; y < height; y++)
        {
            var old = before.AsSpan(y * width, width);
            var now = after.AsSpan(y * width, width);
            var first = old.CommonPrefixLength(now);
            if (first == width) continue;
            var last = width - 1;
            while (old[last] == now[last]) last--;
            (left, right, top, bottom) = (Math.Min(left, first), Math.Max(right, last), Math.Min(top, y), y);
        }
        return right < 0 ? (0, 0, 1, 1) : (left, top, right - left + 1, bottom - top + 1);
    }

    private static void Short(Stream stream, int value) => stream.Write([(byte)value, (byte)(value >> 8)]);
}
