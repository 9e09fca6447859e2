using Cresset.Optim;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Parameter = TorchSharp.Modules.Parameter;

namespace Cresset.Tests.Torch.Optim;

/// <summary>What comes in from outside: gradients, loaded tensors, moved modules, tied weights, groups that join later.</summary>
public sealed class OptimizerDoorTests
{
    [Fact]
    [LeakFree]
    public void AGradientOfAnotherSizeIsRefused()
    {
        using var scope = NewDisposeScope();
        using var p = new Parameter(ones(1000));
        using var optimizer = new Optimizer(Groups(p), new SgdRule());
        p.grad = ones(10);
        Assert.Contains("[10]", Assert.Throws<InvalidOperationException>(() => optimizer.Step()).Message, StringComparison.Ordinal);
        p.grad = null;
        Assert.Equal(0, optimizer.StepCount);
    }

    [Fact]
    [LeakFree]
    public void LoadedStateWithOtherStridesIsTheSameState()
    {
        double[] Run(bool strided)
        {
            using var scope = NewDisposeScope();
            using var generator = new Generator(1);
            using var p = new Parameter(randn([6, 4], generator: generator));
            using var optimizer = new Optimizer(Groups(p), new AdamWRule { LearningRate = 0.1 });
            p.grad = randn([6, 4], generator: generator);
            optimizer.Step();
            using var state = optimizer.StateDict();
            var tensors = state.Tensors.ToDictionary(t => t.Key, t => strided ? t.Value.t().contiguous().t() : t.Value);
            optimizer.LoadStateDict(state with { Tensors = tensors });
            optimizer.Step();
            p.grad = null;
            return [.. p.detach().to(ScalarType.Float64).reshape(-1).data<double>().ToArray()];
        }
        Assert.Equal(Run(false), Run(true));
    }

