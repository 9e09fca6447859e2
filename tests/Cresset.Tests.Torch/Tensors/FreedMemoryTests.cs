using System.Globalization;
using Cresset.Native;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Tensors;

public sealed class FreedMemoryTests
{
    [Fact]
    public void FreedTensorsGoBackToTheSystem()
    {
        if (NativeRuntime.Allocator.MmapThresholdBytes == 0) return;
        var tensors = Enumerable.Range(0, 64).Select(_ => ones(2 << 20).DetachFromDisposeScope()).ToList();
        // A block at the end keeps the heap from shrinking by itself.
        using var last = ones(1 << 10);
        var full = Resident();
        foreach (var tensor in tensors) tensor.Dispose();
        FreedMemory.Return();
        // 512 MiB were freed; other tests may run and take some.
        Assert.True(full - Resident() > 256 << 20, $"{full:N0} before, {Resident():N0} after");
    }

    private static long Resident() =>
        1024 * long.Parse(
            File.ReadLines("/proc/self/status").First(l => l.StartsWith("RssAnon:", StringComparison.Ordinal))
                .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
}
