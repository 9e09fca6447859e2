using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>Layers that torch.nn has too take one sample without the dimension of the batch.</summary>
[LeakFree]
public sealed class UnbatchedTests
{
    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(3, false)]
    [InlineData(1, true)]
    [InlineData(2, true)]
    [InlineData(3, true)]
    public void UnpoolingTakesOneSample(int places, bool withSize)
    {
        using var scope = NewDisposeScope();
        using MaxUnpool layer = places switch { 1 => new MaxUnpool1d([2]), 2 => new MaxUnpool2d([2]), _ => new MaxUnpool3d([2]) };
        long[] shape = [1, 3, .. new long[] { 4, 6, 8 }[..places]];
        var (values, indices) = IndexedPooling.MaxPool(ModuleCase.Input(ScalarType.Float32, shape), [2]);
        long[]? size = withSize ? shape[1..] : null;
        var one = layer.Forward(values[0], indices[0], size);
        Assert.True(one.equal(layer.call(values, indices)[0]).all().ToBoolean());
        Assert.Throws<ShapeException>(() => layer.call(values.unsqueeze(0), indices.unsqueeze(0)));
    }

    [Fact]
    public void AttentionTakesOneSample()
    {
        using var scope = NewDisposeScope();
        using var layer = new MultiHeadAttention(8, new() { Heads = 2, ContextDim = 6 });
        var (x, context) = (ModuleCase.Input(ScalarType.Float32, 1, 5, 8), ModuleCase.Input(ScalarType.Float32, 1, 3, 6));
        Assert.True(layer.Forward(x[0], context[0]).allclose(layer.Forward(x, context)[0], 1e-6, 1e-7));
        Assert.Throws<ShapeException>(() => layer.Forward(x[0, 0], context[0]));
    }

    [Fact]
    public void ShufflesNormsAndFeedForwardsTakeOneSample()
    {
        using var scope = NewDisposeScope();
        foreach (var found in ModuleCase.All.Where(
            c => c.Name is "pixel shuffle" or "pixel unshuffle" or "rms norm" or "feed-forward swiglu" or "maxout layer" or "siren layer"
                or "alpha dropout"))
        {
            using var module = (nn.Module<Tensor, Tensor>)found.Build();
            module.eval();
            var x = ModuleCase.Input(ScalarType.Float32, found.Shape!);
            Assert.True(module.call(x[0]).allclose(module.call(x)[0], 1e-6, 1e-7), found.Name);
        }
    }
}
