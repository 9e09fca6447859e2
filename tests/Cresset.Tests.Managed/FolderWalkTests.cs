using Cresset.Numerics;
using Xunit;

namespace Cresset.Tests.Managed;

/// <summary>Folders with links: every file once, under the name it has without them.</summary>
public sealed class FolderWalkTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-walk-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void LinksAreFollowedOnceAndNeverInCircles()
    {
        if (OperatingSystem.IsWindows()) return;
        string inside = At("inside"), outside = At("outside");
        Directory.CreateDirectory(Path.Combine(inside, "b ü"));
        Directory.CreateDirectory(Path.Combine(outside, "deep"));
        File.WriteAllText(Path.Combine(inside, "1.txt"), "");
        File.WriteAllText(Path.Combine(inside, "b ü", "2.txt"), "");
        File.WriteAllText(Path.Combine(outside, "deep", "3.txt"), "");
        Directory.CreateSymbolicLink(Path.Combine(inside, "a-self"), inside);
        Directory.CreateSymbolicLink(Path.Combine(inside, "a-sister"), Path.Combine(inside, "b ü"));
        Directory.CreateSymbolicLink(Path.Combine(inside, "c"), outside);
        Directory.CreateSymbolicLink(Path.Combine(inside, "d"), outside);
        Directory.CreateSymbolicLink(Path.Combine(outside, "back"), inside);
        Assert.Equal(["1.txt", "b ü/2.txt", "c/deep/3.txt"], FolderWalk.Files(inside).Select(f => Path.GetRelativePath(inside, f)));
        // The folder itself may be a link, and end in a slash.
        Assert.Equal(3, FolderWalk.Files(Path.Combine(inside, "a-self") + "/").Count);
        Directory.CreateSymbolicLink(At("way"), _folder);
        Assert.Equal(3, FolderWalk.Files(Path.Combine(At("way"), "inside")).Count);
        Assert.Throws<DirectoryNotFoundException>(() => FolderWalk.Files(At("nowhere")));
    }

    private string At(string name) => Path.Combine(_folder, name);
}
