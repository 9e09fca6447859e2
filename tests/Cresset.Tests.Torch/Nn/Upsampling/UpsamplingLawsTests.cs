using Cresset.Nn;
using Cresset.Tensors;
using CsCheck;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>Laws of the upsampling layers, their bad input, and the models built on them.</summary>
[LeakFree]
public sealed class UpsamplingLawsTests
{
    private static Tensor Random(int seed, params long[] shape) =>
        randn(shape, dtype: ScalarType.Float64, generator: new Generator((ulong)seed));

    [Fact]
    public void ShuffleAndUnshuffleAreInverse() =>
        Gen.Select(Gen.Int[1, 4], Gen.Int[1, 3], Gen.Int[1, 5], Gen.Int[1, 5], Gen.Int[0, 1000]).Sample(
        (r, c, h, w, seed) =>
        {
            using var scope = NewDisposeScope();
            var x = Random(seed, 2, c * r * r, h, w);
            Assert.True(PixelUnshuffle.Apply(PixelShuffle.Apply(x, r), r).allclose(x, 0, 0));
            var y = Random(seed, 2, c, h * r, w * r);
            Assert.True(PixelShuffle.Apply(PixelUnshuffle.Apply(y, r), r).allclose(y, 0, 0));
        },
        iter: 40,
        threads: 1);

    /// <summary>A U-Net drawn from a generator used to redraw the upsamplers inside it as plain convolutions.</summary>
    [Theory]
    [InlineData("carafe")]
    [InlineData("dysample")]
    [InlineData("pixel-shuffle")]
    public void UpsamplersInsideAModelKeepTheirSpecialStart(string kind)
    {
        using var scope = NewDisposeScope();
        using var net = new UNet(1, 2,
            new UNetOptions
            {
                Channels = [8, 16],
                BlocksPerLevel = 1,
                Norm = new GroupNormOptions { Groups = 4 },
                Upsampler = Upsampler(kind)
            }, new Generator(3));
        var weights = net.named_parameters().ToDictionary(p => p.name, p => p.parameter.detach());
        switch (kind)
        {
            case "carafe":
                var encoder = weights.Single(w => w.Key.EndsWith("content_encoder.weight", StringComparison.Ordinal)).Value;
                Assert.InRange(encoder.std().ToDouble(), 0.0008, 0.0012);
                Assert.Equal(0,
                    weights.Single(w => w.Key.EndsWith("content_encoder.bias", StringComparison.Ordinal)).Value.abs().max().ToDouble());
                break;
            case "dysample":
                var offset = weights.Single(w => w.Key.EndsWith("offset.weight", StringComparison.Ordinal)).Value;
                Assert.InRange(offset.std().ToDouble(), 0.0008, 0.0012);
                Assert.Equal(0, weights.Single(w => w.Key.EndsWith("offset.bias", StringComparison.Ordinal)).Value.abs().max().ToDouble());
                break;
            default:
                var conv = weights.Single(
                    w => w.Key.EndsWith("resample.conv.weight", StringComparison.Ordinal) && w.Value.size(0) == 32).Value;
                Assert.Equal(0, (conv.reshape(8, 4, -1) - conv.reshape(8, 4, -1).narrow(1, 0, 1)).abs().max().ToDouble());
                break;
        }
    }

    [Fact]
    public void UnpoolingKeepsMaximaInTheirPlaces() => Gen.Select(Gen.Int[2, 3], Gen.Int[6, 12], Gen.Int[6, 12], Gen.Int[0, 1000]).Sample(
        (k, h, w, seed) =>
        {
            using var scope = NewDisposeScope();
            var x = Random(seed, 2, 3, h, w);
            var (pooled, indices) = IndexedPooling.MaxPool(x, [k]);
            var back = IndexedPooling.MaxUnpool(pooled, indices, [k], outputSize: [h, w]);
            Assert.True(where(back.ne(0), x, zeros_like(x)).allclose(back, 0, 0));
            Assert.Equal(pooled.numel(), back.ne(0).sum().item<long>());
            Assert.True(IndexedPooling.MaxPool(back.clamp_min(0) + x.clamp_max(0), [k]).Values.clamp_min(0)
                .allclose(pooled.clamp_min(0), 0, 0));
        },
        iter: 40,
        threads: 1);

