using Cresset.Optim;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch;

/// <summary>Steps of every optimizer where no value can be read: what must read one is listed, and the list is exact.</summary>
[LeakFree]
public sealed class OptimizerDeviceTests
{
    /// <summary>Rules whose step depends on a number over a whole tensor that their formula takes to the host.</summary>
    private static readonly HashSet<string> Reading =
    [
        "adafactor", "adafactor-t5", "adai", "adamuon", "amos", "came", "mars", "normuon", "novograd", "prodigy", "scion", "stable-adamw",
    ];

    public static TheoryData<string> Names => [.. OptimizerCatalog.Entries.Select(e => e.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void AStepReadsNoValueUnlessItIsListed(string name)
    {
        using var scope = NewDisposeScope();
        using var net = nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 3));
        net.to(DeviceType.META);
        using var optimizer = OptimizerCatalog.Create(name).Build(net);
        if (optimizer.Groups[0].Rule.NeedsClosure) return;
        foreach (var p in net.parameters()) p.grad = zeros_like(p);
        try
        {
            for (var i = 0; i < 2; i++) optimizer.Step();
            Assert.DoesNotContain(name, Reading);
            foreach (var p in net.parameters()) Assert.Equal(DeviceType.META, p.device_type);
        }
        catch (Exception e) when (MetaDevice.HasNoShapeRule(e))
        {
            // libtorch cannot tell the shape of one of its own operations; no number was read on the way to it.
        }
        catch (Exception e) when (Reading.Contains(name) && MetaDevice.Reads(e))
        {
            // As listed.
        }
        foreach (var p in net.parameters()) p.grad = null;
    }
}
