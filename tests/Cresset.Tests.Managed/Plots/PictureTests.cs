using Cresset.Plots;
using CsCheck;
using Xunit;

namespace Cresset.Tests.Managed.Plots;

public sealed class PictureTests
{
    [Fact]
    public void PngKeepsEveryPixel()
    {
        Gen.Select(Gen.Int[1, 20], Gen.Int[1, 20])
            .SelectMany(size => Gen.Byte.Array[size.Item1 * size.Item2 * 4].Select(pixels => (size, pixels))).Sample(
            sample =>
            {
                // Where nothing is opaque colours cannot matter; encoders may drop them.
                for (var i = 3; i < sample.pixels.Length; i += 4) if (sample.pixels[i] == 0) sample.pixels[i] = 1;
                var back = Picture.Decode(new Picture(sample.size.Item1, sample.size.Item2, sample.pixels).ToPng());
                Assert.Equal(sample.pixels, back.Pixels);
            },
            iter: 100,
            threads: 1);
    }

    [Fact]
    public void PlanesBecomePixels()
    {
        var picture = Picture.FromPlanes([0f, 1f, 0.5f, float.NaN, -3f, 9f], 3, 1, 2);
        Assert.Equal([0, 128, 0, 255, 255, 0, 255, 255], picture.Pixels);
        Assert.Equal([127, 127, 127, 255], Picture.FromPlanes([127], 1, 1, 1).Pixels);
        Assert.Equal(Enumerable.Repeat(picture.Pixels[..4], 3).SelectMany(p => p), picture.Enlarge(3).Pixels[..12]);
    }

    [Fact]
    public void WrongInputIsNamed()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Picture.FromPlanes(new float[8], 2, 2, 2));
        Assert.Contains("[3, 2, 2]", Assert.Throws<ArgumentException>(() => Picture.FromPlanes(new float[8], 3, 2, 2)).Message,
            StringComparison.Ordinal);
        Assert.Throws<InvalidDataException>(() => Picture.Decode([1, 2, 3]));
        var cut = Runs.RunPictureTests.OnePixel[..40];
        Assert.Throws<InvalidDataException>(() => Picture.Decode(cut));
        Assert.Throws<ArgumentException>(() => ImageGrid.Render(new float[10], 2, 1, 2, 2));
        Assert.Throws<ArgumentException>(() => ImageGrid.Render(new float[8], 2, 1, 2, 2, new ImageGridOptions { Captions = ["one"] }));
        Assert.Throws<ArgumentException>(() => new Chart().Save("x.bmp"));
        Assert.Throws<ArgumentException>(() => new Chart().Line("a", new[] { 1, 2 }, new[] { 1.0 }));
        Assert.Throws<ArgumentException>(() => new Chart().HeatMap(new[] { 1, 2 }, 2, 2));
        Assert.Throws<ArgumentException>(() => ConfusionMatrixChart.Create([1, 2, 3], ["a", "b"]));
        Assert.Throws<Cresset.Numerics.InvalidOptionsException>(() => new Chart(new ChartOptions { Width = 1 }));
    }

    [Fact]
    public void ChartsOfNothingAndOfNonFiniteValuesAreDrawn()
    {
        foreach (var log in new[] { false, true })
        {
            var chart = new Chart(new ChartOptions { LogX = log, LogY = log })
                .Line("empty", ReadOnlySpan<double>.Empty, ReadOnlySpan<double>.Empty)
                .Line("nothing", new[] { 1, 2 }, new[] { double.NaN, double.PositiveInfinity })
                .Line("holes", new[] { 0.0, 1, 2, double.NaN, 4, 5 }, new[] { 1.0, double.NaN, -3, 2, 5, 6 },
                    new LineOptions { Smoothing = 0.5 })
                .Scatter("points", new[] { 1, 2 }, new[] { float.NaN, 2f })
                .Line("one", new[] { 1 }, new[] { 1 });
            Assert.NotEmpty(chart.ToPng());
            Assert.NotEmpty(chart.ToSvg());
        }
        Assert.NotEmpty(new Chart().ToPng());
        Assert.NotEmpty(new Chart().Histogram("none", new[] { double.NaN }).Histogram("one", new[] { 3, 3, 3 }).ToPng());
        Assert.NotEmpty(new Chart().HeatMap(new[] { double.NaN, double.NaN }, 1, 2, new HeatMapOptions { ShowValues = true }).ToPng());
    }

    [Fact]
    public void TextIsDrawnWithTheFontThatIsShipped()
    {
        var titled = new Chart(new ChartOptions { Title = "Größe µ, the title band" }).ToPicture();
        var bare = new Chart().ToPicture();
        Assert.True(DarkPixels(titled, 0, 30) > 300, $"{DarkPixels(titled, 0, 30)} dark pixels");
        Assert.Equal(0, DarkPixels(bare, 0, 30));
        var sheet = ImageGrid.Render(new float[64], 1, 1, 8, 8, new ImageGridOptions { Title = "A title", Scale = 30 });
        Assert.True(DarkPixels(sheet, 0, 28) > 150);
        Assert.Equal("DejaVu Sans", PlotFont.Regular.FamilyName);
        Assert.NotNull(typeof(Chart).Assembly.GetManifestResourceStream("Cresset.Plots.Fonts.DejaVu-LICENSE.txt"));

        static int DarkPixels(Picture picture, int from, int to)
            => Enumerable.Range(from * picture.Width, (to - from) * picture.Width)
                .Count(i => i % picture.Width > picture.Width / 5 && i % picture.Width < picture.Width * 4 / 5
                    && picture.Pixels[4 * i] < 110);
    }

    [Fact]
    public void SameDataSameBytes()
    {
        Assert.Equal(Gallery.Curves().ToPng(), Gallery.Curves().ToPng());
    }

    [Fact]
    public void DigitsAreEnlargedToBeSeen()
    {
        var sheet = ImageGrid.Render(Gallery.DigitLike(4), 4, 1, 8, 8);
        Assert.Equal((2 * 64 + 3 * 4, 2 * 64 + 3 * 4), (sheet.Width, sheet.Height));
    }
}
