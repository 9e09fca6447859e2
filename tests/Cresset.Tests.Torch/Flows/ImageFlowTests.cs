using Cresset.Flows;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Flows;

/// <summary>Image models: likelihood against the full Jacobian, classes, temperature, errors.</summary>
public sealed class ImageFlowTests
{
    private static readonly Dictionary<string, Func<DensityModel>> Models = new()
    {
        ["glow"] = () => new Glow(new GlowOptions { Channels = 1, Size = 4, Levels = 2, Steps = 2, Width = 6 }),
        ["additive glow"] =
            () => new Glow(
                new GlowOptions
                {
                    Channels = 1,
                    Size = 4,
                    Levels = 1,
                    Steps = 2,
                    Width = 6,
                    Affine = false,
                    Lu = false,
                    LuInLastLevel = false
                }),
        ["glow by inversion"] =
            () => new Glow(new GlowOptions { Channels = 1, Size = 4, Levels = 2, Steps = 2, Width = 6, RecomputeActivations = true }),
        ["tarflow"] =
            () => new TarFlow(new TarFlowOptions { Size = 4, Patch = 2, Blocks = 2, Layers = 1, Width = 8, Heads = 2, Inner = 6 }),
        ["real nvp"] = () => new RealNvpImage(new RealNvpImageOptions { Channels = 1, Size = 4, Scales = 2, Width = 6, Blocks = 1 }),
    };

    public static TheoryData<string> Names => [.. Models.Keys];

    private static T Shake<T>(T model, Generator generator, params long[] shape)
        where T : DensityModel
    {
        model.to(ScalarType.Float64);
        using var noGrad = no_grad();
        foreach (var parameter in model.parameters())
            parameter.add_(randn(parameter.shape, dtype: ScalarType.Float64, generator: generator) * 0.1);
        model.LogProb(randn([8, .. shape], dtype: ScalarType.Float64, generator: generator),
            model is Glow { Options.Classes: > 0 } ? zeros(8, dtype: ScalarType.Int64) : null);
        model.eval();
        return model;
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void LikelihoodEqualsTheFullJacobian(string name)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(6);
        var model = Shake(Models[name](), generator, 1, 4, 4);
        var x = randn(3, 1, 4, 4, dtype: ScalarType.Float64, generator: generator);
        FlowGoldens.Close(x, model.Decode(model.Encode(x)), 1e-9, "round trip");
        for (var i = 0; i < 2; i++)
        {
            var point = x.narrow(0, i, 1).detach().requires_grad_(true);
            // The latent is standardised: its density is the standard normal's.
            var z = model.Encode(point).flatten();
            Assert.Equal(16, z.numel());
            var rows = Enumerable.Range(0, 16).Select(k => autograd.grad([z[k]], [point], retain_graph: true)[0].flatten());
            var log = linalg.slogdet(stack(rows)).Item2 - (z.square().sum() / 2 + 8 * Math.Log(2 * Math.PI));
            FlowGoldens.Close(log, model.LogProb(x)[i], 1e-8, "log p");
        }
    }

    [Fact]
    public void ConditionalGlowKnowsItsClasses()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(7);
        var glow = Shake(new Glow(new GlowOptions { Channels = 1, Size = 4, Levels = 2, Steps = 2, Width = 6, Classes = 3 }), generator, 1,
            4, 4);
        using (no_grad())
        {
            // Only the means of the classes differ, strongly.
            var classes = glow.named_parameters().First(p => p.name == "classes.weight").parameter;
            classes.zero_();
            var half = classes.size(1) / 2;
            classes.narrow(1, 0, half).copy_(tensor(new double[] { -3, 0, 3 }).unsqueeze(1).expand(3, half));
        }
        var labels = arange(3, dtype: ScalarType.Int64).repeat_interleave(20);
        var samples = glow.Sample(60, labels, generator: generator);
        var best = stack(Enumerable.Range(0, 3).Select(k => glow.LogProb(samples, full_like(labels, k))), 1).argmax(1);
        Assert.True((best == labels).to(ScalarType.Float64).mean().ToDouble() > 0.95);
        FlowGoldens.Close(samples, glow.Decode(glow.Encode(samples, labels), labels), 1e-8, "round trip");
        // Gradients reach the classes.
        glow.Loss(samples.detach(), labels).backward();
        Assert.True(glow.named_parameters().First(p => p.name == "classes.weight").parameter.grad!.abs().sum().ToDouble() > 0);
        Assert.Contains("3 classes", Assert.Throws<ArgumentNullException>(() => glow.LogProb(samples)).Message);
        Assert.Throws<ShapeException>(() => glow.LogProb(samples, labels.narrow(0, 0, 2)));
    }

    /// <summary>normflows' class-conditional Glow in a few lines of public parts.</summary>
    [Fact]
    public void AClassConditionalGlowOfParts()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(8);
        FlowTransform Level(int level, long channels) => new CompositeTransform(Enumerable.Range(0, 2).SelectMany(_ => new FlowTransform[]
        {
            new ActNorm(channels, images: true),
            new LuConvolution(channels),
            new Coupling(FeatureMasks.Half((int)channels, true), new AffineUnivariate(AffineScale.Sigmoid, true, true),
                (i, o) => new GlowConditioner(i, o, 6), ParameterLayout.ByParameter),
        }));
        using var glow = new Flow(new MultiScale([1, 4, 8], 2, Level), new ClassConditionalNormal(3, 32), ContextUse.Base);
        var x = randn(6, 1, 4, 8, generator: generator);
        var labels = tensor((long[])[0, 1, 2, 0, 1, 2]);
        glow.Loss(x, labels);
        using (no_grad())
        {
            foreach (var parameter in glow.parameters()) parameter.add_(randn(parameter.shape, generator: generator) * 0.1);
        }
        FlowGoldens.Close(x, glow.Decode(glow.Encode(x, labels), labels), 1e-4);
        Assert.True((glow.LogProb(x, labels) - glow.LogProb(x, labels.roll(1))).abs().max().ToDouble() > 1e-3);
        Assert.Equal([4L, 1L, 4L, 8L], glow.Sample(4, tensor(2L), 0.7, generator).shape);
        Assert.Contains("2^3 must divide", Assert.Throws<ArgumentException>(() => new MultiScale([1, 4, 8], 3, Level)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void TemperatureShrinksSamples()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(8);
        var glow = Shake(new Glow(new GlowOptions { Channels = 1, Size = 4, Levels = 2, Steps = 2, Width = 6 }), generator, 1, 4, 4);
        double Spread(double temperature) => glow.Sample(400, temperature: temperature, generator: generator).std([0L]).mean().ToDouble();
        Assert.True(Spread(0.3) < 0.6 * Spread(1));
        Assert.Throws<ShapeException>(() => glow.LogProb(zeros(2, 1, 4, 8, dtype: ScalarType.Float64)));
        Assert.Throws<ShapeException>(() => glow.Decode(zeros(2, 15, dtype: ScalarType.Float64)));
    }
}
