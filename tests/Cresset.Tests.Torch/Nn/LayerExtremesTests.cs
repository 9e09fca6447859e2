using Cresset.Kernels;
using Cresset.Nn;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>
/// Every layer on batches of nothing and of one, on every layout, in every type, with NaN in one sample, and without memory to read.
/// </summary>
[LeakFree]
public sealed class LayerExtremesTests
{
    // They draw, or look over the batch.
    private static readonly HashSet<string> AcrossSamples = ["segnet"];

    public static TheoryData<string> Layers =>
        [.. ModuleCase.All.Where(c => c.Shape is not null && !c.Name.StartsWith("activation ", StringComparison.Ordinal))
            .Select(c => c.Name)];

    [Theory]
    [MemberData(nameof(Layers))]
    public void ABatchOfNothingGivesABatchOfNothing(string name)
    {
        using var scope = NewDisposeScope();
        using var module = Build(name, out var shape);
        var expected = module.call(ModuleCase.Input(ScalarType.Float32, shape)).shape;
        var x = zeros([0, .. shape[1..]], requires_grad: true);
        var y = module.call(x);
        Assert.Equal([expected[0] / shape[0] * 0, .. expected[1..]], y.shape);
        y.sum().backward();
    }

    [Theory]
    [MemberData(nameof(Layers))]
    public void EverySampleIsItsOwnAndNaNStaysInIt(string name)
    {
        using var scope = NewDisposeScope();
        using var module = Build(name, out var shape);
        using var quiet = no_grad();
        var x = ModuleCase.Input(ScalarType.Float32, [3, .. shape[1..]]);
        var y = module.call(x);
        if (y.size(0) != 3 || AcrossSamples.Contains(name)) return;
        for (var i = 0; i < 3; i++)
            Assert.True(module.call(x.narrow(0, i, 1)).allclose(y.narrow(0, i, 1), 1e-4, 1e-5), $"{name}: sample {i} alone is another");
        var spoilt = x.clone();
        spoilt.select(0, 1).fill_(float.NaN);
        var found = module.call(spoilt);
        Assert.True(found.select(0, 1).isnan().any().ToBoolean(), $"{name}: NaN went in and none came out");
        foreach (var i in new[] { 0, 2 })
            Assert.True(found.select(0, i).allclose(y.select(0, i), 1e-4, 1e-5), $"{name}: NaN of sample 1 reached sample {i}");
    }

    [Theory]
    [MemberData(nameof(Layers))]
    public void EveryLayoutGivesTheSame(string name)
    {
        using var scope = NewDisposeScope();
        using var module = Build(name, out var shape);
        var dense = ModuleCase.Input(ScalarType.Float32, shape);
        var expected = Run(dense);
        var rank = shape.Length;
        var order = Enumerable.Range(0, rank).Select(i => (long)((i + 1) % rank)).ToArray();
        var back = Enumerable.Range(0, rank).Select(i => (long)((i + rank - 1) % rank)).ToArray();
        var room = full([.. shape[..^1], shape[^1] * 2], float.NaN);
        room.slice(rank - 1, 0, shape[^1] * 2, 2).copy_(dense);
        foreach (var x in new[] { dense.permute(order).contiguous().permute(back), room.slice(rank - 1, 0, shape[^1] * 2, 2) })
        {
            var (y, slope) = Run(x);
            Assert.True(y.allclose(expected.Y, 1e-4, 1e-5), $"{name} with strides {string.Join(", ", x.stride())}");
            Assert.True(slope.allclose(expected.Slope, 1e-4, 1e-5), $"{name}' with strides {string.Join(", ", x.stride())}");
        }

        (Tensor Y, Tensor Slope) Run(Tensor at)
        {
            var x = at.detach().requires_grad_();
            var y = module.call(x);
            (y * ModuleCase.Input(ScalarType.Float32, y.shape)).sum().backward();
            return (y.detach(), x.grad ?? zeros_like(x));
        }
    }

    [Theory]
    [MemberData(nameof(Layers))]
    public void BrainFloatsKeepTheirTypeAndComeNear(string name)
    {
        using var scope = NewDisposeScope();
        using var module = Build(name, out var shape);
        using var quiet = no_grad();
        var y = module.call(ModuleCase.Input(ScalarType.Float32, shape));
        module.to(ScalarType.BFloat16);
        var half = module.call(ModuleCase.Input(ScalarType.BFloat16, shape));
        Assert.Equal(ScalarType.BFloat16, half.dtype);
        var difference = (half.to(ScalarType.Float32) - y).abs();
        // Places of largest values are whole numbers: one of two near ones may be taken for the other, and a value then lands beside its
        // place.
        var off = (name == "segnet" ? difference.mean() : difference.max()).ToDouble();
        Assert.True(off <= 0.1 * (1 + y.abs().max().ToDouble()), $"{name}: off by {off}");
    }

    [Theory]
    [MemberData(nameof(Layers))]
    public void NoMemoryIsReadOnOtherDevices(string name)
    {
        using var scope = NewDisposeScope();
        using var module = Build(name, out var shape);
        using var quiet = no_grad();
        var expected = module.call(ModuleCase.Input(ScalarType.Float32, shape)).shape;
        module.to(DeviceType.META);
        try
        {
            var y = module.call(zeros(shape, device: new Device(DeviceType.META)));
            Assert.Equal(DeviceType.META, y.device_type);
            Assert.Equal(expected, y.shape);
        }
        catch (Exception e) when (MetaDevice.HasNoShapeRule(e))
        {
            // libtorch cannot tell the shape of one of its own operations; no number was read on the way to it.
        }
    }

    private static nn.Module<Tensor, Tensor> Build(string name, out long[] shape)
    {
        var found = ModuleCase.All.Single(c => c.Name == name);
        var module = (nn.Module<Tensor, Tensor>)found.Build();
        module.eval();
        shape = found.Shape!;
        return module;
    }
}
