using System.Diagnostics;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Tensors;

/// <summary>
/// A garbage collection on another thread frees the hidden factor of <c>a + b</c> in plain TorchSharp: one collection in six broke a sum.
/// </summary>
[LeakFree]
public sealed class ScalarLifetimeTests
{
    [Fact]
    public void SumsSurviveCollectionsOnAnotherThread()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux()
            && System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64,
            "mended on Linux x64");
        var stop = false;
        var collections = 0;
        var collector = new Thread(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                GC.Collect(0);
                collections++;
                Thread.Sleep(1);
            }
        });
        collector.Start();
        try
        {
            using var scope = NewDisposeScope();
            using var off = no_grad();
            Tensor a = ones(1000), b = ones(1000);
            var clock = Stopwatch.StartNew();
            while (collections < 300 && clock.Elapsed < TimeSpan.FromSeconds(20))
            {
                using var inner = NewDisposeScope();
                for (var i = 0; i < 100; i++) Assert.Equal(2f, (a + b)[0].ToSingle());
            }
            Assert.True(collections >= 100, $"only {collections} collections");
        }
        finally
        {
            Volatile.Write(ref stop, true);
            collector.Join();
        }
    }
}
