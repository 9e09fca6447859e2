using Cresset.Diffusion;
using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Diffusion;

public sealed class CheckpointTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-sd3-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string At(string name) => Path.Combine(_folder, name);

    private static SafetensorsShards Shards() =>
        SafetensorsShards.Open(Reference.PathOf("tiny_sd3/transformer/diffusion_pytorch_model.safetensors.index.json"));

    [Fact]
    public void TheFolderOfOneNetworkIsInspected()
    {
        var parts = ModelInspection.Of(Reference.PathOf("tiny_sd3/vae")).Parts.Where(p => p.IsPresent).ToList();
        Assert.Equal("vae", Assert.Single(parts).Name);
        Assert.True(parts[0].IsComplete);
        Assert.Equal("t5", Assert.Single(ModelInspection.Of(Reference.PathOf("tiny_sd3/text_encoder_3")).Parts, p => p.IsPresent).Name);
    }

    [Fact]
    public void OriginalLayoutHasTheReferenceNamesAndShapes()
    {
        // Names and shapes of network b in the original layout are known; a fresh network of its sizes must give the same.
        var section = Reference.Json("mmdit.json").GetProperty("b_qknorm");
        using var scope = NewDisposeScope();
        using var model = new MmDit(SdConfig.Transformer(section.GetProperty("config"), "b"));
        SafetensorsWriter.Write(At("b.safetensors"), StateDict.Of(model));
        using var file = SafetensorsFile.Open(At("b.safetensors"));
        using var original = OriginalTransformer.ToOriginal(file);
        // The listing leaves biases out but for those of none: compare the weights.
        var expected = section.GetProperty("original_layout_shapes").EnumerateObject()
            .ToDictionary(p => p.Name, p => string.Join(",", p.Value.EnumerateArray().Select(x => x.GetInt64())));
        var actual = original.Entries.Where(e => expected.ContainsKey(e.Key))
            .ToDictionary(e => e.Key, e => string.Join(",", e.Value.Shape));
        Assert.Equal(expected.OrderBy(p => p.Key, StringComparer.Ordinal), actual.OrderBy(p => p.Key, StringComparer.Ordinal));
        Assert.DoesNotContain(original.Entries.Keys, k => k.StartsWith("transformer_blocks", StringComparison.Ordinal));
    }

    [Fact]
    public void TransformerThereAndBackIsTheSame()
    {
        using var scope = NewDisposeScope();
        using var folder = Shards();
        using var original = OriginalTransformer.ToOriginal(folder);
        using var back = OriginalTransformer.ToFolder(original);
        Assert.Equal(folder.Entries.Keys.Order(StringComparer.Ordinal), back.Entries.Keys.Order(StringComparer.Ordinal));
        foreach (var key in folder.Entries.Keys) Assert.True(folder.Read(key).SameAs(back.Read(key)), key);
        // The final modulation is stored with its halves swapped.
        var swapped = original.Read("final_layer.adaLN_modulation.1.bias");
        Assert.True(swapped.narrow(0, 0, 16).SameAs(folder.Read("norm_out.linear.bias").narrow(0, 16, 16)));
        var last = original.Read("joint_blocks.2.context_block.adaLN_modulation.1.bias");
        Assert.True(last.narrow(0, 0, 16).SameAs(folder.Read("transformer_blocks.2.norm1_context.linear.bias").narrow(0, 16, 16)));
        Assert.True(original.Read("joint_blocks.1.context_block.adaLN_modulation.1.bias")
            .SameAs(folder.Read("transformer_blocks.1.norm1_context.linear.bias")));
    }

    [Fact]
    public void VaeThereAndBackIsTheSame()
    {
        using var scope = NewDisposeScope();
        using var folder = Reference.Open("tiny_sd3/vae/diffusion_pytorch_model.safetensors");
        using var original = OriginalVae.ToOriginal(folder);
        Assert.Equal([12L, 12, 1, 1], original.Entries["decoder.mid.attn_1.q.weight"].Shape);
        Assert.Contains("encoder.down.1.block.0.nin_shortcut.weight", original.Entries.Keys);
        Assert.Contains("decoder.up.3.upsample.conv.weight", original.Entries.Keys);
        Assert.Contains("encoder.norm_out.weight", original.Entries.Keys);
        using var back = OriginalVae.ToFolder(original);
        Assert.Equal(folder.Entries.Keys.Order(StringComparer.Ordinal), back.Entries.Keys.Order(StringComparer.Ordinal));
        foreach (var key in folder.Entries.Keys) Assert.True(folder.Read(key).SameAs(back.Read(key)), key);
    }

    [Fact]
    public void GgufKeepsValuesWithinItsStep()
    {
        using var scope = NewDisposeScope();
        var generator = new Generator(5);
        SafetensorsWriter.Write(At("w.safetensors"),
            new Dictionary<string, Tensor>
            {
                ["a.weight"] = randn([8, 256], generator: generator),
                ["a.bias"] = randn([8], generator: generator),
                ["odd.weight"] = randn([3, 5], generator: generator)
            });
        using var source = SafetensorsFile.Open(At("w.safetensors"));
        foreach (var (storage, step) in new[] { (GgufStorage.F16, 2e-3), (GgufStorage.Q8_0, 0.02), (GgufStorage.Q4_0, 0.35),
            (GgufStorage.Q4_K, 0.35), (GgufStorage.Q6_K, 0.1) })
        {
            GgufWriter.Write(At("w.gguf"), source, storage);
            using var file = GgufFile.Open(At("w.gguf"));
            Assert.Equal(storage.ToString(), file.TypeOf("a.weight"));
            Assert.Equal("F32", file.TypeOf("a.bias"));
            Reference.Close(source.Read("a.weight"), file.Read("a.weight"), step, storage.ToString());
            Reference.Close(source.Read("a.bias"), file.Read("a.bias"), 0, "bias");
            Assert.Equal([8L, 256], file.Entries["a.weight"].Shape);
        }
        var bytes = File.ReadAllBytes(At("w.gguf"));
        File.WriteAllBytes(At("cut.gguf"), bytes[..^100]);
        Assert.Contains("cut", Assert.Throws<InvalidDataException>(() => GgufFile.Open(At("cut.gguf"))).Message, StringComparison.Ordinal);
        File.WriteAllBytes(At("other.gguf"), new byte[100]);
        Assert.Contains("GGUF", Assert.Throws<InvalidDataException>(() => GgufFile.Open(At("other.gguf"))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Q4KBlocksUnpackAsSpecified()
    {
        // One block: scale 0.5, minimum 0.25, sub-scales and -minima by the packing of 6-bit numbers, nibbles counting.
        var block = new byte[144];
        System.Buffers.Binary.BinaryPrimitives.WriteHalfLittleEndian(block, (Half)0.5f);
        System.Buffers.Binary.BinaryPrimitives.WriteHalfLittleEndian(block.AsSpan(2), (Half)0.25f);
        int[] scales = [1, 2, 3, 63, 17, 33, 48, 5], minima = [0, 4, 8, 60, 20, 40, 63, 16];
        for (var i = 0; i < 4; i++)
        {
            block[4 + i] = (byte)(scales[i] | ((scales[i + 4] >> 4) << 6));
            block[8 + i] = (byte)(minima[i] | ((minima[i + 4] >> 4) << 6));
            block[12 + i] = (byte)((scales[i + 4] & 15) | ((minima[i + 4] & 15) << 4));
        }
        for (var i = 0; i < 128; i++) block[16 + i] = (byte)((i % 16) | ((15 - (i % 16)) << 4));
        var values = new float[256];
        BlockFormat.Of(GgufType.Q4_K)!.Decode(block, values);
        for (var i = 0; i < 256; i++)
        {
            int sub = i / 32, inPair = i % 32, nibble = sub % 2 == 0 ? inPair % 16 : 15 - (inPair % 16);
            Assert.Equal((0.5f * scales[sub] * nibble) - (0.25f * minima[sub]), values[i]);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void LoraMergesUnmergesAndSaves(bool kohya)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = Tiny();
        var generator = new Generator(3);
        string[] targets = ["transformer_blocks.0.attn.to_q", "transformer_blocks.1.attn.to_out.0", "transformer_blocks.0.attn2.to_v",
            "transformer_blocks.1.ff_context.net.0.proj", "transformer_blocks.1.attn.to_add_out"];
        var layers = model.named_modules().Where(m => m.module is Projection).ToDictionary(m => m.name, m => (Projection)m.module);
        var pairs =
            targets.Select(
                t => new LoraPair(t, randn([2, layers[t].Weight.size(1)], generator: generator).DetachFromDisposeScope(),
                    randn([layers[t].Weight.size(0), 2], generator: generator).DetachFromDisposeScope(), 3)).ToList();
        using (var made = new LoraAdapter("made", pairs))
        {
            if (kohya) made.SaveKohya(At("lora.safetensors"));
            else made.Save(At("lora.safetensors"));
        }
        using var lora = LoraAdapter.Load(At("lora.safetensors"));
        Assert.Equal(targets.Order(StringComparer.Ordinal), lora.Pairs.Select(p => p.Target).Order(StringComparer.Ordinal));
        var before = StateDict.Of(model).ToDictionary(p => p.Key, p => p.Value.clone());
        lora.Merge(model, 0.8);
        foreach (var pair in lora.Pairs)
        {
            var expected = before[pair.Target + ".weight"] + (pair.Up.matmul(pair.Down) * (0.8 * 3 / 2));
            Reference.Close(expected, layers[pair.Target].Weight, 1e-6, pair.Target);
        }
        Assert.Throws<InvalidOperationException>(() => lora.Merge(model));
        lora.Unmerge(model);
        foreach (var (key, value) in StateDict.Of(model)) Assert.True(value.SameAs(before[key]), key);
        Assert.Throws<InvalidOperationException>(() => lora.Unmerge(model));
    }

    [Fact]
    public void LoraOfAnotherModelIsRefusedWhole()
    {
        using var scope = NewDisposeScope();
        using var model = Tiny();
        var before = StateDict.Of(model).ToDictionary(p => p.Key, p => p.Value.clone());
        SafetensorsWriter.Write(At("l.safetensors"), new Dictionary<string, Tensor>
        {
            ["transformer.transformer_blocks.0.attn.to_q.lora_A.weight"] = ones(2, 16),
            ["transformer.transformer_blocks.0.attn.to_q.lora_B.weight"] = ones(16, 2),
            ["transformer.transformer_blocks.9.attn.to_q.lora_A.weight"] = ones(2, 16),
            ["transformer.transformer_blocks.9.attn.to_q.lora_B.weight"] = ones(16, 2),
        });
        using var lora = LoraAdapter.Load(At("l.safetensors"));
        Assert.Contains("another model", Assert.Throws<CheckpointException>(() => lora.Merge(model)).Message, StringComparison.Ordinal);
        foreach (var (key, value) in StateDict.Of(model)) Assert.True(value.SameAs(before[key]), key);
        Assert.Contains("autoencoder",
            Assert.Throws<InvalidDataException>(
                () => LoraAdapter.Load(Reference.PathOf("tiny_sd3/vae/diffusion_pytorch_model.safetensors"))).Message,
                StringComparison.Ordinal);
        SafetensorsWriter.Write(At("half.safetensors"),
            new Dictionary<string, Tensor> { ["transformer.transformer_blocks.0.attn.to_q.lora_A.weight"] = ones(2, 16) });
        Assert.Contains("partner", Assert.Throws<InvalidDataException>(() => LoraAdapter.Load(At("half.safetensors"))).Message,
            StringComparison.Ordinal);
    }

    private static MmDit Tiny()
    {
        var config = Reference.PathOf("tiny_sd3/transformer/config.json");
        var model = new MmDit(SdConfig.Transformer(ConfigJson.Read(config), config), WeightPlace.Nowhere);
        using var source = Shards();
        WeightLoader.Load(model, source, ScalarType.Float32);
        return model;
    }
}
