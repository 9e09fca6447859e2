using Cresset.Flows;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Flows;

/// <summary>
/// One set of laws for every transform: shape, inverse, log-determinant against the full Jacobian, gradient to every parameter, save and
/// load, no leak.
/// </summary>
public sealed class TransformLawTests
{
    private sealed record Case(Func<FlowTransform> Make, long[] Shape, int Context = 0, bool Positive = false, double Tolerance = 1e-9);

    private static Made Made(int[] order, Univariate u, int context) => new(order, u.Parameters, [12, 12], context);

    private static Coupling ImageStep(long channels, int context)
        => new(FeatureMasks.Half((int)channels, true), new AffineUnivariate(AffineScale.Sigmoid, true, true),
            (i, o) => new GlowConditioner(i, o, 6, context), ParameterLayout.ByParameter);

    private static readonly CausalTransformOptions Tokens = new() { Tokens = 3, Values = 2, Width = 8, Heads = 2, Context = 2 };

    private static readonly Dictionary<string, Case> Cases = new()
    {
        ["additive coupling"] =
            new(() => new Coupling(FeatureMasks.Half(5, true), new AdditiveUnivariate(), (i, o) => new MlpConditioner(i, o, [8])), [5]),
        ["affine coupling with context"] =
            new(() => new Coupling(FeatureMasks.Alternating(4, false), new AffineUnivariate(), (i, o) => new MlpConditioner(i, o, [8], 2)),
                [4], 2),
        ["affine coupling by parameter"] =
            new(() =>
                new Coupling(FeatureMasks.Random(5, new Random(3)), new AffineUnivariate(AffineScale.ClampedSoftplus),
                    (i, o) => new ResidualConditioner(i, o, 8, 1, 2), ParameterLayout.ByParameter), [5], 2),
        ["image coupling with context"] =
            new(() =>
                new Coupling(FeatureMasks.Half(4, true), new AffineUnivariate(AffineScale.Sigmoid, true, true),
                    (i, o) => new GlowConditioner(i, o, 6, 2), ParameterLayout.ByParameter), [4, 2, 2], 2),
        ["spline coupling"] =
            new(() =>
                new Coupling(FeatureMasks.Half(4, false), new RationalQuadraticSpline(SplineOptions.Bounded(3, 5)),
                    (i, o) => new MlpConditioner(i, o, [8])), [4], Tolerance: 1e-7),
        ["quadratic spline coupling"] =
            new(() =>
                new Coupling(FeatureMasks.Half(4, true), new PolynomialSpline(new PolynomialSplineOptions { Bins = 4, Low = -3, High = 3 }),
                    (i, o) => new MlpConditioner(i, o, [8])), [4], Tolerance: 1e-7),
        ["cubic spline coupling"] =
            new(() =>
                new Coupling(FeatureMasks.Half(4, true),
                    new PolynomialSpline(new PolynomialSplineOptions { Degree = 3, Bins = 4, Low = -3, High = 3 }),
                    (i, o) => new MlpConditioner(i, o, [8])), [4], Tolerance: 1e-7),
        ["image spline coupling"] =
            new(() =>
                new Coupling(FeatureMasks.Half(2, false), new RationalQuadraticSpline(SplineOptions.Bounded(3, 4)),
                    (i, o) => new GlowConditioner(i, o, 6)), [2, 2, 2], Tolerance: 1e-7),
        ["masked autoregressive"] =
            new(() => new MaskedAutoregressive(Made([2, 0, 1, 3], new AffineUnivariate(), 2), new AffineUnivariate()), [4], 2),
        ["masked autoregressive spline"] =
            new(() =>
                new MaskedAutoregressive(Made([0, 1, 2], new RationalQuadraticSpline(SplineOptions.Bounded(3)), 0),
                    new RationalQuadraticSpline(SplineOptions.Bounded(3))), [3], Tolerance: 1e-7),
        ["masked autoregressive in two passes"] =
            new(() => new MaskedAutoregressive(Made([0, 0, 1, 1], new AffineUnivariate(), 1), new AffineUnivariate()), [4], 1),
        ["inverse autoregressive"] =
            new(() => new InvertedTransform(new MaskedAutoregressive(Made([1, 0, 2], new AffineUnivariate(), 0), new AffineUnivariate())),
                [3]),
        ["actnorm"] = new(() => new ActNorm(4), [4]),
        ["image actnorm"] = new(() => new ActNorm(2, images: true), [2, 3, 2]),
        ["convolution"] = new(() => new InvertibleConvolution(3), [3, 2, 2]),
        ["lu convolution"] = new(() => new LuConvolution(3), [3, 2, 2]),
        ["permutation"] = new(() => new Permutation([2, 0, 3, 1]), [4]),
        ["squeeze"] = new(() => new Squeeze(), [2, 4, 4]),
        ["squeeze space to depth"] = new(() => new Squeeze(2, SqueezeOrder.SpaceToDepth), [1, 4, 2]),
        ["squeeze factor out"] = new(() => new Squeeze(2, SqueezeOrder.RealNvpFactorOut), [2, 2, 2]),
        ["lu linear"] = new(() => new LuLinear(4), [4]),
        ["householder"] = new(() => new HouseholderTransform(4, 3), [4]),
        ["planar"] = new(() => new PlanarTransform(3), [3]),
        ["radial"] = new(() => new RadialTransform(3), [3]),
        ["sylvester"] = new(() => new SylvesterTransform(5, 3), [5]),
        ["batch norm"] = new(() => new BatchNormTransform(4), [4]),
        ["diagonal scaling"] = new(() => new DiagonalScaling(4), [4]),
        ["affine preprocessing"] = new(() => new AffinePreprocessing(-2.5, 0.5), [3, 2]),
        ["logit preprocessing"] = new(() => new LogitPreprocessing(), [4], Positive: true),
        ["checkerboard coupling"] = new(() => new ImageCoupling(2, 6, 1, checkerboard: true, reverse: true), [2, 2, 4]),
        ["channel coupling"] = new(() => new ImageCoupling(4, 6, 1, checkerboard: false, reverse: false), [4, 2, 2]),
        ["checkerboard coupling with context"] =
            new(() => new ImageCoupling(2, 6, 1, checkerboard: true, reverse: false, context: 2), [2, 2, 4], 2),
        ["patches"] = new(() => new PatchTokens(2, 4, 6, 2), [2, 4, 6]),
        ["causal tokens"] = new(() => new CausalTransform(Tokens), [3, 2], 2, Tolerance: 1e-8),
        ["causal tokens backwards, value by value"] =
            new(() => new CausalTransform(Tokens with { Reverse = true, Inner = 6, Bins = 4, Layers = 1 }), [3, 2], 2, Tolerance: 1e-7),
        ["multi-scale"] =
            new(() =>
                new MultiScale([1, 4, 8], 2,
                    (_, channels) =>
                        new CompositeTransform([new ActNorm(channels, images: true), new LuConvolution(channels), ImageStep(channels, 2)])),
                        [1, 4, 8], 2),
        ["multi-scale without context"] = new(() => new MultiScale([2, 2, 2], 1, (_, channels) => ImageStep(channels, 0)), [2, 2, 2]),
        ["composite"] =
            new(() =>
                new CompositeTransform([new ActNorm(4), new LuLinear(4),
                    new Coupling(FeatureMasks.Half(4, true), new AffineUnivariate(), (i, o) => new MlpConditioner(i, o, [8], 1))]), [4], 1),
        ["recomputing composite"] =
            new(() =>
                new CompositeTransform([new ActNorm(4), new LuLinear(4),
                    new Coupling(FeatureMasks.Half(4, true), new AffineUnivariate(), (i, o) => new MlpConditioner(i, o, [8], 1))],
                    recompute: true), [4], 1),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    private static (FlowTransform Transform, Tensor X, Tensor? Context, Case Case) Build(string name, ScalarType type = ScalarType.Float64)
    {
        using var generator = new Generator(11);
        // Initial weights: a kink of a rectifier between two differences would look like a wrong gradient.
        manual_seed(11);
        var c = Cases[name];
        var transform = c.Make();
        transform.to(type);
        using (no_grad())
        {
            foreach (var parameter in transform.parameters()) parameter.add_(randn(parameter.shape, generator: generator).to(type) * 0.2);
        }
        var x = randn([6, .. c.Shape], dtype: type, generator: generator);
        if (c.Positive) x = x.sigmoid();
        var context = c.Context > 0 ? randn(6, c.Context, dtype: type, generator: generator) : null;
        // Statistics and data-dependent scales settle on the first batch.
        using (no_grad()) transform.Forward(x, context);
        transform.eval();
        return (transform, x, context, c);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void InverseAndLogDeterminant(string name)
    {
        using var scope = NewDisposeScope();
        var (transform, x, context, c) = Build(name);
        var (z, log) = transform.Forward(x, context);
        Assert.Equal([6L], log.shape);
        Assert.Equal(x.numel(), z.numel());
        var (back, backLog) = transform.Inverse(z, context);
        Assert.Equal(x.shape, back.shape);
        FlowGoldens.Close(x, back, c.Tolerance, "inverse");
        FlowGoldens.Close(-log, backLog, c.Tolerance * 10, "log-determinant of the inverse");
        for (var i = 0; i < 3; i++)
        {
            var point = x.narrow(0, i, 1).detach().requires_grad_(true);
            var own = context?.narrow(0, i, 1);
            var value = transform.Forward(point, own).Output.flatten();
            var rows = Enumerable.Range(0, (int)value.numel())
                .Select(k => autograd.grad([value[k]], [point], retain_graph: true)[0].flatten());
            var expected = linalg.slogdet(stack(rows)).Item2;
            FlowGoldens.Close(expected, log[i], c.Tolerance * 100, "log-determinant of the Jacobian");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void GradientsReachEveryParameterAndEqualDifferences(string name)
    {
        using var scope = NewDisposeScope();
        var (transform, x, context, _) = Build(name);
        Tensor Loss()
        {
            var (z, log) = transform.Forward(x, context);
            return (z.sin().flatten(1).sum(1) + log).sum();
        }
        if (!transform.parameters().Any()) return;
        Loss().backward();
        foreach (var (key, parameter) in transform.named_parameters())
        {
            Assert.True(parameter.grad is { IsInvalid: false }, $"{key} has no gradient");
            using var noGrad = no_grad();
            var direction = randn_like(parameter);
            var expected = (parameter.grad! * direction).sum().ToDouble();
            const double step = 1e-6;
            parameter.add_(direction * step);
            var above = Loss().ToDouble();
            parameter.sub_(direction * (2 * step));
            var below = Loss().ToDouble();
            parameter.add_(direction * step);
            Assert.Equal(expected, (above - below) / (2 * step), 1e-4 * (1 + Math.Abs(expected)));
        }
    }

    [Theory]
    [InlineData("recomputing composite")]
    [InlineData("spline coupling")]
    public void EitherResultMayGoUnused(string name)
    {
        foreach (var type in new[] { ScalarType.Float32, ScalarType.Float64 })
        {
            using var scope = NewDisposeScope();
            var (transform, x, context, _) = Build(name, type);
            x = x.requires_grad_(true);
            Tensor Gradient(Func<Tensor, Tensor, Tensor> loss)
            {
                var (z, log) = transform.Forward(x, context);
                return autograd.grad([loss(z, log)], [x])[0];
            }
            var together = Gradient((z, log) => z.sin().sum() + log.sum());
            var apart = Gradient((z, _) => z.sin().sum()) + Gradient((_, log) => log.sum());
            FlowGoldens.Close(together, apart, type == ScalarType.Float64 ? 1e-10 : 1e-4);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void StateRoundTrips(string name)
    {
        using var scope = NewDisposeScope();
        var (transform, x, context, c) = Build(name, ScalarType.Float32);
        var path = Path.Combine(Path.GetTempPath(), $"transform-{Guid.NewGuid():N}.safetensors");
        try
        {
            StateDict.Save(transform, path);
            var again = c.Make();
            StateDict.Load(again, path);
            again.eval();
            FlowGoldens.Close(transform.Forward(x, context).Output, again.Forward(x, context).Output, 0);
        }
        finally
        {
            File.Delete(path);
        }
        var (z, _) = transform.Forward(x, context);
        FlowGoldens.Close(x, transform.Inverse(z, context).Output, 1e-4, "float32 inverse");
    }

    /// <summary>
    /// A transform uses its context, one row of it for all samples too, or refuses it; one made without features never takes it in silence.
    /// </summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void TheContextIsUsedOrRefused(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (transform, x, context, c) = Build(name);
        Assert.Equal(c.Context > 0, transform.TakesContext);
        if (context is null)
        {
            var given = randn(6, 2, dtype: ScalarType.Float64);
            Assert.Contains("context", Assert.ThrowsAny<ArgumentException>(() => transform.Forward(x, given)).Message);
            Assert.Contains("context", Assert.ThrowsAny<ArgumentException>(() => transform.Inverse(x, given)).Message);
            return;
        }
        var (z, log) = transform.Forward(x, context);
        Assert.True((transform.Forward(x, context + 1).Output - z).abs().max().ToDouble() > 1e-6, "the context changes nothing");
        var shared = transform.Forward(x, context.narrow(0, 0, 1).expand(6, -1));
        foreach (var one in new[] { context.narrow(0, 0, 1), context[0] })
        {
            FlowGoldens.Close(shared.Output, transform.Forward(x, one).Output, 1e-12);
            FlowGoldens.Close(shared.LogAbsDet, transform.Forward(x, one).LogAbsDet, 1e-12);
            FlowGoldens.Close(x, transform.Inverse(shared.Output, one).Output, 1e-6);
        }
        Assert.Throws<ArgumentNullException>(() => transform.Forward(x));
        Assert.Throws<ShapeException>(() => transform.Forward(x, context.narrow(0, 0, 4)));
        Assert.Throws<ArgumentException>(() => transform.Forward(x, ones(6, c.Context, dtype: ScalarType.Int64)));
    }

    [Fact]
    public void NothingLeaks()
    {
        foreach (var name in Cases.Keys)
        {
            using var scope = NewDisposeScope();
            var (transform, x, context, _) = Build(name, ScalarType.Float32);
            // Once to fill caches.
            for (var round = 0; round < 2; round++)
            {
                var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
                using (no_grad())
                {
                    var (z, log) = transform.Forward(x, context);
                    var (back, backLog) = transform.Inverse(z, context);
                    foreach (var t in new[] { z, log, back, backLog }) t.Dispose();
                }
                var leaked = DisposeScopeManager.Statistics.ThreadTotalLiveCount - before;
                if (round == 1) Assert.True(leaked <= 0, $"{name} leaves {leaked} tensors");
            }
        }
    }

    [Fact]
    public void EveryTransformIsCovered()
    {
        var covered = Cases.Values.Select(c => c.Make().GetType()).ToHashSet();
        var all = typeof(FlowTransform).Assembly.GetTypes()
            .Where(t => t.IsSubclassOf(typeof(FlowTransform)) && !t.IsAbstract && t.IsPublic);
        Assert.Empty(all.Where(t => !covered.Contains(t)).Select(t => t.Name));
    }

    [Fact]
    public void BadInputIsNamed()
    {
        using var scope = NewDisposeScope();
        var flow = new RealNvp(new VectorFlowOptions { Features = 3, Hidden = [4] });
        Assert.Contains("[2, 4]", Assert.Throws<ShapeException>(() => flow.LogProb(zeros(2, 4))).Message);
        Assert.Contains("Size is 12; allowed: divisible by 2^Levels = 8",
            Assert.Throws<Cresset.Numerics.InvalidOptionsException>(() => new Glow(new GlowOptions { Size = 12, Levels = 3 })).Message);
        Assert.Contains("1.5",
            Assert.Throws<ArgumentOutOfRangeException>(() => new LogitPreprocessing().Forward(full([1, 2], 1.5))).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => new LogitPreprocessing().Forward(full([1, 2], float.NaN)));
        Assert.Throws<ShapeException>(() => Squeeze.Apply(zeros(1, 1, 3, 4)));
        Assert.Throws<ArgumentNullException>(
            () => new Maf(new VectorFlowOptions { Features = 2, Context = 3, Hidden = [4] }).LogProb(zeros(1, 2)));
        Assert.Throws<ArgumentException>(
            () => new Coupling([true, true], new AdditiveUnivariate(), (i, o) => new MlpConditioner(i, o, [4])));
        Assert.Throws<ArgumentException>(() => new Permutation([0, 0]));
        Assert.Throws<ArgumentException>(() => new ActNorm(2).Forward(full([4, 2], float.NaN)));
    }
}
