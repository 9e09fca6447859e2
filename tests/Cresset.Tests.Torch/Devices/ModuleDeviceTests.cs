using Cresset.Tests.Torch.Onnx;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch;

/// <summary>
/// Forward and backward passes of Cresset's networks and of every part that is a layer, a flow or a quantizer where no value can be read
/// and a tensor left on the CPU is an error. What reads a value is listed, and the list is exact.
/// </summary>
public sealed class ModuleDeviceTests
{
    /// <summary>Modules whose answer depends on a value that their formula takes to the host.</summary>
    private static readonly HashSet<string> Reading = [];

    public static TheoryData<string> Names => [.. OnnxCressetCases.All.Select(c => c.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void NoValueIsReadAndNothingIsLeftOnTheCpu(string name)
    {
        using var scope = NewDisposeScope();
        var found = OnnxCressetCases.All.Single(c => c.Name == name);
        using var module = found.Make();
        module.eval();
        var inputs = found.Inputs();
        long[] expected;
        using (no_grad()) expected = Call(module, inputs).shape;
        module.to(DeviceType.META);
        var away = Array.ConvertAll(inputs,
            x => x.is_floating_point() ? x.to(DeviceType.META).requires_grad_(true) : x.to(DeviceType.META));
        try
        {
            var y = Call(module, away);
            Assert.DoesNotContain(name, Reading);
            Assert.Equal(DeviceType.META, y.device_type);
            Assert.Equal(expected, y.shape);
            if (y.requires_grad) y.sum().backward();
        }
        catch (Exception e) when (MetaDevice.HasNoShapeRule(e))
        {
            // libtorch cannot tell the shape of one of its own operations; no number was read on the way to it.
        }
        catch (Exception e) when (Reading.Contains(name) && MetaDevice.Reads(e))
        {
            // As listed.
        }
        foreach (var p in module.parameters()) p.grad = null;
    }

    private static Tensor Call(nn.Module module, Tensor[] x) => module switch
    {
        nn.Module<Tensor, Tensor> one => one.call(x[0]),
        nn.Module<Tensor, Tensor, Tensor> two => two.call(x[0], x.ElementAtOrDefault(1)!),
        nn.Module<Tensor, Tensor, Tensor, Tensor> three => three.call(x[0], x[1], x[2]),
        nn.Module<Tensor, Tensor, Tensor, Tensor, Tensor> four => four.call(x[0], x[1], x[2], x[3]),
        _ => throw new InvalidOperationException($"{module.GetType()} takes other inputs."),
    };
}