    [Fact]
    public void TransposedConvolutionIsTheAdjointOfConvolution() =>
        Gen.Select(Gen.Int[1, 5], Gen.Int[1, 3], Gen.Int[0, 2], Gen.Int[0, 1000]).Sample(
        (k, s, p, seed) =>
        {
            if (2 * p > k) return;
            using var scope = NewDisposeScope();
            var w = Random(seed, 3, 2, k, k);
            var x = Random(seed + 1, 1, 2, (4 * s) + k - (2 * p), (3 * s) + k - (2 * p));
            var forward = nn.functional.conv2d(x, w, strides: [s, s], padding: [p, p]);
            var y = Random(seed + 2, forward.shape);
            var backward = nn.functional.conv_transpose2d(y, w, strides: [s, s], padding: [p, p]);
            Assert.Equal((forward * y).sum().item<double>(), (x * backward).sum().item<double>(), 1e-9);
        },
        iter: 40,
        threads: 1);

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void BilinearStartEqualsBilinearInterpolationInside(int scale)
    {
        using var scope = NewDisposeScope();
        using var layer = Upsamplers.Transposed(2, 2, scale, bilinear: true);
        using (no_grad()) layer.bias!.zero_();
        var x = Random(1, 1, 2, 6, 7).to(ScalarType.Float32);
        var (y, expected) = (layer.call(x), Upsample.Apply(x, scaleFactor: [scale], mode: ResizeMode.Bilinear));
        Assert.Equal(expected.shape, y.shape);
        Tensor Inside(Tensor t) => t.slice(2, scale, t.size(2) - scale, 1).slice(3, scale, t.size(3) - scale, 1);
        Assert.True(Inside(y).allclose(Inside(expected), 1e-5, 1e-6));
    }