    [Fact]
    [LeakFree]
    public void ScalesAndMomentsInBfloat16AreConvertedAndCodesOfAnotherTypeAreRefused()
    {
        using var scope = NewDisposeScope();
        using var p = new Parameter(ones(1000));
        using var optimizer = new Optimizer(Groups(p), new AdamW8BitRule { MinimumSize = 0 });
        p.grad = ones(1000);
        optimizer.Step();
        using var state = optimizer.StateDict();
        optimizer.LoadStateDict(
            state with
            {
                Tensors =
                state.Tensors.ToDictionary(t => t.Key, t => t.Value.is_floating_point() ? t.Value.to(ScalarType.BFloat16) : t.Value)
            });
        Assert.Equal(ScalarType.Float32, optimizer.StateOf("p0")!["exp_avg_scales"].dtype);
        optimizer.Step();
        p.grad = null;
        Assert.True(p.isfinite().all().ToBoolean());
        Assert.Contains("needed is Byte", Assert.Throws<ArgumentException>(
            () => optimizer.LoadStateDict(
                state with { Tensors = state.Tensors.ToDictionary(t => t.Key, t => t.Value.to(ScalarType.Float32)) })).Message,
                StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("adamw8bit")]
    [InlineData("adamw4bit")]
    [InlineData("lion8bit")]
    [InlineData("lion4bit")]
    public void OneNaNSpoilsOneWeight(string name)
    {
        using var scope = NewDisposeScope();
        using var p = new Parameter(ones(1000));
        var rule = (QuantizedRule)OptimizerCatalog.Create(name) with { MinimumSize = 0, LearningRate = 0.01 };
        using var optimizer = new Optimizer(Groups(p), rule);
        for (var t = 0; t < 3; t++)
        {
            var g = ones(1000);
            if (t == 1) g[7] = double.NaN;
            p.grad = g;
            optimizer.Step();
        }
        p.grad = null;
        Assert.Equal(999, p.isfinite().sum().ToInt64());
    }

    [Fact]
    public void TiedWeightsMoveOnceAndCountOnce()
    {
        using var scope = NewDisposeScope();
        using var net = Tied();
        var named = NamedParameter.Of(net);
        Assert.Equal("b.weight", Assert.Single(named[0].Aliases).Name);
        using var optimizer = new Optimizer(net, new SgdRule { LearningRate = 0.1 });
        using var average = new WeightAverage(net, WeightAverageOptions.Ema(0.5));
        Assert.Equal(16, optimizer.Groups[0].ElementCount);
        foreach (var p in net.parameters()) p.grad = ones(4, 4);
        var before = net.parameters().First().detach().clone();
        optimizer.Step(average: average);
        var moved = (before - net.parameters().First()).mean().ToDouble();
        // Two objects with a gradient each: both count, in one update.
        Assert.Equal(0.2, moved, 1e-6);
        net.to(ScalarType.Float64);
        optimizer.ZeroGrad();
        foreach (var p in net.parameters()) p.grad = ones(4, 4, dtype: ScalarType.Float64);
        optimizer.Step(average: average);
        var weights = net.parameters().ToArray();
        Assert.True(weights[0].equal(weights[^1]).all().ToBoolean());
    }

    [Fact]
    [LeakFree]
    public void ParametersOverAPartOfOneMemoryAreRefused()
    {
        using var scope = NewDisposeScope();
        var memory = ones(10);
        using var a = new Parameter(memory[..6].alias());
        using var b = new Parameter(memory[4..].alias());
        Assert.Contains("share a part of their memory",
            Assert.Throws<ArgumentException>(() => new Optimizer(Groups(a, b), new SgdRule())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AModuleMayMoveAtAnyMomentAndAveragesFollow()
    {
        using var net = Linear(100, 100);
        using var optimizer = new Optimizer(net, new AdamWRule());
        using var average = new WeightAverage(net, WeightAverageOptions.Ema(0.9));
        foreach (var type in new[] { ScalarType.Float32, ScalarType.Float64, ScalarType.BFloat16, ScalarType.Float64, ScalarType.Float32 })
        {
            using var scope = NewDisposeScope();
            optimizer.ZeroGrad();
            net.to(type);
            net.call(ones(2, 100, dtype: type)).pow(2).sum().backward();
            optimizer.Step(GradientClipping.Norm(1), average: average);
            average.Apply();
            Assert.All(net.parameters(), p => Assert.True(p.isfinite().all().ToBoolean()));
            average.Restore();
        }
    }

    [Fact]
    [LeakFree]
    public void GroupsAndParametersMayJoinLater()
    {
        using var scope = NewDisposeScope();
        using var a = new Parameter(ones(3));
        using var b = new Parameter(ones(3));
        using var c = new Parameter(ones(3));
        using var optimizer = new Optimizer(Groups(a), new AdamWRule { LearningRate = 0.1 });
        a.grad = ones(3);
        optimizer.Step();
        var group = optimizer.Add(new ParameterGroupSpec("late", [new NamedParameter("b", b)], Rule: new LionRule { LearningRate = 0.5 }));
        optimizer.Add(group, [new NamedParameter("c", c)]);
        Assert.Throws<ArgumentException>(() => optimizer.Add(new ParameterGroupSpec("again", [new NamedParameter("d", a)])));
        foreach (var p in new[] { a, b, c }) p.grad = ones(3);
        optimizer.Step();
        Assert.Equal(0.5, b[0].ToDouble(), 1e-6);
        Assert.Equal(0.5, c[0].ToDouble(), 1e-6);
        Assert.Equal(2, optimizer.StateOf("p0")!.Step);
        using var state = optimizer.StateDict();
        Assert.Equal("AdamW+Lion", state.Optimizer);
        optimizer.LoadStateDict(state);
        foreach (var p in new[] { a, b, c }) p.grad = null;
    }

    [Theory]
    [InlineData("sgd")]
    [InlineData("adagrad")]
    [InlineData("adam")]
    public void ASparseGradientMovesItsRowsAndNoOthers(string name)
    {
        using var scope = NewDisposeScope();
        using var table = Embedding(10, 4, sparse: true);
        using var optimizer = new Optimizer(table, OptimizerCatalog.Create(name) with { LearningRate = 0.1 });
        var before = table.weight!.detach().clone();
        for (var t = 0; t < 2; t++)
        {
            optimizer.ZeroGrad();
            table.call(tensor(new long[] { 2, 5, 2 })).sum().backward();
            optimizer.Step();
        }
        var moved = (table.weight!.detach() - before).abs().sum(1).gt(0).data<bool>().ToArray();
        Assert.Equal([2, 5], Enumerable.Range(0, 10).Where(i => moved[i]));
        if (name == "sgd") Assert.Equal(-0.4, (table.weight!.detach() - before)[2, 0].ToDouble(), 1e-6);
    }

    private static ParameterGroupSpec[] Groups(params Parameter[] parameters) =>
        [new("all", [.. parameters.Select((p, i) => new NamedParameter($"p{i}", p))])];

    private static TorchSharp.Modules.Sequential Tied()
    {
        var (a, b) = (Linear(4, 4, hasBias: false), Linear(4, 4, hasBias: false));
        b.weight = new Parameter(a.weight!.detach().alias());
        return Sequential(("a", a), ("b", b));
    }
}
