using Cresset.Plots;
using CsCheck;
using SkiaSharp;
using Xunit;

namespace Cresset.Tests.Managed.Plots;

public sealed class AnimatedGifTests
{
    [Fact]
    public void FramesWithFewColoursComeBackExactly()
    {
        var frames = Enumerable.Range(0, 5).Select(t => Picture.FromPlanes(
            Enumerable.Range(0, 40 * 30).Select(i => (byte)(Math.Abs((i % 40) - (5 * t)) + Math.Abs((i / 40) - 15) < 6 ? 40 * t : 255))
                .ToArray(), 1, 30, 40)).ToList();
        frames.Insert(3, frames[2]);
        var (decoded, delays, repeat) = Decode(frames, TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(1));
        Assert.Equal(frames.Count, decoded.Count);
        for (var i = 0; i < frames.Count; i++) Assert.Equal(frames[i].Pixels, decoded[i]);
        Assert.Equal([50, 50, 50, 50, 50, 1000], delays);
        Assert.Equal(-1, repeat);
    }

    [Fact]
    public void AnyPixelsWithinAPaletteComeBackExactly()
    {
        // Sizes and noise that fill the code table many times, and palettes of every depth.
        Gen.Select(Gen.Int[1, 120], Gen.Int[1, 120], Gen.Int[1, 256], Gen.Int[0, 1000]).Sample(
            sample =>
            {
                var (width, height, colors, seed) = sample;
                var random = new System.Random(seed);
                var pixels = new byte[width * height];
                for (var i = 0; i < pixels.Length; i++)
                    pixels[i] = (byte)(i > 0 && random.Next(3) > 0 ? pixels[i - 1] : random.Next(colors));
                var frame = Picture.FromPlanes(pixels, 1, height, width);
                Assert.Equal(frame.Pixels, Decode([frame], TimeSpan.FromSeconds(1), null).Frames[0]);
            },
            iter: 60,
            threads: 1);
    }

    [Fact]
    public void ManyColoursStayNear()
    {
        var planes = new byte[3 * 128 * 128];
        for (var i = 0; i < 128 * 128; i++)
            (planes[i], planes[16384 + i], planes[32768 + i]) = ((byte)(i % 128 * 2), (byte)(i / 128 * 2), (byte)((i % 128) + (i / 128)));
        var frame = Picture.FromPlanes(planes, 3, 128, 128);
        var back = Decode([frame], TimeSpan.FromSeconds(1), null).Frames[0];
        var error = frame.Pixels.Zip(back, (a, b) => (double)(a - b) * (a - b)).Average();
        Assert.True(error < 40, $"mean squared error {error}");
    }

    [Fact]
    public void WrongInputIsNamed()
    {
        var frame = new Picture(1, 1, [0, 0, 0, 255]);
        using var stream = new MemoryStream();
        Assert.Throws<ArgumentException>(() => AnimatedGif.Write(stream, [], TimeSpan.FromSeconds(1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => AnimatedGif.Write(stream, [frame], TimeSpan.Zero));
        Assert.Contains("Frame 1",
            Assert.Throws<ArgumentException>(() => AnimatedGif.Write(stream, [frame, frame.Enlarge(2)], TimeSpan.FromSeconds(1))).Message,
            StringComparison.Ordinal);
    }

    private static (List<byte[]> Frames, List<int> Delays, int Repeat) Decode(IReadOnlyList<Picture> frames, TimeSpan delay, TimeSpan? last)
    {
        using var stream = new MemoryStream();
        AnimatedGif.Write(stream, frames, delay, last);
        using var codec = SKCodec.Create(SKData.CreateCopy(stream.ToArray()));
        Assert.NotNull(codec);
        var info = new SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        List<byte[]> decoded = [];
        for (var i = 0; i < Math.Max(1, codec.FrameCount); i++)
        {
            using var bitmap = new SKBitmap(info);
            Assert.Equal(SKCodecResult.Success, codec.GetPixels(info, bitmap.GetPixels(), new SKCodecOptions(i)));
            decoded.Add(bitmap.Bytes);
        }
        return (decoded, [.. codec.FrameInfo.Select(f => f.Duration)], codec.RepetitionCount);
    }
}
