using Cresset.Quantization;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

/// <summary>What holds for every quantizer.</summary>
[LeakFree]
public class QuantizerLawTests
{
    public static TheoryData<string> Names => QuantizerFamily.Names;

    private static Tensor Data(int seed, params long[] shape)
    {
        using var generator = new Generator((ulong)seed);
        return randn(shape, generator: generator);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ValuesOfTheIndicesAreTheQuantizedValues(string name)
    {
        using var scope = NewDisposeScope();
        using var quantizer = QuantizerFamily.Make(name);
        for (var i = 0; i < 3; i++) quantizer.call(Data(i, 4, 40, 6)).Dispose();
        quantizer.eval();
        var output = quantizer.call(Data(9, 4, 10, 6));
        Golden.Near(output.Quantized, quantizer.Decode(output.Indices), 1e-5, name);
        var expected = quantizer.CodebookSizes.Count == 1 ? new long[] { 4, 10 } : [4, 10, quantizer.CodebookSizes.Count];
        Assert.Equal(expected, output.Indices.shape);
        Assert.Equal(ScalarType.Int64, output.Indices.dtype);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void AValueQuantizesToItselfWhereCodesAreReadByNearness(string name)
    {
        if (name.StartsWith("residual", StringComparison.Ordinal) || name is "grouped residual" or "Gumbel" or "IBQ" or "projected"
            || name.StartsWith("finite", StringComparison.Ordinal)) return;
        using var scope = NewDisposeScope();
        using var quantizer = QuantizerFamily.Make(name);
        quantizer.call(Data(1, 4, 40, 6)).Dispose();
        quantizer.eval();
        var output = quantizer.call(Data(9, 50, 6));
        Golden.Same(output.Indices, quantizer.call(output.Quantized.detach()).Indices, name);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void MaskedAndNotFiniteVectorsTouchNothing(string name)
    {
        using var scope = NewDisposeScope();
        using Quantizer one = QuantizerFamily.Make(name), two = QuantizerFamily.Make(name), three = QuantizerFamily.Make(name);
        three.NonFinite = NonFinitePolicy.Skip;
        var kept = Data(1, 3, 8, 6);
        var padded = cat([kept, full([3, 2, 6], float.NaN)], 1);
        var mask = cat([ones([3, 8], ScalarType.Bool), zeros([3, 2], ScalarType.Bool)], 1);
        var plain = one.call(kept);
        var masked = two.Quantize(padded, mask);
        var skipped = three.call(padded);
        foreach (var output in new[] { masked, skipped })
        {
            Golden.Same(plain.Indices, output.Indices.narrow(1, 0, 8), "indices");
            Golden.Same(plain.Quantized, output.Quantized.narrow(1, 0, 8), "values");
            Golden.Near(plain.Loss, output.Loss, 1e-6, "loss");
            Assert.True(output.Indices.narrow(1, 8, 2).eq(-1).all().ToBoolean());
            Assert.True(output.Quantized.narrow(1, 8, 2).eq(0).all().ToBoolean());
        }
        Assert.Equal(6, skipped.Statistics.NotFinite);
        Assert.Equal(0, masked.Statistics.NotFinite);
        foreach (var (key, value) in one.state_dict())
        {
            Golden.Same(value, two.state_dict()[key], key);
            Golden.Same(value, three.state_dict()[key], key);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void GradientsReachTheInputAndEveryParameterAndAreFiniteAtZero(string name)
    {
        using var scope = NewDisposeScope();
        using var quantizer = QuantizerFamily.Make(name);
        var input = Data(2, 6, 20, 6);
        using (no_grad()) input[0].zero_();
        input.requires_grad_();
        var output = quantizer.call(input);
        (output.Loss + (output.Quantized * Data(3, 6, 20, 6)).sum()).backward();
        Assert.True(input.grad!.isfinite().all().ToBoolean());
        Assert.True(input.grad.abs().sum().ToDouble() > 0);
        Assert.True(
            input.grad[0].abs().max().ToDouble()
                < (name.Contains("cosine", StringComparison.Ordinal) || name == "binary spherical" ? 1e8 : 1e3));
        foreach (var (key, parameter) in quantizer.named_parameters())
        {
            Assert.True(parameter.grad is not null, key);
            Assert.True(parameter.grad!.isfinite().all().ToBoolean(), key);
        }
        quantizer.zero_grad();
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void TheOrderOfTheVectorsDoesNotMatter(string name)
    {
        using var scope = NewDisposeScope();
        using var quantizer = QuantizerFamily.Make(name);
        quantizer.call(Data(1, 2, 40, 6)).Dispose();
        quantizer.eval();
        var input = Data(5, 60, 6);
        var order = randperm(60, generator: new Generator(3));
        var plain = quantizer.call(input);
        var moved = quantizer.call(input.index_select(0, order));
        Golden.Same(plain.Indices.index_select(0, order), moved.Indices, name);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void SameSeedSameBitsAndTheStateMakesATwin(string name)
    {
        using var scope = NewDisposeScope();
        using Quantizer one = QuantizerFamily.Make(name), two = QuantizerFamily.Make(name), other = QuantizerFamily.Make(name, seed: 2);
        for (var i = 0; i < 3; i++)
        {
            var (a, b) = (one.call(Data(i, 4, 30, 6)), two.call(Data(i, 4, 30, 6)));
            Golden.Same(a.Quantized, b.Quantized, name);
        }
        other.load_state_dict(one.state_dict().ToDictionary(p => p.Key, p => p.Value.clone()));
        var (c, d) = (one.call(Data(7, 4, 30, 6)), other.call(Data(7, 4, 30, 6)));
        Golden.Same(c.Indices, d.Indices, name);
        Golden.Same(c.Quantized, d.Quantized, name);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void MapsAndHalfPrecisionKeepShapeAndType(string name)
    {
        using var scope = NewDisposeScope();
        using var quantizer = QuantizerFamily.Make(name);
        var map = Data(2, 3, 6, 4, 5);
        var output = quantizer.QuantizeMap(map);
        Assert.Equal(map.shape, output.Quantized.shape);
        Assert.Equal([3L, 4, 5], output.Indices.shape[..3]);
        quantizer.eval();
        output = quantizer.QuantizeMap(map);
        Golden.Near(output.Quantized, quantizer.DecodeMap(output.Indices), 1e-5, name);
        var half = quantizer.call(Data(3, 10, 6).to(ScalarType.BFloat16));
        Assert.Equal(ScalarType.BFloat16, half.Quantized.dtype);
        Assert.Equal(ScalarType.Float32, half.Loss.dtype);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void BadInputIsNamedAndChangesNothing(string name)
    {
        using var scope = NewDisposeScope();
        using var quantizer = QuantizerFamily.Make(name);
        quantizer.call(Data(1, 2, 40, 6)).Dispose();
        var before = quantizer.state_dict().ToDictionary(p => p.Key, p => p.Value.clone());
        var bad = Data(2, 4, 5, 6);
        bad[2, 3, 1] = float.NaN;
        Assert.Contains("[2, 3]", Assert.Throws<ArgumentException>(() => quantizer.call(bad)).Message);
        Assert.Contains("width 6", Assert.Throws<ShapeException>(() => quantizer.call(Data(2, 4, 5))).Message);
        Assert.Contains("mask keeps no vector",
            Assert.Throws<ArgumentException>(() => quantizer.Quantize(Data(2, 4, 6), zeros([4], ScalarType.Bool))).Message);
        Assert.Throws<ShapeException>(() => quantizer.Quantize(Data(2, 4, 6), ones([5], ScalarType.Bool)));
        var stages = quantizer.CodebookSizes.Count;
        var indices = zeros(stages == 1 ? [3, 4] : [3, 4, stages], ScalarType.Int64);
        indices.reshape(-1)[5] = quantizer.CodebookSizes[5 % stages];
        var message = Assert.Throws<ArgumentException>(() => quantizer.Decode(indices)).Message;
        Assert.Contains($"Index {quantizer.CodebookSizes[5 % stages]} at position [", message);
        Assert.Throws<ArgumentException>(() => quantizer.Decode(indices.to(ScalarType.Float32)));
        foreach (var (key, value) in quantizer.state_dict()) Golden.Same(before[key], value, key);
        Golden.Same(zeros([2, 6]), quantizer.Decode(full(stages == 1 ? [2] : [2, stages], -1L, dtype: ScalarType.Int64)),
            "none decodes to zero");
    }

    [Fact]
    public void EveryQuantizerIsInTheFamily()
    {
        var made = QuantizerFamily.Names.Select(row => { using var q = QuantizerFamily.Make(row.Data); return q.GetType(); }).ToHashSet();
        var all = typeof(Quantizer).Assembly.GetTypes().Where(t => t.IsSubclassOf(typeof(Quantizer)) && !t.IsAbstract);
        // One over scales takes whole maps; NextScaleQuantizerTests has its laws.
        Assert.DoesNotContain(all, t => !made.Contains(t) && t != typeof(ScaledQuantizer) && t != typeof(NextScaleQuantizer));
    }
}
