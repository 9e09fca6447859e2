using Cresset.Diffusion;
using Cresset.Flows;
using Cresset.Nn;
using Cresset.Quantization;
using Cresset.Recipes;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Onnx;

/// <summary>Cresset's networks, and every part of its families that is a layer or a flow.</summary>
internal static class OnnxCressetCases
{
    private static readonly VaeOptions SmallVae = new()
    {
        BlockChannels = [16, 32],
        LayersPerBlock = 1,
        NormGroups = 4,
        LatentChannels = 4,
        SampleSize = 16
    };

    public static IReadOnlyList<OnnxCase> All { get; } =
    [
        .. Networks(),
        .. BuiltInParts.Catalog.Of("activation")
            .Select(p => OnnxCase.Of($"activation {p.Name}", () => ((ActivationOptions)p.Create()).Build(), 2, 8, 4, 4)),
        .. BuiltInParts.Catalog.Of("norm")
            .Select(p => OnnxCase.Of($"norm {p.Name}", () => ((NormOptions)p.Create()).Build(32), 2, 32, 4, 4)),
        .. BuiltInParts.Catalog.Of("upsampler")
            .Select(p => OnnxCase.Of($"upsampler {p.Name}", () => ((UpsamplerOptions)p.Create()).Build(8, 4), 2, 8, 6, 6)),
        .. BuiltInParts.Catalog.Of("downsampler")
            .Select(p => OnnxCase.Of($"downsampler {p.Name}", () => ((DownsamplerOptions)p.Create()).Build(8), 2, 8, 8, 8)),
        // An adaptive solver (ffjord) branches on values, and autoregressive flows draw one number after the other.
        .. BuiltInParts.Catalog.Of("flow").Where(p => p.Name is not "ffjord" && !((FlowOptions)p.Create()).TakesPicturesOnly).Select(p =>
            new OnnxCase($"flow {p.Name}, log-density", () => Flow(p.Create(), (f, x) => f.LogProb(x), 4), () => [randn(3, 4) * 0.5])),
        .. BuiltInParts.Catalog.Of("flow").Where(p => p.Name is "real-nvp" or "nice").Select(p =>
            new OnnxCase($"flow {p.Name}, sample", () => Flow(p.Create(), (f, x) => f.Decode(x), 4), () => [randn(3, 4) * 0.5])),
        .. BuiltInParts.Catalog.Of("quantizer").SelectMany(p => new[]
        {
            new OnnxCase($"quantizer {p.Name}",
                () => new Holding<Quantizer>(((QuantizerOptions)p.Create()).Build(new Generator(3)), (q, x) => q.call(x).Quantized),
                () => [randn(Shape(p.Create()))]),
        }),
    ];

