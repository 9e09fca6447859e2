using Cresset.Runs;
using Xunit;

namespace Cresset.Tests.Managed.Runs;

public sealed class RunPictureTests
{
    /// <summary>A PNG file of one pixel.</summary>
    internal static byte[] OnePixel { get; } = Convert.FromBase64String(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==");

    [Fact]
    public void PicturesAreFilesInTheRunsFolder()
    {
        using var folder = new TemporaryFolder();
        using var store = RunStore.Open(folder.Path);
        using var run = store.Begin("pictures", "train");
        var first = run.Picture("samples", 12, OnePixel, "twelve");
        var second = run.Picture("../../etc/x", 12, OnePixel);
        run.Flush();
        Assert.Equal(Path.Combine(run.SampleFolder, "samples-000012.png"), first);
        Assert.Equal(run.SampleFolder, Path.GetDirectoryName(second));
        var pictures = store.Pictures(run.Id);
        Assert.Equal(2, pictures.Count);
        Assert.Equal(OnePixel, File.ReadAllBytes(pictures.Single(p => p.Caption == "twelve").Path));
        Assert.Throws<ArgumentException>(() => run.Picture("bad", 1, [1, 2, 3]));
        run.Finish(RunStatus.Finished);
    }

    /// <summary>A GIF of one pixel: an animation keeps its own ending and media type.</summary>
    [Fact]
    public void AnimationsAreKeptAsGif()
    {
        var gif = Convert.FromBase64String("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7");
        using var folder = new TemporaryFolder();
        using var store = RunStore.Open(folder.Path);
        using var run = store.Begin("animations", "train");
        var path = run.Picture("particles", 7, gif);
        run.Flush();
        Assert.Equal(Path.Combine(run.SampleFolder, "particles-000007.gif"), path);
        var kept = Assert.Single(store.Pictures(run.Id));
        Assert.Equal("image/gif", kept.Type);
        Assert.Equal(gif, File.ReadAllBytes(kept.Path));
        run.Finish(RunStatus.Finished);
    }
}
