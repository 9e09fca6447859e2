using Cresset.Plots;
using Xunit;

namespace Cresset.Tests.Managed.Plots;

public sealed class GalleryTests
{
    public static TheoryData<string> Names => [.. Gallery.Figures.Keys];

    /// <summary>Set CRESSET_GALLERY to a folder to keep the figures and look at them.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void EveryKindOfFigureSavesAsPngAndSvg(string name)
    {
        using var folder = new Runs.TemporaryFolder();
        var target = Environment.GetEnvironmentVariable("CRESSET_GALLERY") ?? folder.Path;
        var figure = Gallery.Figures[name]();
        figure.Save(Path.Combine(target, name + ".png"));
        figure.Save(Path.Combine(target, name + ".svg"));
        var picture = Picture.Load(Path.Combine(target, name + ".png"));
        Assert.True(picture.Width >= 80 && picture.Height >= 80);
        Assert.True(
            Enumerable.Range(0, picture.Width * picture.Height).Select(i => BitConverter.ToInt32(picture.Pixels, 4 * i)).Distinct().Count()
                > 10, "the figure is empty");
        var svg = System.Xml.Linq.XDocument.Load(Path.Combine(target, name + ".svg"));
        Assert.Equal("svg", svg.Root!.Name.LocalName);
        Assert.Equal(2, Directory.GetFiles(target, name + ".*").Length);
    }
}
