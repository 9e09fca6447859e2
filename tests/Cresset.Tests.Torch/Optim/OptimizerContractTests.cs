using Cresset.Numerics;
using Cresset.Optim;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Tests.Torch.Optim;

/// <summary>The contract of every optimizer, on a small net.</summary>
public sealed class OptimizerContractTests
{
    private static TorchSharp.Modules.Sequential Net(ulong seed)
    {
        var net = Sequential(("first", Linear(6, 8)), ("norm", LayerNorm(8)), ("act", Tanh()), ("last", Linear(8, 2)));
        using var generator = new Generator(seed);
        using var quiet = no_grad();
        foreach (var p in net.parameters())
        {
            using var scope = NewDisposeScope();
            p.copy_(randn(p.shape, generator: generator) * 0.3);
        }
        return net;
    }

    private static void Backward(Module<Tensor, Tensor> net, int step)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator((ulong)step);
        var type = net.parameters().First().dtype;
        var x = randn([16, 6], generator: generator).to(type);
        net.call(x).pow(2).sum().backward();
    }

    private static double[] Weights(Module net)
    {
        using var scope = NewDisposeScope();
        return [.. net.parameters().SelectMany(p => p.detach().to(ScalarType.Float64).reshape(-1).data<double>().ToArray())];
    }

    [Fact]
    public void StateSurvivesAChangeOfDtype()
    {
        using var net = Net(1);
        using var optimizer = new Optimizer(net, new AdamWRule { LearningRate = 0.01 });
        for (var t = 0; t < 3; t++)
        {
            optimizer.ZeroGrad();
            Backward(net, t);
            optimizer.Step();
        }
        var before = optimizer.StateOf("first.weight")!["exp_avg"].sum().ToDouble();
        net.to(ScalarType.Float64);
        var weights = Weights(net);
        optimizer.ZeroGrad();
        Backward(net, 3);
        optimizer.Step();
        Assert.NotEqual(weights, Weights(net));
        Assert.Equal(4, optimizer.StateOf("first.weight")!.Step);
        Assert.Equal(ScalarType.Float64, optimizer.StateOf("first.weight")!["exp_avg"].dtype);
        Assert.True(Math.Abs(before) > 0);
        // Without ZeroGrad between, the new parameters are found as well.
        net.to(ScalarType.Float32);
        Backward(net, 4);
        weights = Weights(net);
        optimizer.Step();
        Assert.NotEqual(weights, Weights(net));
    }

    [Fact]
    public void ARestoredRunContinuesBitForBit()
    {
        using var net = Net(1);
        using var optimizer = new Optimizer(ParameterGroups.NoDecayForBiasesAndNorms(net),
            new AdamWRule { LearningRate = 0.01, AmsGrad = true });
        var scheduler = new Scheduler(optimizer, new CosineSchedule { Steps = 20 }.WithWarmUp(3));
        using var average = new WeightAverage(net, WeightAverageOptions.Ema(0.9));
        void Train(Module<Tensor, Tensor> n, Optimizer o, Scheduler s, WeightAverage a, int from, int to)
        {
            for (var t = from; t < to; t++)
            {
                o.ZeroGrad();
                Backward(n, t);
                o.Step(GradientClipping.Norm(1), average: a);
                s.Step();
            }
        }
        Train(net, optimizer, scheduler, average, 0, 7);
        using var state = optimizer.StateDict();
        var metadata = state.ToMetadata();
        var scheduled = scheduler.StateDict();
        var averaged = average.StateDict();
        using var copy = Net(2);
        copy.load_state_dict(net.state_dict());
        Train(net, optimizer, scheduler, average, 7, 15);

        using var optimizer2 = new Optimizer(ParameterGroups.NoDecayForBiasesAndNorms(copy),
            new AdamWRule { LearningRate = 0.01, AmsGrad = true });
        var scheduler2 = new Scheduler(optimizer2, new CosineSchedule { Steps = 20 }.WithWarmUp(3));
        using var average2 = new WeightAverage(copy, WeightAverageOptions.Ema(0.9));
        optimizer2.LoadStateDict(OptimizerState.FromMetadata(state.Tensors, metadata));
        scheduler2.LoadStateDict(scheduled);
        average2.LoadStateDict(averaged.Tensors, averaged.Count);
        Train(copy, optimizer2, scheduler2, average2, 7, 15);
        Assert.Equal(Weights(net), Weights(copy));
        average.Apply();
        average2.Apply();
        Assert.Equal(Weights(net), Weights(copy));
    }

    [Fact]
    public void GroupsByRulesAndTheirSummary()
    {
        using var net = Net(1);
        using var optimizer = new Optimizer(ParameterGroups.NoDecayForBiasesAndNorms(net), new AdamWRule { WeightDecay = 0.1 });
        Assert.Equal(["first.weight", "last.weight"], optimizer.Groups[0].ParameterNames);
        Assert.Equal(["first.bias", "norm.weight", "norm.bias", "last.bias"], optimizer.Groups[1].ParameterNames);
        Assert.Equal(0.1, optimizer.Groups[0].WeightDecay);
        Assert.Equal(0, optimizer.Groups[1].WeightDecay);
        var summary = ParameterGroups.Summary(optimizer);
        Assert.Contains("no decay", summary, StringComparison.Ordinal);
        Assert.Contains("64", summary, StringComparison.Ordinal);
    }

    [Fact]
    public void AStateThatDoesNotFitIsRefusedAndChangesNothing()
    {
        using var net = Net(1);
        using var optimizer = new Optimizer(net, new AdamWRule());
        Backward(net, 0);
        optimizer.Step();
        using var state = optimizer.StateDict();
        using var small = Sequential(("first", Linear(6, 7)), ("other", Linear(7, 2)));
        using var target = new Optimizer(small, new AdamWRule());
        var error = Assert.Throws<ArgumentException>(() => target.LoadStateDict(state));
        Assert.Contains("first.weight", error.Message, StringComparison.Ordinal);
        Assert.Contains("[8, 6]", error.Message, StringComparison.Ordinal);
        Assert.Contains("last.bias", error.Message, StringComparison.Ordinal);
        Assert.Null(target.StateOf("first.weight"));
        using var sgd = new Optimizer(net, new SgdRule());
        Assert.Contains("AdamW", Assert.Throws<ArgumentException>(() => sgd.LoadStateDict(state)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void BadInput()
    {
        using var net = Net(1);
        Assert.Contains("LearningRate is -0.1",
            Assert.Throws<InvalidOptionsException>(() => new Optimizer(net, new AdamWRule { LearningRate = -0.1 })).Message,
            StringComparison.Ordinal);
        Assert.Contains("Beta2 is 1", Assert.Throws<InvalidOptionsException>(() => new Optimizer(net, new AdamWRule { Beta2 = 1 })).Message,
            StringComparison.Ordinal);
        Assert.Throws<InvalidOptionsException>(() => new Optimizer(net, new SgdRule { Nesterov = true }));
        using var empty = Tanh();
        Assert.Throws<ArgumentException>(() => new Optimizer(empty, new SgdRule()));
        var p = NamedParameter.Of(net);
        Assert.Contains("twice",
            Assert.Throws<ArgumentException>(
                () => new Optimizer([new("a", p), new("b", [p[0] with { Name = "again" }])], new SgdRule())).Message,
                StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => GradientClipping.Norm(0));
        using var sgd = new Optimizer(net, new SgdRule());
        Assert.Throws<ArgumentOutOfRangeException>(() => sgd.Groups[0].LearningRate = double.NaN);
        Assert.Throws<ArgumentException>(() => new Scheduler(sgd, new StepSchedule(), new StepSchedule()));
    }

    [Fact]
    public void GradientsThatAreNotFinite()
    {
        using var net = Net(1);
        using var optimizer = new Optimizer(net, new AdamWRule());
        Backward(net, 0);
        using (no_grad()) net.parameters().First().grad!.fill_(double.NaN);
        var before = Weights(net);
        Assert.True(optimizer.Step(GradientClipping.Norm(1, nonFinite: NonFiniteGradient.Skip)).Skipped);
        Assert.Equal(before, Weights(net));
        Assert.Equal(0, optimizer.StepCount);
        Assert.Throws<ArithmeticException>(() => optimizer.Step(GradientClipping.Norm(1, nonFinite: NonFiniteGradient.Throw)));
    }
}
