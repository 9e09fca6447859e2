using Cresset.Nn;
using Cresset.Quantization;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

[LeakFree]
public class AutoencoderTests
{
    private static Quantizer Codebook(int width = 8) => new VectorQuantizer(new() { Codebook = new() { Size = 16, Width = width } });

    private static Tensor Data(params long[] shape) => rand(shape, generator: new Generator(3));

    private static Tokenizer Make(string name) => name switch
    {
        "1-D" => new VqVae(new() { Dimensions = 1, Channels = 2, Width = 8, Downsamplings = 3 }, Codebook()),
        "1-D, nearest" =>
            new VqVae(new() { Dimensions = 1, Channels = 2, Width = 8, Downsamplings = 3, Upsampler = new NearestUpsampler() }, Codebook()),
        "two levels" => new VqVae2(new() { Channels = 2, Width = 16 }, Codebook(), Codebook(4)),
        "residual codes" =>
            new VqVae(new() { Channels = 2, Width = 8 },
                new ResidualQuantizer(
                    new() { Stages = 3, Stage = new VectorQuantizerOptions { Codebook = new() { Size = 16, Width = 8 } } })),
        "finite scalar" =>
            new VqVae(new() { Channels = 2, Width = 8, Downsamplings = 1 },
                new ProjectedQuantizer(new FiniteScalarQuantizer(FiniteScalarQuantizerOptions.ForBits(8)), 8)),
        _ => new VqVae(
            new()
            {
                Channels = 2,
                Width = 8,
                Upsampler = (UpsamplerOptions)Cresset.Recipes.BuiltInParts.Catalog.Get("upsampler", name).Create()
            }, Codebook()),
    };

    public static TheoryData<string> Names =>
        ["transposed", "nearest", "bilinear", "pixel-shuffle", "1-D", "1-D, nearest", "two levels", "residual codes", "finite scalar"];

    [Theory]
    [MemberData(nameof(Names))]
    public void CodesAloneRebuildTheDataAndEveryParameterLearns(string name)
    {
        using var scope = NewDisposeScope();
        using var model = Make(name);
        var data = model.SpatialDimensions == 1 ? Data(3, 2, 40) : Data(3, 2, 16, 24);
        var output = model.call(data);
        Assert.Equal(data.shape, output.Reconstruction.shape);
        (nn.functional.mse_loss(output.Reconstruction, data) + output.QuantizerLoss()).backward();
        foreach (var (key, parameter) in model.named_parameters()) Assert.True(parameter.grad is not null, key);
        model.zero_grad();
        model.eval();
        output = model.call(data);
        var codes = model.Encode(data);
        // Nothing goes round the codes: from indices that went through bytes comes the same picture.
        var decoded = model.Decode([.. codes.Select(c => tensor(c.data<long>().ToArray(), c.shape))]);
        Golden.Near(output.Reconstruction, decoded, 1e-5, name);
        for (var level = 0; level < codes.Count; level++)
        {
            Assert.Equal(data.size(2) / model.Strides[level], codes[level].size(1));
        }
        var expected =
            codes.Select(
                (c, level) => c.numel() / 3 * 1.0 * model.Quantizers[level].CodebookSizes.Sum(s => (double)BitPacking.BitsFor(s))
                    / model.Quantizers[level].CodebookSizes.Count).Sum();
        Assert.Equal(expected, model.BitsPerItem(data.numel() / 6));
    }

    [Fact]
    public void TheDefaultHasThePapersLayout()
    {
        using var scope = NewDisposeScope();
        using var model = new VqVae(new(), new VectorQuantizer(new() { Codebook = new() { Size = 256 } }));
        using var generator = new Generator(1);
        var output = model.call(rand([2, 1, 28, 28], generator: generator));
        Assert.Equal([2L, 7, 7], output.Quantization[0].Indices.shape);
        Assert.Equal(392, model.BitsPerItem(784));
        // 1-32, 32-64 (4x4), 64-64 (3x3), two units, 1x1; and the mirror image.
        Assert.Equal(544 + 32832 + 36928 + (2 * (18464 + 2112)) + 4160 + 36928 + (2 * (18464 + 2112)) + 32800 + 513,
            model.parameters().Sum(p => p.numel()));
    }

    [Fact]
    public void SizesThatDoNotDivideAreRefusedWithTheReason()
    {
        using var scope = NewDisposeScope();
        using var model = Make("Nearest");
        Assert.Contains("4 divides", Assert.Throws<ShapeException>(() => model.call(Data(1, 2, 10, 12))).Message);
        Assert.Throws<ShapeException>(() => model.call(Data(1, 3, 12, 12)));
        Assert.Contains("one level", Assert.Throws<ArgumentException>(() => model.Decode([])).Message);
    }

    [Fact]
    public void ADiscriminatorLearnsToTellAndTheAdaptiveWeightBalancesTheGradients()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        using var discriminator = new PatchDiscriminator(1, 8, 2, generator);
        Tensor real = rand([8, 1, 28, 28], generator: generator), fake = zeros(8, 1, 28, 28);
        using var optimizer = optim.Adam(discriminator.parameters(), 2e-3);
        var losses = new List<double>();
        for (var i = 0; i < 15; i++)
        {
            using var inner = NewDisposeScope();
            optimizer.zero_grad();
            var loss = AdversarialLoss.Discriminator(discriminator.call(real), discriminator.call(fake));
            loss.backward();
            optimizer.step();
            losses.Add(loss.ToDouble());
        }
        Assert.Equal(1, losses[0], 0.2);
        Assert.True(losses[^1] < 0.5, $"{losses[^1]}");
        discriminator.zero_grad();
        var weight = ones(3, requires_grad: true);
        var (a, b) = ((weight * 6).sum(), (weight * 2).sum());
        Assert.Equal(3, AdversarialLoss.AdaptiveWeight(a, b, weight).ToDouble(), 1e-3);
        Assert.Equal(-2, AdversarialLoss.Generator(full([4], 2f)).ToDouble(), 1e-6);
    }
}
