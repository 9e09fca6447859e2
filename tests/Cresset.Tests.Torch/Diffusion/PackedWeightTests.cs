using System.Text.Json;
using Cresset.Diffusion;
using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Diffusion;

public sealed class PackedWeightTests : IDisposable
{
    private static readonly JsonElement Blocks = Reference.Json("ggml_blocks.json");

    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-packed-").FullName;

    public static TheoryData<string> Types => [.. Blocks.GetProperty("types").EnumerateObject().Select(t => t.Name)];

    private static int Rows => Blocks.GetProperty("rows").GetInt32();

    private static int Width => Blocks.GetProperty("width").GetInt32();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Types))]
    public void BlocksUnpackAsGgmlUnpacksThem(string name)
    {
        var type = Blocks.GetProperty("types").GetProperty(name);
        var format = BlockFormat.Of((GgufType)type.GetProperty("number").GetInt32())!;
        Assert.Equal(name, format.Name);
        var expected = Floats(type.GetProperty("values"));
        var actual = new float[expected.Length];
        format.Decode(type.GetProperty("bytes").GetBytesFromBase64(), actual);
        for (var i = 0; i < expected.Length; i++)
            Assert.True(expected[i] == actual[i], $"value {i}: {actual[i]:r} instead of {expected[i]:r}");
    }

    [Theory]
    [MemberData(nameof(Types))]
    [LeakFree]
    public void ProductsEqualThoseOfTheUnpackedMatrix(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var type = Blocks.GetProperty("types").GetProperty(name);
        var bytes = tensor(type.GetProperty("bytes").GetBytesFromBase64()).view(Rows, -1);
        using var packed = new PackedWeight(BlockFormat.Of((GgufType)type.GetProperty("number").GetInt32())!, bytes, Width);
        var weight = tensor(Floats(type.GetProperty("values"))).view(Rows, Width);
        using var generator = new Generator(3);
        var bias = randn([Rows], generator: generator);
        // Few rows of input and many take different ways.
        foreach (var count in new[] { 1, 5, 40 })
        {
            var input = randn([2, count, Width], generator: generator);
            Reference.Close(nn.functional.linear(input, weight, bias), packed.Linear(input, bias), 2e-5, $"{count} rows");
        }
        Assert.True(packed.ToTensor(ScalarType.Float32).SameAs(weight));
        Assert.True(packed.Lookup([1, 0, 1]).SameAs(weight.index_select(0, tensor([1L, 0, 1]))));
        using var second = packed.ByRows(t => t.narrow(0, 1, 1));
        Assert.True(second.ToTensor(ScalarType.Float32).SameAs(weight.narrow(0, 1, 1)));
    }

    [Theory]
    [InlineData("Q4_0", GgufStorage.Q4_0)]
    [InlineData("Q8_0", GgufStorage.Q8_0)]
    [InlineData("Q4_K", GgufStorage.Q4_K)]
    [InlineData("Q6_K", GgufStorage.Q6_K)]
    public void WrittenBlocksAreAsCloseAsGgmls(string name, GgufStorage storage)
    {
        using var scope = NewDisposeScope();
        var values = tensor(Floats(Blocks.GetProperty("source"))).view(Rows, Width);
        string plain = Path.Combine(_folder, "w.safetensors"), path = Path.Combine(_folder, "w.gguf");
        SafetensorsWriter.Write(plain, new Dictionary<string, Tensor> { ["a.weight"] = values });
        using var source = SafetensorsFile.Open(plain);
        Assert.Equal(1, GgufWriter.Write(path, source, storage)[name]);
        using var file = GgufFile.Open(path);
        var ggml = tensor(Floats(Blocks.GetProperty("types").GetProperty(name).GetProperty("values"))).view(Rows, Width);
        var written = file.Read("a.weight");
        // Row 1 has an outlier whose block alone decides its error: there 4 bits with a minimum may lose a little more.
        Assert.InRange(Error(written, 0), 0, 1.05 * Error(ggml, 0));
        Assert.InRange(Error(written, 1), 0, 1.5 * Error(ggml, 1));

        double Error(Tensor packed, long row) =>
            ((packed[row] - values[row]).square().sum() / values[row].square().sum()).sqrt().item<float>();
    }

    [Theory]
    [InlineData(GgufStorage.Q4_0, 5.2e5f)]
    [InlineData(GgufStorage.Q8_0, 8.3e6f)]
    [InlineData(GgufStorage.Q4_K, 4.1e6f)]
    [InlineData(GgufStorage.Q6_K, 2.5e8f)]
    public void WhatAScaleCannotHoldIsRefusedBeforeAnythingIsWritten(GgufStorage storage, float most)
    {
        using var scope = NewDisposeScope();
        string plain = Path.Combine(_folder, "w.safetensors"), path = Path.Combine(_folder, "w.gguf");
        foreach (var value in new[] { most, -most, 2 * most, -2 * most, float.NaN, float.PositiveInfinity })
        {
            var weight = linspace(-1, 1, 2 * 512).view(2, 512);
            weight[1, 300] = value;
            SafetensorsWriter.Write(plain, new Dictionary<string, Tensor> { ["a.weight"] = weight });
            using var source = SafetensorsFile.Open(plain);
            if (Math.Abs(value) <= most)
            {
                GgufWriter.Write(path, source, storage);
                using var file = GgufFile.Open(path);
                var read = file.Read("a.weight");
                Assert.True(read.isfinite().all().item<bool>());
                Assert.InRange(read[1, 300].item<float>() / value, 0.9, 1.1);
                File.Delete(path);
                continue;
            }
            var refused = Assert.Throws<NotSupportedException>(() => GgufWriter.Write(path, source, storage)).Message;
            Assert.Contains("a.weight", refused, StringComparison.Ordinal);
            Assert.Contains(float.IsFinite(value) ? "keeps finite numbers" : "NaN or infinity", refused, StringComparison.Ordinal);
            Assert.False(File.Exists(path));
        }
    }

    [Fact]
    public void AWholeTransformerInBlocksGivesWhatItsUnpackedWeightsGive()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var single = Path.Combine(_folder, "single.safetensors");
        ModelConversion.ToSingleFile(Reference.PathOf("tiny_sd3"), single);
        using var source = ModelFiles.OpenFile(single);
        using var generator = new Generator(8);
        foreach (var storage in new[] { GgufStorage.Q8_0, GgufStorage.Q4_0 })
        {
            var path = Path.Combine(_folder, $"{storage}.gguf");
            GgufWriter.Write(path, source, storage);
            using var file = GgufFile.Open(path);
            var folder = SingleFile.Open(file).Transformer!;
            using var packed = new MmDit(ShapeInference.Transformer(folder), WeightPlace.Nowhere);
            using var plain = new MmDit(ShapeInference.Transformer(folder), WeightPlace.Nowhere);
            WeightLoader.Load(packed, folder);
            WeightLoader.Load(plain, folder, ScalarType.Float32);
            packed.ComputeDtype = ScalarType.Float32;
            Tensor x = randn([1, 16, 6, 10], generator: generator), t = full(1, 500f),
                context = randn([1, 20, packed.Options.TextWidth], generator: generator),
                pooled = randn([1, packed.Options.PooledWidth], generator: generator);
            Assert.Contains(packed.modules(), m => m is Projection { IsQuantized: true });
            Assert.DoesNotContain(plain.modules(), m => m is Projection { IsQuantized: true });
            Reference.Close(plain.call(x, t, context, pooled), packed.call(x, t, context, pooled), 1e-4, storage.ToString());
        }
    }

    private static float[] Floats(JsonElement text) =>
        System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(text.GetBytesFromBase64()).ToArray();
}