    private static IEnumerable<OnnxCase> Networks()
    {
        yield return OnnxCase.Of("UNet", () => new UNet(1, 3, new UNetOptions { Channels = [8, 16] }, new Generator(1)), 2, 1, 8, 8);
        yield return new("ConditionedUNet",
            () => new ConditionedUNet(1, 1, new UNetOptions { Channels = [8, 16] }, 10, 1000, new Generator(1)),
            () => [randn(2, 1, 8, 8), rand(2), tensor((long[])[3, 7])]);
        yield return OnnxCase.Of("Espcn", () => new Espcn(new EspcnOptions(), new Generator(1)), 2, 1, 8, 8);
        yield return OnnxCase.Of("SegNet", () => new SegNet(3, 4), 2, 3, 32, 32);
        yield return OnnxCase.Of("VqVae, codes", () => Vq((m, x) => m.Encode(x)[0]), 2, 1, 8, 8);
        yield return OnnxCase.Of("VqVae, reconstruction", () => Vq((m, x) => m.Decode(m.Encode(x))), 2, 1, 8, 8);
        yield return new("MlpVelocity", () => new Velocity(new MlpVelocity(new MlpVelocityOptions { Hidden = [16, 16] })),
            () => [randn(3, 2), rand(3)]);
        yield return new("MmDit",
            () => new MmDit(
                new MmDitOptions
                {
                    SampleSize = 8,
                    Layers = 2,
                    Heads = 2,
                    HeadDim = 8,
                    TextWidth = 16,
                    PooledWidth = 12,
                    PositionTableSize = 8
                }, new WeightPlace(Generator: new Generator(1))),
            () => [randn(2, 16, 8, 8), rand(2) * 1000, randn(2, 7, 16), randn(2, 12)]);
        yield return new("MmDit with query norm and dual attention",
            () => new MmDit(
                new MmDitOptions
                {
                    SampleSize = 8,
                    Layers = 2,
                    Heads = 2,
                    HeadDim = 8,
                    TextWidth = 16,
                    PooledWidth = 12,
                    PositionTableSize = 8,
                    QkNorm = true,
                    DualAttentionLayers = [0]
                }, new WeightPlace(Generator: new Generator(1))),
            () => [randn(2, 16, 8, 8), rand(2) * 1000, randn(2, 7, 16), randn(2, 12)]);
        yield return new("Vae, decoder",
            () => new Holding<Vae>(new Vae(SmallVae, new WeightPlace(Generator: new Generator(1))), (v, x) => v.Decode(x)),
            () => [randn(2, 4, 4, 4)]);
        yield return new("Vae, encoder",
            () => new Holding<Vae>(new Vae(SmallVae, new WeightPlace(Generator: new Generator(1))), (v, x) => v.EncodeScaled(x)),
            () => [randn(2, 3, 8, 8)]);
        yield return OnnxCase.Of("TinyDecoder", () => new TinyDecoder(new WeightPlace(Generator: new Generator(1))), 2, 16, 4, 4);
        yield return new("ClipTextEncoder",
            () => new Holding<ClipTextEncoder>(
                new ClipTextEncoder(
                    new ClipTextOptions
                    {
                        VocabularySize = 40,
                        Positions = 9,
                        Width = 16,
                        Layers = 2,
                        Heads = 2,
                        MlpWidth = 32,
                        ProjectionWidth = 12,
                        EndTokenId = 39
                    }, new WeightPlace(Generator: new Generator(1))),
                        (c, x) => c.Encode(x).Pooled),
            () => [tensor((long[])[1, 5, 7, 9, 39, 2, 2, 2, 2, 1, 8, 39, 3, 3, 3, 3, 3, 3]).reshape(2, 9)]);
        yield return new("T5Encoder",
            () => new T5Encoder(new T5EncoderOptions { VocabularySize = 40, Width = 16, Layers = 2, Heads = 2, HeadDim = 8, MlpWidth = 32 },
                new WeightPlace(Generator: new Generator(1))),
            () => [randint(0, 40, [2, 6], dtype: ScalarType.Int64)]);
    }

    private static nn.Module Vq(Func<VqVae, Tensor, Tensor> function)
        => new Holding<VqVae>(
            new VqVae(new VqVaeOptions { Channels = 1, Width = 16, ResidualWidth = 8 },
                new VectorQuantizerOptions { Codebook = new CodebookOptions { Size = 16, Width = 8 } }.Build(new Generator(2)),
                new Generator(1)), function);

    private static nn.Module Flow(object options, Func<DensityModel, Tensor, Tensor> function, params int[] shape)
    {
        var flow = ((FlowOptions)options).Build(shape);
        // Fresh flows begin as the identity, which would hide mistakes.
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        foreach (var (_, parameter) in flow.named_parameters()) parameter.add_(randn(parameter.shape) * 0.02);
        return new Holding<DensityModel>(flow, function);
    }

    private static long[] Shape(object options)
    {
        using var quantizer = ((QuantizerOptions)options).Build(new Generator(3));
        return quantizer.Scales.Count == 0 ? [6, quantizer.Width] : [2, quantizer.Scales[^1], quantizer.Scales[^1], quantizer.Width];
    }

    private sealed class Velocity : nn.Module<Tensor, Tensor, Tensor>
    {
        private readonly MlpVelocity _net;

        public Velocity(MlpVelocity velocity)
            : base(nameof(Velocity))
        {
            _net = velocity;
            RegisterComponents();
        }

        public override Tensor forward(Tensor state, Tensor time) => _net.Velocity(state, time);
    }
}

/// <summary>A module called in a way of one's own.</summary>
internal sealed class Holding<T> : nn.Module<Tensor, Tensor>
    where T : nn.Module
{
    private readonly T _inner;
    private readonly Func<T, Tensor, Tensor> _function;

    public Holding(T module, Func<T, Tensor, Tensor> function)
        : base("Holding")
    {
        (_inner, _function) = (module, function);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => _function(_inner, x);
}
