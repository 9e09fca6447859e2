using Cresset.Flows;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Flows;

/// <summary>
/// A context reaches every part that takes one, with its gradient, or is refused by name; it broadcasts over samples of any batch shape.
/// </summary>
public sealed class ConditioningTests
{
    private static readonly VectorFlowOptions Conditional = new()
    {
        Features = 3,
        Context = 2,
        Transforms = 3,
        Hidden = [8],
        Spline = SplineOptions.Bounded(4, 5)
    };

    private static readonly Dictionary<string, (Func<DensityModel> Make, long[] Event, long Context)> Models = new()
    {
        ["real nvp"] = (() => new RealNvp(Conditional), [3], 2),
        ["nice"] = (() => new Nice(Conditional), [3], 2),
        ["spline coupling"] = (() => new NeuralSplineCouplingFlow(Conditional), [3], 2),
        ["maf"] = (() => new Maf(Conditional), [3], 2),
        ["iaf"] = (() => new Iaf(Conditional), [3], 2),
        ["spline"] = (() => new NeuralSplineFlow(Conditional), [3], 2),
        ["continuous"] =
            (() => new ContinuousFlow(Velocity(), new NormalBase(3), new CnfOptions { Solver = OdeOptions.Fixed(OdeMethod.Rk4, 6) }), [3],
                2),
        ["continuous by adjoint"] =
            (() => new ContinuousFlow(Velocity(), new NormalBase(3),
                new CnfOptions { Solver = OdeOptions.Dopri5(1e-8), Gradient = OdeGradient.Adjoint }), [3], 2),
        ["continuous by checkpoints"] =
            (() => new ContinuousFlow(Velocity(), new NormalBase(3),
                new CnfOptions { Solver = OdeOptions.Dopri5(1e-8), Gradient = OdeGradient.Checkpoint }), [3], 2),
        ["recomputing real nvp"] = (() => new RealNvp(Conditional with { RecomputeActivations = true }), [3], 2),
        ["conditional base"] = (() => new Flow(new LuLinear(3), new ConditionalNormal(3, 2, [6]), ContextUse.Base), [3], 2),
        ["conditional transform and base"] =
            (() => new Flow(new CompositeTransform([new LuLinear(3), Coupling()]), new ConditionalNormal(3, 2), ContextUse.Both), [3], 2),
        ["part of a chain"] =
            (() => new Flow(
                new CompositeTransform([new LuLinear(3), Coupling(),
                    new Coupling([true, false, true], new AffineUnivariate(), (i, o) => new MlpConditioner(i, o, [6]))]),
                    new NormalBase(3)), [3], 2),
        ["glow"] = (() => new Glow(new GlowOptions { Channels = 1, Size = 4, Columns = 8, Levels = 2, Steps = 2, Width = 6, Context = 2 }),
            [1, 4, 8], 2),
        ["recomputing glow"] =
            (() => new Glow(
                new GlowOptions { Channels = 1, Size = 4, Levels = 1, Steps = 2, Width = 6, Context = 2, RecomputeActivations = true }),
                [1, 4, 4], 2),
        ["image real nvp"] =
            (() => new RealNvpImage(
                new RealNvpImageOptions { Channels = 1, Size = 4, Columns = 8, Scales = 2, Width = 6, Blocks = 1, Context = 2 }), [1, 4, 8],
                2),
        ["tarflow"] =
            (() => new TarFlow(
                new TarFlowOptions { Size = 4, Columns = 8, Patch = 2, Blocks = 2, Layers = 1, Width = 8, Heads = 2, Context = 2 }),
                [1, 4, 8], 2),
        ["embedded context"] = (() => new RealNvp(Conditional, nn.Linear(5, 2)), [3], 5),
    };

    public static TheoryData<string> Names => [.. Models.Keys];

    private static MlpVelocity Velocity() => new(new MlpVelocityOptions { Features = 3, Context = 2, Hidden = [8], Activation = "tanh" });

    private static Coupling Coupling() => new([true, false, true], new AffineUnivariate(), (i, o) => new MlpConditioner(i, o, [6], 2));

