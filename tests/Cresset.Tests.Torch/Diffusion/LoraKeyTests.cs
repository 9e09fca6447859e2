using Cresset.Diffusion;
using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Diffusion;

public sealed class LoraKeyTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-lora-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string At(string name) => Path.Combine(_folder, name);

    private static SafetensorsShards Shards() =>
        SafetensorsShards.Open(Reference.PathOf("tiny_sd3/transformer/diffusion_pytorch_model.safetensors.index.json"));

    [Theory]
    [InlineData("lora_unet_", true)]
    [InlineData("diffusion_model.", false)]
    [InlineData("model.diffusion_model.", false)]
    public void EveryLayerOfTheOriginalLayoutIsReached(string prefix, bool kohya)
    {
        // Each matrix of the original layout is changed; what the merged network holds must be that file, converted.
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var shards = Shards();
        using var original = OriginalTransformer.ToOriginal(shards);
        var generator = new Generator(11);
        Dictionary<string, Tensor> adapter = [], changed = [];
        foreach (var (key, entry) in original.Entries)
        {
            changed[key] = original.Read(key).to(float32);
            if (entry.Shape.Count != 2 || !key.EndsWith(".weight", StringComparison.Ordinal)) continue;
            Tensor down = randn([2, entry.Shape[1]], generator: generator), up = randn([entry.Shape[0], 2], generator: generator);
            var layer = key[..^".weight".Length];
            var stem = prefix + (kohya ? layer.Replace('.', '_') : layer);
            adapter[stem + (kohya ? ".lora_down.weight" : ".lora_A.weight")] = down;
            adapter[stem + (kohya ? ".lora_up.weight" : ".lora_B.weight")] = up;
            adapter[stem + ".alpha"] = tensor(3f);
            changed[key] = changed[key] + (up.matmul(down) * (0.5 * 3 / 2));
        }
        SafetensorsWriter.Write(At("lora.safetensors"), adapter);
        SafetensorsWriter.Write(At("changed.safetensors"), changed);
        using var model = Tiny();
        using (var lora = LoraAdapter.Load(At("lora.safetensors"))) lora.Merge(model, 0.5);
        using var file = SafetensorsFile.Open(At("changed.safetensors"));
        using var expected = OriginalTransformer.ToFolder(file);
        foreach (var (key, value) in StateDict.Of(model)) Reference.Close(expected.Read(key), value, 1e-5, key);
    }

    [Theory]
    [InlineData("transformer.{0}.lora_A.weight", "transformer.{0}.lora_B.weight")]
    [InlineData("base_model.model.{0}.lora_A.default.weight", "base_model.model.{0}.lora_B.default.weight")]
    [InlineData("transformer.{0}.lora.down.weight", "transformer.{0}.lora.up.weight")]
    [InlineData("{0}.lora_A.weight", "{0}.lora_B.weight")]
    public void NamesOfTheFolderLayoutAreRead(string a, string b)
    {
        using var scope = NewDisposeScope();
        const string target = "transformer_blocks.1.attn.to_out.0";
        Tensor down = randn([2, 16], generator: new Generator(1)), up = randn([16, 2], generator: new Generator(2));
        string Named(string pattern) => pattern.Replace("{0}", target, StringComparison.Ordinal);
        SafetensorsWriter.Write(At("lora.safetensors"), new Dictionary<string, Tensor> { [Named(a)] = down, [Named(b)] = up });
        using var lora = LoraAdapter.Load(At("lora.safetensors"));
        var pair = Assert.Single(lora.Pairs);
        Assert.Equal((target, 2.0), (pair.Target, pair.Alpha));
        Assert.True(pair.Down.SameAs(down) && pair.Up.SameAs(up));
    }

    [Fact]
    public void AlphaComesFromTheHeader()
    {
        using var scope = NewDisposeScope();
        var tensors = new Dictionary<string, Tensor>();
        foreach (var name in new[] { "transformer_blocks.0.attn.to_q", "transformer_blocks.0.attn.to_k", "transformer_blocks.1.attn.to_k" })
        {
            tensors[$"transformer.{name}.lora_A.weight"] = ones(4, 16);
            tensors[$"transformer.{name}.lora_B.weight"] = ones(16, 4);
        }
        double[] Alphas(string header)
        {
            SafetensorsWriter.Write(At("lora.safetensors"), tensors, new Dictionary<string, string> { ["lora_adapter_metadata"] = header });
            using var lora = LoraAdapter.Load(At("lora.safetensors"));
            return [.. lora.Pairs.OrderBy(p => p.Target, StringComparer.Ordinal).Select(p => p.Alpha)];
        }
        Assert.Equal([8, 8, 8.0], Alphas("""{"transformer.r": 4, "transformer.lora_alpha": 8}"""));
        Assert.Equal([2, 8, 2.0], Alphas("""{"transformer.lora_alpha": 8, "transformer.alpha_pattern": {"attn.to_k": 2}}"""));
        Assert.Equal([16, 16, 16.0], Alphas("""{"transformer.lora_alpha": 8, "transformer.use_rslora": true}"""));
        Assert.Equal([4, 4, 4.0], Alphas("""{"text_encoder.lora_alpha": 8}"""));
        Assert.Contains("not valid JSON", Assert.Throws<InvalidDataException>(() => Alphas("{")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SavedFilesHoldOnlyPairsAndKeepAlpha()
    {
        using var scope = NewDisposeScope();
        LoraPair Pair(string target, int rank, double alpha) =>
            new(target, ones(rank, 16).DetachFromDisposeScope(), ones(16, rank).DetachFromDisposeScope(), alpha);
        using var made = new LoraAdapter("made",
            [Pair("transformer_blocks.0.attn.to_q", 2, 3), Pair("transformer_blocks.0.attn.to_k", 2, 3),
                Pair("transformer_blocks.0.attn.to_v", 4, 1.5)]);
        made.Save(At("lora.safetensors"));
        using (var file = SafetensorsFile.Open(At("lora.safetensors")))
            Assert.All(file.Entries.Keys, k => Assert.Matches(@"^transformer\..+\.lora_[AB]\.weight$", k));
        using var loaded = LoraAdapter.Load(At("lora.safetensors"));
        Assert.Equal(made.Pairs.Select(p => (p.Target, p.Rank, p.Alpha)).Order(),
            loaded.Pairs.Select(p => (p.Target, p.Rank, p.Alpha)).Order());
    }

    private static MmDit Tiny()
    {
        var config = Reference.PathOf("tiny_sd3/transformer/config.json");
        var model = new MmDit(SdConfig.Transformer(ConfigJson.Read(config), config), WeightPlace.Nowhere);
        using var source = Shards();
        WeightLoader.Load(model, source, float32);
        return model;
    }
}
