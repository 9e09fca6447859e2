using Cresset.Flows;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Flows;

/// <summary>
/// Weights bring their masks, recomputation gives the direct gradients or says why not, deep flows start near the identity, and input that
/// is not a number is named.
/// </summary>
public sealed class FlowStateTests
{
    private static readonly Dictionary<string, Func<VectorFlowOptions, DensityModel>> Seeded = new()
    {
        ["real nvp"] = o => new RealNvp(o),
        ["spline coupling"] = o => new NeuralSplineCouplingFlow(o),
        ["maf"] = o => new Maf(o),
        ["iaf"] = o => new Iaf(o),
        ["spline"] = o => new NeuralSplineFlow(o),
    };

    public static TheoryData<string> SeededNames => [.. Seeded.Keys];

    private static void Shake(nn.Module module, double by, int seed = 2)
    {
        using var generator = new Generator((ulong)seed);
        using var noGrad = no_grad();
        foreach (var parameter in module.parameters())
            parameter.add_(randn(parameter.shape, generator: generator).to(parameter.dtype) * by);
    }

    [Theory]
    [MemberData(nameof(SeededNames))]
    public void LoadedWeightsBringTheirMasks(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var options = new VectorFlowOptions
        {
            Features = 7,
            Context = 1,
            Transforms = 4,
            Hidden = [24, 24],
            OrderSeed = 7,
            Spline = SplineOptions.Bounded(4, 5)
        };
        DensityModel trained = Seeded[name](options), other = Seeded[name](options with { OrderSeed = 8 });
        trained.to(ScalarType.Float64);
        other.to(ScalarType.Float64);
        Shake(trained, 0.2);
        Tensor x = randn(5, 7, dtype: ScalarType.Float64), c = randn(5, 1, dtype: ScalarType.Float64);
        // Used before loading: nothing may be remembered from then.
        other.Decode(x, c);
        StateDict.Load(other, trained.state_dict());
        FlowGoldens.Close(trained.LogProb(x, c), other.LogProb(x, c), 1e-9, "density");
        FlowGoldens.Close(trained.Decode(x, c), other.Decode(x, c), 1e-9, "samples");
        FlowGoldens.Close(x, other.Decode(other.Encode(x, c), c), 1e-5, "inverse");
    }

