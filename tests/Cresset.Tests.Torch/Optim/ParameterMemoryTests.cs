using Cresset.Optim;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Linear = TorchSharp.Modules.Linear;

namespace Cresset.Tests.Torch.Optim;

/// <summary>What optimizers and averages assume of the memory of parameters, gradients and states.</summary>
public sealed class ParameterMemoryTests
{
    public static TheoryData<ScalarType, ScalarType> Moves()
    {
        var data = new TheoryData<ScalarType, ScalarType>();
        ScalarType[] types = [ScalarType.Float32, ScalarType.Float64, ScalarType.BFloat16];
        foreach (var from in types)
        {
            foreach (var to in types) data.Add(from, to);
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Moves))]
    public void AWeightAverageFollowsItsModuleBetweenAnyTypes(ScalarType from, ScalarType to)
    {
        using var net = Linear(37, 41).to(from);
        using var optimizer = new Optimizer(net, new AdamWRule());
        using var average = new WeightAverage(net, WeightAverageOptions.Ema(0.5));
        Backward(net, 1);
        optimizer.Step(average: average);
        net.to(to);
        using var expected = average.Averages["weight"].to(ScalarType.Float64);
        optimizer.ZeroGrad();
        Backward(net, 2);
        optimizer.Step(average: average);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        expected.lerp_(((Linear)net).weight!.to(ScalarType.Float64), 0.5);
        var actual = average.Averages["weight"];
        Assert.Equal(to == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32, actual.dtype);
        // The fused step averages bfloat16 weights before they are rounded.
        Assert.True((actual.to(ScalarType.Float64) - expected).abs().max().ToDouble() < (to == ScalarType.BFloat16 ? 1e-3 : 1e-6));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void WeightsTiedByAssignmentMoveOnceAStep(bool fused)
    {
        using var embedding = Embedding(16, 8);
        using var head = Linear(8, 16, hasBias: false);
        head.weight = embedding.weight!;
        using var net = Sequential(("embedding", embedding), ("head", head));
        using var optimizer = new Optimizer(net, new SgdRule { LearningRate = 0.1 }) { UseFusedKernels = fused };
        using var scope = NewDisposeScope();
        using var before = embedding.weight!.detach().clone();
        net.call(tensor(new long[] { 1, 2, 3 })).square().sum().backward();
        var gradient = embedding.weight!.grad!.clone();
        optimizer.Step();
        using var noGrad = no_grad();
        Assert.Single(NamedParameter.Of(net));
        Assert.True((embedding.weight! - (before - (0.1 * gradient))).abs().max().ToDouble() < 1e-5);
    }

    [Fact]
    public void OneModuleUnderTwoNamesIsTrainedOnce()
    {
        using var layer = Linear(8, 8);
        using var net = Sequential(("first", layer), ("second", layer));
        using var optimizer = new Optimizer(net, new SgdRule { LearningRate = 0.1 });
        Assert.Equal(72, optimizer.Groups[0].ElementCount);
        using var scope = NewDisposeScope();
        net.call(ones(2, 8)).square().sum().backward();
        using var before = layer.weight!.detach().clone();
        var gradient = layer.weight!.grad!.clone();
        optimizer.Step();
        using var noGrad = no_grad();
        Assert.True((layer.weight! - (before - (0.1 * gradient))).abs().max().ToDouble() < 1e-6);
    }

    private static void Backward(Module<Tensor, Tensor> net, ulong seed)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(seed);
        net.call(randn([4, 37], generator: generator).to(net.parameters().First().dtype)).square().sum().backward();
    }
}