    [Fact]
    public void IcnrStartIsNearestNeighbourEnlargement()
    {
        using var scope = NewDisposeScope();
        using var layer = new SubPixelConv2d(3, 2, 3, generator: new Generator(1));
        var y = layer.call(Random(2, 1, 3, 4, 5).to(ScalarType.Float32));
        Assert.True(y.allclose(Upsample.Apply(Upsample.Apply(y, [4, 5], mode: ResizeMode.Area), [12, 15]), 1e-5, 1e-6));
        Assert.Equal(0, Checkerboard.Score(layer.call, 3, 3), 1e-5);
        using var plain = new SubPixelConv2d(3, 2, 3, icnr: false, generator: new Generator(1));
        Assert.True(Checkerboard.Score(plain.call, 3, 3) > 0.05);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void DySampleStartsAsBilinear(int scale)
    {
        using var scope = NewDisposeScope();
        using var layer = new DySample(8, new() { Scale = scale }, new Generator(3));
        using (no_grad()) layer.parameters().First().zero_();
        var x = Random(4, 2, 8, 5, 4).to(ScalarType.Float32);
        Assert.True(layer.call(x).allclose(Upsample.Apply(x, scaleFactor: [scale], mode: ResizeMode.Bilinear), 1e-4, 1e-5));
    }

    [Fact]
    public void CarafeKeepsAConstantInside()
    {
        using var scope = NewDisposeScope();
        using var layer = new Carafe(4, generator: new Generator(1));
        var y = layer.call(ones(1, 4, 8, 8));
        Assert.True(y.slice(2, 4, 12, 1).slice(3, 4, 12, 1).allclose(ones(1, 4, 8, 8), 1e-5, 1e-6));
    }

    [Fact]
    public void OverlapShowsTheCheckerboard()
    {
        Assert.Equal([1, 1, 2, 1, 2, 1, 2, 1, 1], Checkerboard.Overlap(4, 3, 2));
        Assert.Equal([1, 2, 1, 2, 1, 2, 1], Checkerboard.Overlap(4, 3, 2, 1));
        Assert.All(Checkerboard.Overlap(6, 4, 2, 1)[1..^1], c => Assert.Equal(2, c));
        using var scope = NewDisposeScope();
        double Score(long kernel, long padding, long outputPadding)
        {
            using var layer = nn.ConvTranspose2d(1, 1, kernel, stride: 2, padding: padding, output_padding: outputPadding);
            using (no_grad()) layer.weight!.fill_(1);
            return Checkerboard.Score(layer.call, 1);
        }
        Assert.True(Score(3, 1, 1) > 0.5);
        Assert.Equal(0, Score(4, 1, 0), 1e-3);
    }

    [Fact]
    public void BadInputSaysWhatIsWrong()
    {
        using var scope = NewDisposeScope();
        Assert.Contains("both given", Assert.Throws<ArgumentException>(() => new Upsample([4], [2])).Message, StringComparison.Ordinal);
        Assert.Contains("neither", Assert.Throws<ArgumentException>(() => new Upsample()).Message, StringComparison.Ordinal);
        Assert.Contains("alignCorners belongs to", Assert.Throws<ArgumentException>(() => new Upsample([4], alignCorners: true)).Message,
            StringComparison.Ordinal);
        Assert.Contains("antialias belongs to", Assert.Throws<ArgumentException>(() => new Upsample([4], antialias: true)).Message,
            StringComparison.Ordinal);
        Assert.Contains("positive", Assert.Throws<ArgumentException>(() => new Upsample(scaleFactor: [-1])).Message,
            StringComparison.Ordinal);
        Assert.Contains("[N, C, H, W]",
            Assert.Throws<ShapeException>(() => Upsample.Apply(zeros(1, 2, 3), [4], mode: ResizeMode.Bilinear)).Message,
            StringComparison.Ordinal);
        Assert.Throws<ShapeException>(() => PixelShuffle.Apply(zeros(1, 3, 2, 2), 2));
        Assert.Throws<ShapeException>(() => PixelUnshuffle.Apply(zeros(1, 3, 3, 2), 2));
        var (pooled, indices) = IndexedPooling.MaxPool(Random(1, 1, 1, 5, 5), [2]);
        Assert.Contains("strictly between",
            Assert.Throws<ShapeException>(() => IndexedPooling.MaxUnpool(pooled, indices, [2], outputSize: [9, 9])).Message,
            StringComparison.Ordinal);
        Assert.Contains("outside", Assert.Throws<ArgumentException>(() => IndexedPooling.MaxUnpool(pooled, indices + 100, [2])).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new DySample(6));
        Assert.Throws<ArgumentException>(() => new Carafe(6, groups: 4));
        Assert.Throws<ShapeException>(() => UpsamplingInit.Icnr(zeros(3, 1, 1, 1), 2));
    }

    [Fact]
    public void FcnHeadsEnlargeToThePictureAndNeedTheirFeatures()
    {
        using var scope = NewDisposeScope();
        var (f5, f4, f3) = (Random(1, 1, 8, 2, 3).to(ScalarType.Float32), Random(2, 1, 6, 4, 6).to(ScalarType.Float32),
            Random(3, 1, 4, 8, 12).to(ScalarType.Float32));
        foreach (var stride in Enum.GetValues<FcnStride>())
        {
            using var head = new FcnHead(5, stride, 8, 6, 4);
            Assert.Equal([1, 5, 64, 96], head.call(f5, f4, f3).shape);
            if (stride != FcnStride.Stride32) Assert.Throws<ArgumentException>(() => head.call(f5, null, null));
        }
    }

    [Theory]
    [InlineData("transposed")]
    [InlineData("nearest")]
    [InlineData("bilinear")]
    [InlineData("pixel-shuffle")]
    [InlineData("carafe")]
    [InlineData("dysample")]
    public void UNetWithEveryUpsamplerLearns(string kind)
    {
        using var scope = NewDisposeScope();
        using var net = new UNet(1, 1,
            new() { Channels = [8, 16], BlocksPerLevel = 1, Norm = new GroupNormOptions { Groups = 4 }, Upsampler = Upsampler(kind) },
            new Generator(1));
        using var optimizer = optim.SGD(net.parameters(), 0.05);
        var x = Random(1, 2, 1, 9, 11).to(ScalarType.Float32);
        var first = 0.0;
        for (var i = 0; i < 25; i++)
        {
            using var step = NewDisposeScope();
            optimizer.zero_grad();
            var loss = nn.functional.mse_loss(net.call(x), x);
            loss.backward();
            optimizer.step();
            if (i == 0) first = loss.item<float>();
            if (i == 24) Assert.True(loss.item<float>() < 0.6 * first, $"{first} to {loss.item<float>()}");
        }
    }

    private static UpsamplerOptions Upsampler(string name) =>
        (UpsamplerOptions)Cresset.Recipes.BuiltInParts.Catalog.Get("upsampler", name).Create();
}