    [Fact]
    public void MasksThatDoNotFitAreRefused()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var coupling = new Coupling([true, true, false, false], new AffineUnivariate(), (i, o) => new MlpConditioner(i, o, [4]));
        coupling.state_dict()["mask"].copy_(tensor([true, true, true, false]));
        Assert.Contains("3 of 4", Assert.Throws<InvalidDataException>(() => coupling.Forward(zeros(1, 4))).Message);
        var made = new MaskedAutoregressive(new Made([0, 1], 2, [4]), new AffineUnivariate());
        made.state_dict()["hyper.2.mask"].fill_(true);
        made.state_dict()["hyper.0.mask"].fill_(true);
        Assert.Contains("autoregressive", Assert.Throws<InvalidDataException>(() => made.Inverse(zeros(1, 2))).Message);
    }

    private static Coupling Affine(int features, bool first, int context = 0)
        => new(FeatureMasks.Alternating(features, first), new AffineUnivariate(), (i, o) => new MlpConditioner(i, o, [16], context));

    private static (Dictionary<string, Tensor> Gradients, Tensor Input) Gradients(FlowTransform transform, Tensor x, Tensor? context = null)
    {
        foreach (var parameter in transform.parameters()) parameter.grad = null;
        var input = x.detach().requires_grad_(true);
        var (z, log) = transform.Forward(input, context);
        Derivatives.Backward((z.sin().flatten(1).sum(1) + log).sum());
        return (transform.named_parameters().ToDictionary(p => p.name, p => p.parameter.grad!.clone()), input.grad!.clone());
    }

    private static void Agree(CompositeTransform chain, Tensor x, double tolerance, Tensor? context = null)
    {
        var state = chain.state_dict().ToDictionary(p => p.Key, p => p.Value.clone());
        chain.RecomputeActivations = false;
        manual_seed(4);
        var (expected, input) = Gradients(chain, x, context);
        var moved = chain.state_dict().ToDictionary(p => p.Key, p => p.Value.clone());
        using (no_grad())
        {
            foreach (var (key, value) in chain.state_dict()) value.copy_(state[key]);
        }
        chain.RecomputeActivations = true;
        manual_seed(4);
        var (found, again) = Gradients(chain, x, context);
        FlowGoldens.Close(input, again, tolerance, "input");
        foreach (var (key, gradient) in expected)
        {
            var scale = gradient.abs().max().ToDouble() + 1e-12;
            Assert.True((gradient - found[key]).abs().max().ToDouble() <= tolerance * scale, key);
        }
        foreach (var (key, value) in chain.state_dict()) FlowGoldens.Close(moved[key], value, 0, key);
    }

    [Fact]
    public void RecomputationGivesTheDirectGradientsOrTellsWhyNot()
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        var x = randn(16, 8);
        // Deep and rough: sixteen maps of random networks.
        var deep = new CompositeTransform([.. Enumerable.Range(0, 16).Select(i => Affine(8, i % 2 == 0))]);
        Shake(deep, 0.25);
        Agree(deep, x * 0.5, 1e-3);
        // No inverse in training mode; its running statistics move once per step.
        var normed = new CompositeTransform([new BatchNormTransform(8), Affine(8, true)]);
        Agree(normed, x, 1e-5);
        Assert.Contains("eval()", normed.RecomputationFallback);
        // A weight without an inverse.
        var singular = new CompositeTransform([new LuLinear(8), Affine(8, true)]);
        using (no_grad()) singular.state_dict()["transforms.0.unconstrained_upper_diag"].fill_(-200);
        Shake(singular, 0.01);
        Agree(singular, x, 1e-3);
        // Random parts draw the same again.
        var random = new CompositeTransform([new Coupling(FeatureMasks.Half(8, true), new AffineUnivariate(), (i, o) => new Dropping(i, o)),
            Affine(8, false)]);
        Agree(random, x, 1e-4);
        // A context goes to those that take one.
        var conditional = new CompositeTransform([new ActNorm(8), Affine(8, true, 2), new LuLinear(8)]);
        conditional.Forward(x, randn(16, 2));
        Agree(conditional, x, 1e-4, randn(16, 2));
        Assert.Null(conditional.RecomputationFallback);
    }

    private sealed class Dropping : Conditioner
    {
        private readonly TorchSharp.Modules.Linear _layer;
        private readonly TorchSharp.Modules.Dropout _drop = nn.Dropout(0.5);

        public Dropping(long inputs, long outputs)
            : base(nameof(Dropping))
        {
            _layer = nn.Linear(inputs, outputs);
            RegisterComponents();
        }

        public override bool TakesContext => false;

        public override Tensor forward(Tensor x, Tensor? context) => _layer.call(_drop.call(x));
    }

    [Theory]
    [InlineData(8, ScalarType.Float32)]
    [InlineData(784, ScalarType.Float32)]
    [InlineData(784, ScalarType.Float64)]
    public void DeepFlowsStartAsTheIdentityAndStayInvertible(int features, ScalarType type)
    {
        using var scope = NewDisposeScope();
        manual_seed(2);
        using var noGrad = no_grad();
        var x = randn(4, features, dtype: type);
        foreach (var scale in new[] { AffineScale.SoftClip, AffineScale.Exponential, AffineScale.Softplus })
        {
            foreach (var (name, make) in Seeded)
            {
                if (features > 8 && scale != AffineScale.SoftClip) continue;
                // The density of this one goes value by value, 784 times 16: one type is enough.
                if (features > 8 && name is "iaf" && type == ScalarType.Float32) continue;
                var flow = make(new VectorFlowOptions { Features = features, Transforms = 16, Hidden = [32], Scale = scale });
                flow.to(type);
                var entropy = features * 0.5 * Math.Log(2 * Math.PI) + (x.square().sum(1) * 0.5).mean().ToDouble();
                Assert.Equal(entropy, flow.Loss(x).ToDouble(), 1e-3 * features);
                // The inverse of an autoregressive flow goes value by value: one of 784 is enough.
                if (features > 8 && name is "spline" or "maf") continue;
                Shake(flow, 0.01);
                FlowGoldens.Close(x, flow.Decode(flow.Encode(x)), type == ScalarType.Float64 ? 1e-8 : 1e-2, name);
            }
        }
    }

    [Fact]
    public void WhatIsNoNumberIsNamed()
    {
        using var scope = NewDisposeScope();
        var x = zeros(4, 2);
        x[3, 1] = float.NaN;
        var options = new VectorFlowOptions { Hidden = [4], Transforms = 2 };
        foreach (var model in new DensityModel[] { new RealNvp(options), new NeuralSplineFlow(options), new Nice(options), new Maf(options),
            new ContinuousFlow(new MlpVelocity(new MlpVelocityOptions()), new NormalBase(2)) })
        {
            foreach (var ask in new Func<Tensor>[] { () => model.LogProb(x), () => model.Loss(x), () => model.Encode(x),
                () => model.Decode(x) })
            {
                var error = Assert.Throws<ArgumentException>(ask);
                Assert.Contains("[3, 1] is NaN", error.Message);
                Assert.Contains(model.GetType().Name, error.Message);
            }
            Assert.Contains("Float64",
                Assert.Throws<ArgumentException>(() => model.LogProb(zeros(4, 2, dtype: ScalarType.Float64))).Message);
            Assert.Contains("Int64", Assert.Throws<ArgumentException>(() => model.LogProb(zeros(4, 2, dtype: ScalarType.Int64))).Message);
            Assert.Throws<ArgumentNullException>(() => model.LogProb(null!));
        }
        var image = full([2, 1, 4, 4], float.PositiveInfinity);
        Assert.Contains("[0, 0, 0, 0]",
            Assert.Throws<ArgumentException>(
                () => new Glow(new GlowOptions { Channels = 1, Size = 4, Levels = 1, Steps = 1, Width = 4 }).LogProb(image)).Message);
        Assert.Throws<ArgumentException>(
            () => new RealNvpImage(new RealNvpImageOptions { Channels = 1, Size = 4, Width = 4, Blocks = 1 }).LogProb(image));
        var conditional = new RealNvp(options with { Context = 1 });
        Assert.Contains("context[1, 0]",
            Assert.Throws<ArgumentException>(() => conditional.LogProb(zeros(2, 2), tensor([0f, float.NaN]).unsqueeze(1))).Message);
        Assert.Contains("[16, 0]",
            Assert.Throws<Cresset.Numerics.InvalidOptionsException>(() => new RealNvp(options with { Hidden = [16, 0] })).Message);
        Assert.Equal([0L, 2L], new GaussianMixtureBase(3, 2).Sample(0).shape);
        Assert.Throws<ArgumentException>(() => Ode.Solve((_, y) => y, zeros(2), [0, double.NaN]));
        Assert.Contains("[3]", Assert.Throws<ShapeException>(() => Ode.Solve((_, _) => zeros(3), zeros(2), [0, 1])).Message);
    }
}
