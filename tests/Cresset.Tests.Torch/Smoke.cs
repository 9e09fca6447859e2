using TorchSharp;
using Xunit;

namespace Cresset.Tests.Torch;

public sealed class Smoke
{
    [Fact]
    public void LibtorchLoadsAndComputes()
    {
        using var scope = torch.NewDisposeScope();
        Assert.Equal(6f, (torch.ones(2, 3).sum()).item<float>());
        Assert.False(Directory.Exists(Path.Combine(AppContext.BaseDirectory, "cpu")), "TorchSharp fell back to copying libtorch");
    }
}
