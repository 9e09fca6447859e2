using Cresset.Flows;
using Cresset.Numerics;
using Cresset.Recipes;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Flows;

/// <summary>Laws over the families of parts of flows: every flow has a density, every solver solves, every path moves as it says.</summary>
public sealed class FlowPartTests
{
    public static TheoryData<string> Of(string kind) => [.. BuiltInParts.Catalog.Of(kind).Select(p => p.Name)];

    [Theory]
    [MemberData(nameof(Of), "flow")]
    public void EveryFlowHasADensityAndDraws(string name)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        random.manual_seed(1);
        var options = Make<FlowOptions>("flow", name);
        int[] shape = options.TakesPicturesOnly ? [1, 8, 8] : [2];
        using var flow = options.Build(shape);
        var x = randn([3, .. shape.Select(s => (long)s)], generator: generator);
        Assert.All(flow.LogProb(x).data<float>().ToArray(), value => Assert.True(float.IsFinite(value)));
        Assert.Equal(x.shape, flow.Sample(3, generator: generator).shape);
        // What a flow refuses it says with its shape.
        if (options.TakesPicturesOnly)
            Assert.Matches(@"\[5\]: \w+ with .* takes (square )?pictures",
                Assert.Throws<ArgumentException>(() => options.Build(5)).Message);
        else if (options.NeedsTwoFeatures)
            Assert.Contains("couplings need two numbers", Assert.Throws<ArgumentException>(() => options.Build(1)).Message,
                StringComparison.Ordinal);
        else options.Build(1).Dispose();
    }

    [Theory]
    [MemberData(nameof(Of), "transform")]
    public void EveryTransformIsALinkOfAChainAndGoesBack(string name)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var link = Make<TransformOptions>("transform", name);
        using var flow = (Flow)new ChainFlow { Transforms = [link, new LuTransform()], Repeat = 3 }.Build(4);
        var x = randn([64, 4], generator: new Generator(1));
        // The first batch sets what is set from data; afterwards the map is fixed.
        flow.LogProb(x);
        flow.eval();
        using var quiet = no_grad();
        var (z, forward) = flow.Transform.Forward(x);
        var (back, backward) = flow.Transform.Inverse(z);
        Assert.True(back.allclose(x, 1e-3, 1e-3), $"{name}: back is {(back - x).abs().max().item<float>()} off");
        Assert.True(forward.allclose(-backward, 1e-3, 1e-3));
        Assert.Equal([5L, 4L], flow.Sample(5, generator: new Generator(2)).shape);
    }

    /// <summary>Wide and deep: a chain of sixteen over 784 features, in both types.</summary>
    [Theory]
    [MemberData(nameof(Of), "transform")]
    public void EveryTransformHoldsSixteenDeepOver784Features(string name)
    {
        const int features = 784;
        foreach (var type in new[] { ScalarType.Float32, ScalarType.Float64 })
        {
            using var scope = NewDisposeScope();
            random.manual_seed(1);
            using var flow = (Flow)new ChainFlow { Transforms = [Make<TransformOptions>("transform", name)], Repeat = 16 }.Build(features);
            flow.to(type);
            var x = randn([4, features], dtype: type, generator: new Generator(1));
            flow.LogProb(x);
            flow.eval();
            var asked = x.detach().requires_grad_(true);
            var loss = flow.Loss(asked);
            loss.backward();
            Assert.True(float.IsFinite(loss.ToSingle()), $"{name} in {type}: the loss is {loss.ToSingle()}");
            Assert.All(flow.named_parameters(),
                p => Assert.True(p.parameter.grad is not { } g || g.isfinite().all().ToBoolean(),
                    $"{p.name} in {type} has a gradient that is not finite"));
            Assert.True(asked.grad!.isfinite().all().ToBoolean());
            using var quiet = no_grad();
            using var again = (Flow)new ChainFlow { Transforms = [Make<TransformOptions>("transform", name)], Repeat = 16 }.Build(features);
            again.to(type);
            again.eval();
            StateDict.Load(again, flow.state_dict());
            var (z, forward) = flow.Transform.Forward(x);
            Assert.True(z.equal(again.Transform.Forward(x).Output).all().ToBoolean(),
                $"{name} in {type}: saved and loaded it maps otherwise");
            // An autoregressive inverse goes value by value, 784 times 16: one type is enough.
            if (name == "autoregressive" && type == ScalarType.Float32) continue;
            var (back, backward) = flow.Transform.Inverse(z);
            var allowed = type == ScalarType.Float64 ? 1e-6 : 1e-2;
            Assert.True((back - x).abs().max().ToDouble() <= allowed,
                $"{name} in {type}: back is {(back - x).abs().max().ToDouble():g3} off");
            Assert.True((forward + backward).abs().max().ToDouble() <= allowed * features,
                $"{name} in {type}: log-determinants differ by {(forward + backward).abs().max().ToDouble():g3}");
        }
    }

    [Theory]
    [MemberData(nameof(Of), "solver")]
    public void EverySolverSolvesAnExponential(string name)
    {
        using var scope = NewDisposeScope();
        var solver = Make<OdeSolver>("solver", name);
        if (solver is FixedStepSolver { } fixedSteps) solver = fixedSteps with { Steps = 200 };
        var (end, statistics) = Ode.Final((_, state) => state.alias(), ones(1, dtype: ScalarType.Float64), 0, 1, solver.ToOptions());
        Assert.Equal(Math.E, end.ToDouble(), name == "euler" ? 0.01 : 1e-3);
        Assert.True(statistics.Evaluations >= 6);
    }

    [Theory]
    [MemberData(nameof(Of), "path")]
    public void EveryPathMovesAsItSays(string name)
    {
        using var scope = NewDisposeScope();
        var path = Make<MatchingPath>("path", name);
        Tensor source = randn(4000, 2, generator: new Generator(1)), data = randn(4000, 2, generator: new Generator(2)) + 3;
        var batch = path.Draw(source, data, generator: new Generator(3));
        Assert.Equal(source.shape, batch.State.shape);
        Assert.Equal(source.shape, batch.Velocity.shape);
        Assert.True(batch.Velocity.isfinite().all().ToBoolean());
        Assert.True(batch.Time.min().ToDouble() >= 0 && batch.Time.max().ToDouble() <= 1);
        // From noise about 0 to data about 3: early points lie near the one, late ones near the other.
        Assert.Equal(0, batch.State.index_select(0, (batch.Time < 0.05).nonzero().flatten()).mean().ToDouble(), 0.45);
        Assert.Equal(3, batch.State.index_select(0, (batch.Time > 0.95).nonzero().flatten()).mean().ToDouble(), 0.45);
        // The same seed draws the same bits.
        var again = path.Draw(source, data, generator: new Generator(3));
        Assert.True(batch.State.equal(again.State).all().ToBoolean() && batch.Velocity.equal(again.Velocity).all().ToBoolean());
        Assert.Single((path with { Sigma = double.NaN }).Validate());
    }

    [Theory]
    [MemberData(nameof(Of), "coupling")]
    public void EveryCouplingKeepsTheSourceSamples(string name)
    {
        using var scope = NewDisposeScope();
        Tensor source = randn(16, 2, generator: new Generator(1)), data = randn(16, 2, generator: new Generator(2));
        var paired = Make<SampleCoupling>("coupling", name).Pair(source, data);
        Assert.True(source.sum().allclose(paired.sum()));
        Assert.True((paired - data).square().sum().ToDouble() <= (source - data).square().sum().ToDouble() + 1e-6);
    }

    private static T Make<T>(string kind, string name) => (T)BuiltInParts.Catalog.Get(kind, name).Create();
}