    private static (DensityModel Model, Tensor X, Tensor Context) Build(string name)
    {
        manual_seed(5);
        using var generator = new Generator(5);
        var (make, shape, features) = Models[name];
        var model = make();
        model.to(ScalarType.Float64);
        using var noGrad = no_grad();
        // Images are deep: gently, or their samples overflow.
        var by = shape.Length == 3 ? 0.05 : 0.2;
        foreach (var parameter in model.parameters())
            parameter.add_(randn(parameter.shape, dtype: ScalarType.Float64, generator: generator) * by);
        var x = randn([6, .. shape], dtype: ScalarType.Float64, generator: generator);
        var context = randn(6, features, dtype: ScalarType.Float64, generator: generator);
        model.LogProb(x, context);
        model.eval();
        return (model, x, context);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void TheContextHasItsGradient(string name)
    {
        using var scope = NewDisposeScope();
        var (model, x, context) = Build(name);
        var asked = context.detach().requires_grad_(true);
        // As an embedding would give it: not a leaf.
        var found = Derivatives.Of([model.LogProb(x, asked * 1.0).sum()], [asked])[0];
        Assert.NotNull(found);
        using var noGrad = no_grad();
        var direction = randn_like(context);
        const double step = 1e-5;
        var expected = ((model.LogProb(x, context + direction * step) - model.LogProb(x, context - direction * step)).sum()
            / (2 * step)).ToDouble();
        Assert.True(Math.Abs(expected) > 1e-6, "the density does not depend on the context");
        Assert.Equal(expected, (found * direction).sum().ToDouble(), 1e-3 * (1 + Math.Abs(expected)));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ASharedContextHasItsGradientWhenTheScopesOfTheCallAreGone(string name)
    {
        using var scope = NewDisposeScope();
        var (model, x, context) = Build(name);
        Tensor Gradient(Func<Tensor, Tensor> spread)
        {
            var asked = context[0].detach().requires_grad_(true);
            Tensor loss;
            using (NewDisposeScope())
                loss = model.LogProb(x.reshape([2, 3, .. x.shape[1..]]), spread(asked * 1.0)).sum().MoveToOuterDisposeScope();
            return Derivatives.Of([loss], [asked])[0]!;
        }
        var expected = Gradient(c => c.expand(2, 3, c.size(0)).contiguous());
        Assert.True(expected.abs().max().ToDouble() > 1e-6);
        FlowGoldens.Close(expected, Gradient(c => c), 1e-6);
    }

    [Theory]
    [InlineData(OdeGradient.Adjoint)]
    [InlineData(OdeGradient.Checkpoint)]
    public void NoiseOfTheDivergenceLivesAsLongAsTheBackwardPass(OdeGradient gradient)
    {
        using var scope = NewDisposeScope();
        var (_, x, context) = Build("continuous");
        var field = Velocity();
        field.to(ScalarType.Float64);
        Tensor Loss(OdeGradient method)
        {
            using var generator = new Generator(8);
            var flow = new ContinuousFlow(field, new NormalBase(3), new CnfOptions { Solver = OdeOptions.Dopri5(1e-9), Gradient = method },
                Divergence.Rademacher(generator));
            flow.to(ScalarType.Float64);
            return flow.LogProb(x, context).sum();
        }
        var parameters = field.parameters().ToArray();
        var expected = Derivatives.Of([Loss(OdeGradient.Direct)], parameters);
        var found = Derivatives.Of([Loss(gradient)], parameters);
        for (var i = 0; i < parameters.Length; i++) FlowGoldens.Close(expected[i] ?? zeros_like(parameters[i]), found[i]!, 1e-6);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void OneContextServesManyAndAnyBatchShape(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (model, x, context) = Build(name);
        var rows = model.LogProb(x, context);
        Tensor first = context[0];
        var shared = model.LogProb(x, first.unsqueeze(0).expand(6, -1));
        FlowGoldens.Close(shared, model.LogProb(x, first.unsqueeze(0)), 1e-12, "[1, C]");
        FlowGoldens.Close(shared, model.LogProb(x, first), 1e-12, "[C]");
        var shaped = model.LogProb(x.reshape([2, 3, .. x.shape[1..]]), context.reshape(2, 3, -1));
        Assert.Equal([2L, 3L], shaped.shape);
        FlowGoldens.Close(rows, shaped, 1e-12, "[2, 3]");
        FlowGoldens.Close(rows[0], model.LogProb(x[0], first), 1e-6, "one event");
        var crossed = model.LogProb(x.narrow(0, 0, 2).unsqueeze(1), context.narrow(0, 0, 3).unsqueeze(0));
        Assert.Equal([2L, 3L], crossed.shape);
        FlowGoldens.Close(rows[1], crossed[1, 1], 1e-6, "crossed");
        Assert.Throws<ShapeException>(() => model.LogProb(x, context.narrow(0, 0, 4)));
        var z = model.Encode(x.reshape([2, 3, .. x.shape[1..]]), context.reshape(2, 3, -1));
        Assert.Equal([2L, 3L], z.shape[..2]);
        FlowGoldens.Close(x, model.Decode(z, context.reshape(2, 3, -1)), 1e-6, "decoded");
        Assert.Equal([9L, .. x.shape[1..]], model.Sample(9, first).shape);
        Assert.Equal([0L, .. x.shape[1..]], model.Sample(0, first).shape);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void DrawsHaveGradientsAndTheirDensity(string name)
    {
        using var scope = NewDisposeScope();
        var (model, _, context) = Build(name);
        using var generator = new Generator(3);
        var asked = context.detach().requires_grad_(true);
        var (samples, log) = model.SampleWithLogDensity(6, asked, 0.9, generator);
        using (no_grad()) FlowGoldens.Close(model.LogProb(samples.detach(), context), log, 1e-5, "log-density");
        Assert.True(
            (Derivatives.Of([samples.square().sum() + log.sum()], [asked])[0] ?? throw new InvalidOperationException("no gradient")).abs()
                .sum().ToDouble() > 0);
        using var again = new Generator(3);
        FlowGoldens.Close(samples, model.RSample(6, asked, 0.9, again), 1e-6, "the same draw");
        Assert.False(model.Sample(2, context[0]).requires_grad);
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Sample(2, context[0], double.NaN));
    }

    [Fact]
    public void EveryModelIsCovered()
    {
        var covered = Models.Values.Select(m => m.Make().GetType()).ToHashSet();
        var all = typeof(DensityModel).Assembly.GetTypes().Where(t => t.IsSubclassOf(typeof(DensityModel)) && !t.IsAbstract && t.IsPublic);
        Assert.Empty(all.Where(t => !covered.Contains(t)).Select(t => t.Name));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void StateRoundTripsAndNothingLeaks(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (model, x, context) = Build(name);
        var again = Models[name].Make();
        again.to(ScalarType.Float64);
        StateDict.Load(again, model.state_dict());
        again.eval();
        FlowGoldens.Close(model.LogProb(x, context), again.LogProb(x, context), 0);
        for (var round = 0; round < 2; round++)
        {
            var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
            using (model.LogProb(x, context))
            using (var z = model.Encode(x, context))
            using (model.Decode(z, context))
            using (model.Sample(3, context[0]))
            {
            }
            // The index of the context is one.
            var leaked = DisposeScopeManager.Statistics.ThreadTotalLiveCount - before;
            if (round == 1) Assert.True(leaked <= 1, $"{leaked} tensors are left");
        }
    }

    public static TheoryData<string> Unconditional => [.. Refusals.Keys];

    private static readonly Dictionary<string, Func<Tensor, Tensor>> Refusals = new()
    {
        ["real nvp"] = c => new RealNvp(new VectorFlowOptions { Features = 3, Hidden = [4] }).LogProb(zeros(4, 3), c),
        ["maf"] = c => new Maf(new VectorFlowOptions { Features = 3, Hidden = [4] }).LogProb(zeros(4, 3), c),
        ["sampling"] = c => new RealNvp(new VectorFlowOptions { Features = 3, Hidden = [4] }).Sample(4, c),
        ["image real nvp"] =
            c => new RealNvpImage(new RealNvpImageOptions { Channels = 1, Size = 4, Width = 4, Blocks = 1 }).LogProb(zeros(4, 1, 4, 4), c),
        ["glow"] =
            c => new Glow(new GlowOptions { Channels = 1, Size = 4, Levels = 1, Steps = 1, Width = 4 }).LogProb(randn(4, 1, 4, 4), c),
        ["glow by scales"] =
            c => new Glow(new GlowOptions { Channels = 1, Size = 4, Levels = 1, Steps = 1, Width = 4 }).EncodeScales(randn(4, 1, 4, 4),
                c).LogDet,
        ["continuous"] =
            c => new ContinuousFlow(new MlpVelocity(new MlpVelocityOptions { Features = 3 }), new NormalBase(3)).LogProb(zeros(4, 3), c),
        ["velocity"] = c => new MlpVelocity(new MlpVelocityOptions { Features = 3 }).Velocity(zeros(4, 3), zeros(4), c),
        ["a base"] = c => new NormalBase(3).LogProb(zeros(4, 3), c),
        ["a chain"] = c => new CompositeTransform([new LuLinear(3), Permutation.Reverse(3)]).Forward(zeros(4, 3), c).Output,
        ["the base of a flow"] = c => new Flow(new LuLinear(3), new NormalBase(3), ContextUse.Base).LogProb(zeros(4, 3), c),
        ["the transform of a flow"] = c => new Flow(new LuLinear(3), new ConditionalNormal(3, 2)).LogProb(zeros(4, 3), c),
    };

    [Theory]
    [MemberData(nameof(Unconditional))]
    public void AContextThatNothingTakesIsRefused(string name)
    {
        using var scope = NewDisposeScope();
        foreach (var context in new[] { randn(4, 2), randint(0, 3, 4, dtype: ScalarType.Int64) })
        {
            var error = Assert.ThrowsAny<ArgumentException>(() => Refusals[name](context));
            Assert.Contains("context", error.Message);
        }
    }

    private sealed class Capturing(Tensor weight) : IVelocityModel
    {
        public Tensor Velocity(Tensor state, Tensor time, Tensor? context = null) => state * weight;
    }

    private sealed class Root : nn.Module, IVelocityModel
    {
        private readonly TorchSharp.Modules.Parameter _weight;

        public Root()
            : base(nameof(Root))
        {
            _weight = new TorchSharp.Modules.Parameter(ones(2).DetachFromDisposeScope());
            RegisterComponents();
        }

        public bool TakesContext => false;

        // Defined everywhere, with a derivative of 0 times infinity.
        public Tensor Velocity(Tensor state, Tensor time, Tensor? context = null) => state * 0.1 + (state * 0).sqrt() * _weight;
    }

    [Theory]
    [InlineData(OdeGradient.Adjoint)]
    [InlineData(OdeGradient.Checkpoint)]
    public void WhatNobodyNamedIsRefusedAndFailuresTellTheirReason(OdeGradient gradient)
    {
        using var scope = NewDisposeScope();
        var options = new CnfOptions { Solver = OdeOptions.Fixed(OdeMethod.Rk4, 4), Gradient = gradient };
        var flow = new ContinuousFlow(new Capturing(ones(2).requires_grad_(true)), new NormalBase(2), options,
            Divergence.Fixed(ones(3, 2)));
        Assert.Contains("gradient", Assert.Throws<ArgumentException>(() => flow.LogProb(randn(3, 2))).Message);
        var broken = new ContinuousFlow(new Root(), new NormalBase(2), options);
        var z = broken.Encode(randn(3, 2));
        Assert.Null(broken.LastBackward!.Failure);
        Assert.ThrowsAny<Exception>(() => Derivatives.Backward(z.sum()));
        Assert.Contains("not finite", broken.LastBackward!.Failure!.Message);
    }

    [Fact]
    public void RegularisersAreInTheLoss()
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        var flow = new ContinuousFlow(Velocity(), new NormalBase(3),
            new CnfOptions { Solver = OdeOptions.Fixed(OdeMethod.Rk4, 4), KineticWeight = 0.3, JacobianWeight = 0.2 });
        Tensor x = randn(5, 3), c = randn(5, 2);
        var found = flow.Likelihood(x, c);
        Assert.Equal((-found.LogProb.mean() + 0.3 * found.Kinetic!.mean() + 0.2 * found.SquaredJacobian!.mean()).ToDouble(),
            ((DensityModel)flow).Loss(x, c).ToDouble(), 5);
    }

    [Fact]
    public void LabelsAreWholeNumbersInRange()
    {
        using var scope = NewDisposeScope();
        var x = randn(4, 2);
        Assert.Contains("Float32",
            Assert.Throws<ArgumentException>(() => OptimalTransport.Couple(x, x, tensor([0f, 0.4f, 1.7f, 2f]))).Message);
        var prior = new ClassConditionalNormal(3, 2);
        Assert.Throws<ArgumentException>(() => prior.LogProb(x, zeros(4)));
        Assert.Contains("0 to 2", Assert.Throws<ArgumentOutOfRangeException>(() => prior.LogProb(x, tensor([0L, 1, 2, 3]))).Message);
        Assert.Equal([4L], prior.LogProb(x, tensor([1L])).shape);
        Assert.Equal([2L, 2L], new Flow(new LuLinear(2), prior, ContextUse.Base).LogProb(x.reshape(2, 2, 2), tensor([0L, 2L])).shape);
    }

    [Fact]
    public void PairsOfAConditionalFieldAreCutLikeTheirSource()
    {
        using var scope = NewDisposeScope();
        var field = Velocity();
        var context = randn(3000, 2);
        var source = randn(3000, 3);
        var options = OdeOptions.Fixed(OdeMethod.Euler, 2);
        var (_, data) = Reflow.Pairs(field.Field(context), source, options);
        FlowGoldens.Close(FlowSampler.Sample(field.Field(context), source, options).Samples, data, 1e-5);
        var (_, guided) = Reflow.Pairs(field.Guided(context, zeros_like(context), 1.5), source, options, 1000);
        FlowGoldens.Close(FlowSampler.Sample(field.Guided(context, zeros_like(context), 1.5), source, options).Samples, guided, 1e-5);
    }
}
