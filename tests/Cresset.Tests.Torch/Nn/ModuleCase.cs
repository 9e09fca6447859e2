using Cresset.Nn;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>One module of Cresset.Nn with an input it takes: what the laws over all modules run on.</summary>
public sealed record ModuleCase(string Name, Type Type, Func<nn.Module> Build, Func<nn.Module, ScalarType, Tensor> Run,
    long[]? Shape = null)
{
    public override string ToString() => Name;

    private static ModuleCase Of<T>(string name, Func<T> build, params long[] shape)
        where T : nn.Module<Tensor, Tensor>
        => new(name, typeof(T), build, (m, type) => ((T)m).call(Input(type, shape)), shape);

    private static ModuleCase With<T>(string name, Func<T> build, Func<T, ScalarType, Tensor> run)
        where T : nn.Module
        => new(name, typeof(T), build, (m, type) => run((T)m, type));

    /// <summary>The same numbers at every call.</summary>
    public static Tensor Input(ScalarType type, params long[] shape) =>
        (arange(shape.Aggregate(1L, (a, b) => a * b), dtype: ScalarType.Float64) * 1.7).sin().mul(2).reshape(shape).to(type);

    private static Type TypeOf(ActivationInfo info)
    {
        using var module = ActivationCatalog.Create(info.Name);
        return module.GetType();
    }

    private static UNetOptions Small =>
        new() { Channels = [8, 16, 16], BlocksPerLevel = 1, Norm = new GroupNormOptions { Groups = 4 }, Heads = 2 };

    public static IEnumerable<ModuleCase> All =>
    [
        .. ActivationCatalog.All.Select(
            a => new ModuleCase("activation " + a.Name, TypeOf(a), () => ActivationCatalog.Create(a.Name),
                (m, type) => ((nn.Module<Tensor, Tensor>)m).call(Input(type, 3, 4, 6)), [3, 4, 6])),
        Of("maxout layer", () => new Maxout(6, 4, 3), 2, 5, 6),
        Of("siren layer", () => new SirenLayer(6, 4), 2, 5, 6),
        Of("alpha dropout", () => new AlphaDropout(0.3), 2, 5, 6),
        Of("dynamic tanh", () => new DynamicTanh(6), 2, 5, 6),
        Of("dynamic erf", () => new DynamicErf(5, dim: 1), 2, 5, 6),
        Of("channel prelu", () => new PRelu(5), 2, 5, 6),
        Of("feed-forward swiglu", () => new FeedForward(6), 2, 5, 6),
        Of("feed-forward gelu", () => new FeedForward(6, FeedForwardOptions.Gelu), 2, 5, 6),
        Of("feed-forward clamped", () => new FeedForward(6, FeedForwardOptions.ClampedSwiGlu), 2, 5, 6),
        Of("projection", () => new Projection(6, 4, true, WeightPlace.Cpu), 2, 5, 6),
        Of("convolution", () => new SquareConvolution(3, 4, 3, WeightPlace.Cpu, stride: 2, padding: 1), 2, 3, 6, 5),
        Of("rms norm", () => new RmsNorm(6), 2, 5, 6),
        Of("channel norm", () => new ChannelNorm(6), 2, 6, 3, 3),
        Of("channel rms norm", () => new ChannelNorm(6, center: false), 2, 6, 3, 3),
        Of("multi-head attention", () => new MultiHeadAttention(8, new() { Heads = 2, QkNorm = true }), 2, 5, 8),
        Of("multi-head attention, explicit causal",
            () => new MultiHeadAttention(8, new() { Heads = 2, Causal = true, Path = AttentionPath.Explicit }), 2, 5, 8),
        With<MultiHeadAttention>("cross-attention", () => new(8, new() { Heads = 4, ContextDim = 6 }),
            (m, t) => m.Forward(Input(t, 2, 5, 8), Input(t, 2, 3, 6))),
        With<DecoderTransformer>("decoder transformer",
            () => new(11, new() { Layers = 1, Heads = 2, Width = 8, Context = 6, FeedForward = new() { MultipleOf = 8 } }),
            (m, _) => m.call((arange(8) % 11).reshape(2, 4))),
        Of("spatial attention", () => new SpatialAttention(8, 2), 2, 8, 3, 5),
        Of("sinusoidal embedding", () => new SinusoidalEmbedding(7), 5),
        With<ConditionEmbedding>("condition embedding", () => new(8, classes: 3, frequencyDim: 6),
            (m, t) => m.call(Input(t, 2).abs(), tensor(new long[] { 0, 3 }))),
        Of("upsample", () => new Upsample(scaleFactor: [1.7], mode: ResizeMode.Bicubic), 2, 3, 4, 5),
        Of("upsampling nearest", () => new UpsamplingNearest2d(scaleFactor: [2]), 2, 3, 4, 5),
        Of("upsampling bilinear", () => new UpsamplingBilinear2d(size: [7, 9]), 2, 3, 4, 5),
        Of("pixel shuffle", () => new PixelShuffle(2), 2, 8, 4, 5),
        Of("pixel unshuffle", () => new PixelUnshuffle(2), 2, 3, 4, 6),
        Of("channel shuffle", () => new ChannelShuffle(2), 2, 8, 4, 5),
        Of("channel shuffle of one group", () => new ChannelShuffle(1), 2, 8, 4, 5),
        With<MaxUnpool1d>("unpool 1d", () => new([2]),
            (m, t) => { var (v, i) = IndexedPooling.MaxPool(Input(t, 2, 3, 8), [2]); return m.call(v, i); }),
        With<MaxUnpool2d>("unpool 2d", () => new([2]),
            (m, t) => { var (v, i) = IndexedPooling.MaxPool(Input(t, 2, 3, 4, 6), [2]); return m.call(v, i); }),
        With<MaxUnpool3d>("unpool 3d", () => new([2]),
            (m, t) => { var (v, i) = IndexedPooling.MaxPool(Input(t, 1, 2, 4, 4, 6), [2]); return m.call(v, i); }),
        Of("carafe", () => new Carafe(4, compressed: 6), 2, 4, 4, 5),
        Of("dysample", () => new DySample(8, new() { DynamicScope = true }), 2, 8, 4, 5),
        With<FcnHead>("fcn head", () => new(3, FcnStride.Stride8, 4, 5, 6),
            (m, t) => m.call(Input(t, 1, 4, 2, 2), Input(t, 1, 5, 4, 4), Input(t, 1, 6, 8, 8))),
        Of("segnet", () => new SegNet(1, 3, new() { Channels = [6, 8], Norm = new GroupNormOptions() }), 2, 1, 9, 10),
        Of("espcn", () => new Espcn(new() { Features = [8, 6], Residual = true }), 2, 1, 5, 6),
        Of("resize convolution", () => new ResizeConv2d(3, 4), 2, 3, 4, 5),
        Of("sub-pixel convolution", () => new SubPixelConv2d(3, 4, 3), 2, 3, 4, 5),
        With<UNet>("unet", () => new(3, 2, Small), (m, t) => m.call(Input(t, 2, 3, 8, 8))),
        With<UNet>("unet with odd sizes and attention",
            () => new(3, 2, Small with { AttentionLevels = [1], MiddleAttention = true, Upsampler = new PixelShuffleUpsampler() }),
            (m, t) => m.call(Input(t, 2, 3, 7, 9))),
        With<UNet>("plain unet", () => new(1, 2, UNetOptions.Segmentation with { Channels = [4, 8] }),
            (m, t) => m.call(Input(t, 2, 1, 6, 6))),
        With<ConditionedUNet>("conditioned unet", () => new(1, 1, Small, classes: 4),
            (m, t) => m.call(Input(t, 2, 1, 8, 8), Input(t, 2).abs(), tensor(new long[] { 0, 4 }))),
    ];

    /// <summary>Parts of a larger module, whose laws are checked with it.</summary>
    public static IReadOnlySet<Type> Parts { get; } = new HashSet<Type> { typeof(UNetBlock), typeof(UNetLevel) };
}
