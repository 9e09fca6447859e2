using Cresset.Data;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Data;

/// <summary>Pictures against Pillow's reading of the same files.</summary>
public sealed class PictureTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-pictures-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("plain.png", "smooth", 0)]
    [InlineData("plain.bmp", "smooth", 0)]
    [InlineData("plain.webp", "smooth", 0)]
    [InlineData("plain.tif", "smooth", 0)]
    [InlineData("plain.gif", "gif", 0)]
    [InlineData("moving.webp", "smooth", 0)]
    [InlineData("cmyk.jpg", "cmyk", 2)]
    public void EveryFormatGivesThePixelsOfPillow(string file, string expected, int tolerance) =>
        AssertPixels(Decode(file), expected, tolerance);

    [Fact]
    public void OrientationIsFollowed()
    {
        for (var orientation = 1; orientation <= 8; orientation++)
            AssertPixels(Decode($"turned{orientation}.jpg"), $"turned{orientation}", 2);
        foreach (var orientation in new[] { 3, 6 })
        {
            foreach (var ending in new[] { "png", "webp", "tif" })
                AssertPixels(Decode($"turned{orientation}.{ending}"), $"turned{orientation}", 6);
        }
    }

    [Theory]
    [InlineData("alpha.png")]
    [InlineData("alpha.webp")]
    public void AlphaIsComposedOnTheStatedColour(string file)
    {
        AssertPixels(Decode(file, background: "white"), "alpha_white", 1);
        AssertPixels(Decode(file, background: "black"), "alpha_black", 1);
    }

    [Theory]
    [InlineData("grey16.png")]
    [InlineData("grey16.tif")]
    public void SixteenBitsAreKept(string file)
    {
        using var scope = NewDisposeScope();
        var expected = Expected("grey16").reshape(-1).data<int>().ToArray();
        var planes = Decode(file, channels: 1);
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i] / 257.0 / 255, planes.Values[i], 1e-6);
    }

    [Fact]
    public void GreyIsTheLumaOfPillow()
    {
        using var scope = NewDisposeScope();
        var expected = Expected("luma").reshape(-1).data<byte>().ToArray();
        var planes = Decode("plain.png", channels: 1);
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], planes.Values[i] * 255, 1.0);
    }

    [Theory]
    [InlineData(3, 5)]
    [InlineData(10, 7)]
    [InlineData(17, 20)]
    public void ResizingIsThatOfPillow(int height, int width)
    {
        using var scope = NewDisposeScope();
        var expected = Expected($"resized_{height}x{width}").reshape(-1).data<float>().ToArray();
        var source = Decode("plain.png");
        var plane = new PicturePlanes(1, source.Height, source.Width);
        source.Plane(0).CopyTo(plane.Values);
        var resized = Resampler.Smooth(plane, height, width);
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], resized.Values[i], 1e-5);
    }

    [Theory]
    [InlineData("plain.png")]
    [InlineData("turned1.jpg")]
    [InlineData("plain.webp")]
    [InlineData("plain.bmp")]
    [InlineData("plain.gif")]
    [InlineData("plain.tif")]
    [InlineData("grey16.png")]
    public void EveryTruncationIsRefusedByName(string file)
    {
        var whole = File.ReadAllBytes(Repository.Reference($"data/{file}"));
        for (var length = 0; length < whole.Length; length += Math.Max(1, whole.Length / 80))
        {
            var path = Path.Combine(_folder, "cut" + Path.GetExtension(file));
            File.WriteAllBytes(path, whole[..length]);
            foreach (var check in new Action[] { () => PictureDecoder.Decode(path, 3, default), () => PictureEnds.Check(path) })
                Assert.StartsWith($"{path}: ", Assert.Throws<InvalidDataException>(check).Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("plain.png")]
    [InlineData("turned6.jpg")]
    [InlineData("plain.webp")]
    [InlineData("plain.bmp")]
    [InlineData("plain.gif")]
    [InlineData("plain.tif")]
    [InlineData("grey16.png")]
    [InlineData("grey16.tif")]
    public void MutatedPicturesAreReadOrRefusedAsInvalidData(string file)
    {
        var path = Path.Combine(_folder, "m");
        ReaderFuzz.Run(File.ReadAllBytes(Repository.Reference($"data/{file}")), 150,
            bytes => PictureDecoder.Decode(path, bytes, 3, default));
    }

    [Fact]
    public void MasksKeepTheirIndices()
    {
        using var scope = NewDisposeScope();
        var notes = new List<string>();
        var path = Repository.Reference("data/mask.png");
        var rules = MaskRules.For([], [path], "masks", notes);
        Assert.Equal([0, 1, 2], rules.Values);
        Assert.Contains(notes, n => n.Contains("255 counts nowhere", StringComparison.Ordinal));
        var expected = Expected("mask").reshape(-1).data<byte>().ToArray();
        var mask = rules.Read(path, 10, 14);
        Assert.Equal(expected.Select(v => v == 255 ? -1f : v), mask.Values);
        Assert.Contains("a mask of 14x10 pixels for a picture of "
            + "3x4", Assert.Throws<InvalidDataException>(() => rules.Read(path, 4, 3)).Message, StringComparison.Ordinal);
        Assert.Contains("compressed as JPEG",
            Assert.Throws<InvalidDataException>(
                () => MaskRules.For([], [Repository.Reference("data/turned1.jpg")], "masks", notes)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FitsKeepCutOrFillTheBorders()
    {
        var picture = new PicturePlanes(1, 2, 4);
        for (var i = 0; i < 8; i++) picture.Values[i] = i / 8f;
        Assert.Equal([1 / 8f, 2 / 8f, 5 / 8f, 6 / 8f], new CropFit().Apply(picture, 2, 2).Values);
        var padded = new PadFit { Colour = "white" }.Apply(picture, 4, 4);
        Assert.Equal([.. Enumerable.Repeat(1f, 4), .. picture.Values, .. Enumerable.Repeat(1f, 4)], padded.Values);
        Assert.Equal(2, new StretchFit().Apply(picture, 2, 2).Width);
        Assert.Contains("4x2 pixels where 2x2", Assert.Throws<InvalidDataException>(() => new ExactFit().Apply(picture, 2, 2)).Message,
            StringComparison.Ordinal);
    }

    private static PicturePlanes Decode(string file, int channels = 3, string background = "white")
        => PictureDecoder.Decode(Repository.Reference($"data/{file}"), channels, PictureColour.Parse(background)).Planes;

    private static Tensor Expected(string name) => NpzFile.Read(Repository.Reference("data/expected.npz"), name);

    private static void AssertPixels(PicturePlanes planes, string expected, int tolerance)
    {
        using var scope = NewDisposeScope();
        var reference = Expected(expected);
        Assert.Equal([reference.size(0), reference.size(1)], [planes.Height, planes.Width]);
        var values = reference.permute(2, 0, 1).contiguous().data<byte>().ToArray();
        for (var i = 0; i < values.Length; i++)
            Assert.True(Math.Abs(values[i] - (planes.Values[i] * 255)) <= tolerance + 1e-3,
                $"value {i}: {planes.Values[i] * 255} instead of {values[i]}");
    }
}
