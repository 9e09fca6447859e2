using Cresset.Numerics;
using Cresset.Quantization;
using CsCheck;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

[LeakFree]
public class FiniteScalarTests
{
    [Theory]
    [InlineData("8x5x5x5", false)]
    [InlineData("8x6x5", false)]
    [InlineData("3x3x3", false)]
    [InlineData("4x4", false)]
    [InlineData("7x5x5x5x5", false)]
    [InlineData("2x3x4", true)]
    [InlineData("8x5x5x5", true)]
    public void CodesIndicesAndGradients(string levels, bool symmetric)
    {
        using var scope = NewDisposeScope();
        using var file = Golden.Open("fsq");
        var name = symmetric ? levels + "_sym" : levels;
        using var quantizer = new FiniteScalarQuantizer(new() { Levels = [.. levels.Split('x').Select(int.Parse)], Symmetric = symmetric });
        var z = file.Read($"{name}.z").requires_grad_();
        var output = quantizer.call(z);
        Golden.Near(file.Read($"{name}.codes"), output.Quantized, 2e-5, "codes");
        Golden.Same(file.Read($"{name}.indices"), output.Indices, "indices");
        Golden.Same(file.Read($"{name}.level_indices"), quantizer.LevelIndices(output.Indices), "level indices");
        Golden.Near(file.Read($"{name}.codes"), quantizer.Decode(output.Indices), 2e-5, "decoded");
        Golden.Near(file.Read($"{name}.grad"), autograd.grad([(output.Quantized * file.Read($"{name}.w")).sum()], [z])[0], 1e-4,
            "gradient");
        if (file.Entries.ContainsKey($"{name}.all_codes"))
        {
            var all = file.Read($"{name}.all_codes");
            Golden.Near(all, quantizer.Decode(arange(all.size(0))), 2e-5, "every code");
        }
    }

    [Fact]
    public void EveryIndexOfACodebookBeyond2ToThe32SurvivesTheRoundTrip()
        => Gen.Long[0, (1L << 60) - 1].Array[50].Sample(
            indices =>
            {
                using var scope = NewDisposeScope();
                // 20 numbers of 8 levels: 2^60 codes; the sum of a float32 index would be off by thousands.
                using var quantizer = new FiniteScalarQuantizer(new() { Levels = [.. Enumerable.Repeat(8, 20)] });
                var all = tensor(indices);
                // The code's own value is the middle of its level, so quantizing the inverse of the bound gives it back.
                var values = quantizer.Decode(all);
                var half = 7 * 1.001 / 2;
                var z = (((values * 4) + 0.5) / half).clamp(-0.99999, 0.99999).to(ScalarType.Float64).atanh() - Math.Atanh(0.5 / half);
                Golden.Same(all, quantizer.call(z).Indices, "round trip");
            },
            iter: 20,
            threads: 1);

    [Fact]
    public void TooManyCodesFor64BitsAreRefusedWithAHint()
    {
        var problem = Assert.Throws<InvalidOptionsException>(
            () => new FiniteScalarQuantizer(new() { Levels = [.. Enumerable.Repeat(8, 21)] }));
        Assert.Contains("2^63", problem.Message);
        Assert.Throws<InvalidOptionsException>(() => new FiniteScalarQuantizer(new() { Levels = [] }));
        Assert.Throws<InvalidOptionsException>(() => new FiniteScalarQuantizer(new() { Levels = [8, 1] }));
    }

    [Fact]
    public void ThePapersSizesAreNearTheirPowersOfTwo()
    {
        foreach (var bits in new[] { 8, 10, 12, 14, 16 })
        {
            using var quantizer = new FiniteScalarQuantizer(FiniteScalarQuantizerOptions.ForBits(bits));
            Assert.InRange(quantizer.BitsPerVector, bits - 0.2, bits + 0.1);
        }
    }
}
