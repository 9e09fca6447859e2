using Cresset.Quantization;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

/// <summary>Quantizers made of others, and those with a learned map, against their formulas written out.</summary>
[LeakFree]
public class CompositeQuantizerTests
{
    private static Tensor Data(int seed, params long[] shape)
    {
        using var generator = new Generator((ulong)seed);
        return randn(shape, generator: generator);
    }

    private static VectorQuantizer Plain(int seed, int size, int width)
    {
        using var generator = new Generator((ulong)seed);
        return new VectorQuantizer(
            new() { Codebook = new() { Size = size, Width = width, Start = CodebookStart.Normal, RestartShare = 0 } }, generator);
    }

    private static Tensor Nearest(Tensor rows, Tensor codes) =>
        (rows.to(ScalarType.Float64).unsqueeze(1) - codes.to(ScalarType.Float64)).square().sum(2).argmin(1);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void HeadsQuantizeTheirParts(bool shared)
    {
        using var scope = NewDisposeScope();
        using var first = Plain(1, 16, 4);
        using var quantizer = shared ? new MultiHeadQuantizer(first, 4)
            : new MultiHeadQuantizer([.. Enumerable.Range(1, 4).Select(i => (Quantizer)Plain(i, 16, 4))]);
        quantizer.eval();
        var input = Data(5, 30, 16);
        var output = quantizer.call(input);
        for (var h = 0; h < 4; h++)
        {
            var codes = ((VectorQuantizer)quantizer.Head(h)).Codebook.Codes;
            var part = input.narrow(1, 4 * h, 4);
            var expected = Nearest(part, codes);
            Golden.Same(expected, output.Indices.select(1, h), $"head {h}");
            Golden.Near(codes.index_select(0, expected), output.Quantized.narrow(1, 4 * h, 4), 1e-6, $"values {h}");
        }
        Golden.Near((input - output.Quantized).square().mean(), output.Loss * 4, 1e-5, "commitment is the mean over all numbers");
    }

    [Fact]
    public void GroupedResidualIsAResidualQuantizerAGroup()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(6);
        var residual = new ResidualQuantizerOptions
        {
            Stages = 2,
            Stage = new VectorQuantizerOptions
            {
                Codebook =
                new() { Size = 8, Width = 4, Start = CodebookStart.Normal, RestartShare = 0 }
            }
        };
        using var quantizer = (MultiHeadQuantizer)new MultiHeadQuantizerOptions { Heads = 2, Head = residual }.Build(generator);
        quantizer.eval();
        var input = Data(7, 25, 8);
        var output = quantizer.call(input);
        for (var g = 0; g < 2; g++)
        {
            var left = input.narrow(1, 4 * g, 4);
            var total = zeros_like(left);
            for (var s = 0; s < 2; s++)
            {
                var codes = ((VectorQuantizer)((ResidualQuantizer)quantizer.Head(g)).Stage(s)).Codebook.Codes;
                var expected = Nearest(left - total, codes);
                Golden.Same(expected, output.Indices.select(1, (2 * g) + s), $"group {g}, stage {s}");
                total = total + codes.index_select(0, expected);
            }
            Golden.Near(total, output.Quantized.narrow(1, 4 * g, 4), 1e-5, $"group {g}");
        }
    }

    [Fact]
    public void SimVQHasItsLossAndTeachesTheMapAlone()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(8);
        using var quantizer = new SimVectorQuantizer(new() { Size = 16, Width = 8 }, generator);
        var input = Data(9, 40, 8).requires_grad_();
        var output = quantizer.call(input);
        var codes = quantizer.Codes();
        Golden.Same(Nearest(input.detach(), codes.detach()), output.Indices, "indices");
        var chosen = codes.index_select(0, output.Indices);
        var expected = nn.functional.mse_loss(chosen, input.detach()) + (0.25 * nn.functional.mse_loss(input, chosen.detach()));
        Golden.Near(expected, output.Loss, 1e-6, "loss");
        var parameter = Assert.Single(quantizer.parameters());
        var (ours, plain) = (autograd.grad([output.Loss], [input, parameter]), autograd.grad([expected], [input, parameter]));
        Golden.Near(plain[0], ours[0], 1e-6, "gradient of the vectors");
        Golden.Near(plain[1], ours[1], 1e-6, "gradient of the map");
    }

    [Fact]
    public void TheJoinedGradientOfValueAndCommitmentIsThatOfTheTwoApart()
    {
        using var scope = NewDisposeScope();
        using var quantizer = Plain(10, 16, 33);
        quantizer.eval();
        var input = Data(11, 5000, 33).requires_grad_();
        var upstream = Data(12, 5000, 33);
        var output = quantizer.call(input);
        var codes = quantizer.Codebook.Codes.index_select(0, output.Indices);
        var commitment = (input.detach() - codes) * (0.25 * 2 / input.numel());
        Golden.Near(upstream + (3 * commitment),
            autograd.grad([(output.Quantized * upstream).sum() + (output.Loss * 3)], [input], retain_graph: true)[0], 1e-6, "both");
        Golden.Near(commitment, autograd.grad([output.Loss], [input], retain_graph: true)[0], 1e-9, "loss alone");
        Golden.Same(upstream, autograd.grad([(output.Quantized * upstream).sum()], [input])[0], "value alone");
    }
}
