using System.Text.Json;
using Cresset.Diffusion;
using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Diffusion;

/// <summary>LoRA files that change text encoders beside the transformer.</summary>
public sealed class TextLoraTests : IDisposable
{
    private const double Alpha = 3;
    private const int Rank = 2;

    private static readonly (LoraPart Part, string Target)[] Layers =
    [
        (LoraPart.Transformer, "transformer_blocks.0.attn.to_q"),
        (LoraPart.Transformer, "transformer_blocks.1.attn.to_out.0"),
        .. new[] { "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj", "mlp.fc1",
            "mlp.fc2" }.SelectMany(
                n => new[] { (LoraPart.ClipL, "text_model.encoder.layers.0." + n), (LoraPart.ClipG, "text_model.encoder.layers.1." + n) }),
        (LoraPart.ClipG, "text_projection"),
        .. new[] { "layer.0.SelfAttention.q", "layer.0.SelfAttention.k", "layer.0.SelfAttention.v", "layer.0.SelfAttention.o",
            "layer.1.DenseReluDense.wi_0", "layer.1.DenseReluDense.wi_1",
            "layer.1.DenseReluDense.wo" }.Select(n => (LoraPart.T5, "encoder.block.1." + n)),
    ];

    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-text-lora-").FullName;
    private readonly StableDiffusion3 _model = StableDiffusion3.Load(Reference.PathOf("tiny_sd3"));
    private readonly List<Tensor> _pairs = [];

    public void Dispose()
    {
        foreach (var tensor in _pairs) tensor.Dispose();
        _model.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("peft")]
    [InlineData("diffusers")]
    [InlineData("kohya")]
    [InlineData("single file")]
    [InlineData("saved")]
    [InlineData("saved as kohya")]
    public void EveryFamilyOfNamesMergesAndUnmerges(string family)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var lora = LoraAdapter.Load(Write(family));
        Assert.Equal(Layers.Select(l => l.ToString()).Order(StringComparer.Ordinal),
            lora.Pairs.Select(p => (p.Part, p.Target).ToString()).Order(StringComparer.Ordinal));
        Assert.All(lora.Pairs, p => Assert.Equal((Rank, Alpha), (p.Rank, p.Alpha)));
        var before = Weights();
        var scales = new LoraScales(0.5, 0.25, 2, -1);
        lora.Merge(_model, scales);
        for (var i = 0; i < Layers.Length; i++)
        {
            // W + scale * alpha / r * B A
            var (part, target) = Layers[i];
            var expected = before[(part, target + ".weight")]
                + (_pairs[(2 * i) + 1].matmul(_pairs[2 * i]) * (scales.Of(part) * Alpha / Rank));
            Reference.Close(expected, Projections(part)[target].Weight, 2e-6, $"{part} {target}");
        }
        var touched = Layers.Select(l => (l.Part, l.Target + ".weight")).ToHashSet();
        foreach (var (key, value) in Weights()) Assert.True(touched.Contains(key) != value.SameAs(before[key]), key.ToString());
        Assert.Throws<InvalidOperationException>(() => lora.Merge(_model));
        lora.Unmerge(_model);
        foreach (var (key, value) in Weights()) Assert.True(value.SameAs(before[key]), key.ToString());
        Assert.Throws<InvalidOperationException>(() => lora.Unmerge(_model));
    }

    [Fact]
    public void APromptIsReadDifferentlyAndAsBeforeAfterwards()
    {
        using var scope = NewDisposeScope();
        using var lora = LoraAdapter.Load(Write("kohya"));
        using var plain = _model.Text.Encode("a cat", t5Length: 8);
        lora.Merge(_model, new LoraScales(ClipG: 0, T5: 0));
        using var first = _model.Text.Encode("a cat", t5Length: 8);
        lora.Unmerge(_model);
        lora.Merge(_model, new LoraScales(ClipL: 0, ClipG: 0));
        using var third = _model.Text.Encode("a cat", t5Length: 8);
        lora.Unmerge(_model);
        using var after = _model.Text.Encode("a cat", t5Length: 8);
        Assert.True(after.Context.SameAs(plain.Context) && after.Pooled.SameAs(plain.Pooled));
        // CLIP fills the first 77 tokens, T5 those behind.
        Assert.False(first.Context.narrow(1, 0, 77).SameAs(plain.Context.narrow(1, 0, 77)));
        Assert.True(first.Context.narrow(1, 77, 8).SameAs(plain.Context.narrow(1, 77, 8)));
        Assert.True(third.Context.narrow(1, 0, 77).SameAs(plain.Context.narrow(1, 0, 77)));
        Assert.False(third.Context.narrow(1, 77, 8).SameAs(plain.Context.narrow(1, 77, 8)));
    }

    [Fact]
    public void DiffusersReadsTheNamesAsWeDo()
    {
        // text_lora_names.json holds what diffusers' own converter makes of each family's keys.
        using var names = JsonDocument.Parse(File.ReadAllText(Reference.PathOf("text_lora_names.json")));
        foreach (var family in names.RootElement.EnumerateObject())
        {
            using var scope = NewDisposeScope();
            // diffusers speaks of keys inside one text encoder.
            var keys = family.Value.EnumerateObject().ToList();
            SafetensorsWriter.Write(At("names.safetensors"),
                keys.ToDictionary(k => "text_encoder." + k.Name,
                    k => k.Name.Contains("down", StringComparison.Ordinal) || k.Name.Contains("lora_A", StringComparison.Ordinal)
                        ? ones(1, 4) : ones(4, 1)));
            using var lora = LoraAdapter.Load(At("names.safetensors"));
            Assert.Equal(keys.Select(k => k.Value.GetString()!).Where(k => k.EndsWith(".lora_A.weight", StringComparison.Ordinal))
                .Select(k => k[..^".lora_A.weight".Length]).Order(StringComparer.Ordinal),
                lora.Pairs.Select(p => p.Target).Order(StringComparer.Ordinal));
            Assert.All(lora.Pairs, p => Assert.Equal(LoraPart.ClipL, p.Part));
        }
    }

    [Fact]
    public void TheHeaderSpeaksOfEachNetwork()
    {
        using var scope = NewDisposeScope();
        LoraPair Pair(LoraPart part, string target, int rank, double alpha) =>
            new(target, ones(rank, 16).DetachFromDisposeScope(), ones(16, rank).DetachFromDisposeScope(), alpha, part);
        using var made = new LoraAdapter("made",
            [Pair(LoraPart.Transformer, "transformer_blocks.0.attn.to_q", 2, 2),
                Pair(LoraPart.ClipL, "text_model.encoder.layers.0.self_attn.q_proj", 4, 1),
                Pair(LoraPart.ClipL, "text_model.encoder.layers.1.self_attn.q_proj", 4, 1),
                Pair(LoraPart.ClipL, "text_model.encoder.layers.0.mlp.fc1", 2, 5),
                Pair(LoraPart.ClipG, "text_model.encoder.layers.0.mlp.fc1", 3, 3)]);
        made.Save(At("lora.safetensors"));
        using (var file = SafetensorsFile.Open(At("lora.safetensors")))
        {
            using var header = JsonDocument.Parse(file.Metadata["lora_adapter_metadata"]);
            var root = header.RootElement;
            Assert.Equal((2, 2), (root.GetProperty("transformer.r").GetInt32(), root.GetProperty("transformer.lora_alpha").GetInt32()));
            Assert.Equal((4, 1), (root.GetProperty("text_encoder.r").GetInt32(), root.GetProperty("text_encoder.lora_alpha").GetInt32()));
            Assert.Equal(5, root.GetProperty("text_encoder.alpha_pattern").GetProperty("text_model.encoder.layers.0.mlp.fc1").GetInt32());
            Assert.Equal(3, root.GetProperty("text_encoder_2.r").GetInt32());
        }
        using var loaded = LoraAdapter.Load(At("lora.safetensors"));
        Assert.Equal(made.Pairs.Select(p => (p.Part, p.Target, p.Rank, p.Alpha)).Order(),
            loaded.Pairs.Select(p => (p.Part, p.Target, p.Rank, p.Alpha)).Order());
    }

    [Fact]
    public void WhatDoesNotFitIsOneLineAndChangesNothing()
    {
        using var scope = NewDisposeScope();
        var before = Weights();
        using (var lora = LoraAdapter.Load(Write("peft")))
        {
            _model.Text.UseT5(null);
            Refused("changes T5, which this model was loaded without", () => lora.Merge(_model));
            Assert.Throws<ArgumentOutOfRangeException>(() => lora.Merge(_model, new LoraScales(double.NaN, T5: 0)));
            lora.Merge(_model, new LoraScales(T5: 0));
            lora.Unmerge(_model);
        }
        Refused("CLIP-G's text_model.encoder.layers.9.mlp.fc1",
            () => MergeOne("text_encoder_2.text_model.encoder.layers.9.mlp.fc1", 2, 16, 2));
        Refused("CLIP-L's text_model.encoder.layers.0.mlp.fc1: adapter [5, 4]",
            () => MergeOne("text_encoder.text_model.encoder.layers.0.mlp.fc1", 2, 4, 5));
        Refused("merge it into the whole pipeline",
            () => MergeOne("text_encoder.text_model.encoder.layers.0.mlp.fc1", 2, 4, 5, transformerOnly: true));
        foreach (var (key, value) in Weights()) Assert.True(value.SameAs(before[key]), key.ToString());
        foreach (var (name, tensors) in new Dictionary<string, Dictionary<string, Tensor>>
        {
            ["expected [rank, in] and [out, rank]"] =
                new()
                {
                    ["lora_te1_text_projection.lora_down.weight"] = ones(2, 4),
                    ["lora_te1_text_projection.lora_up.weight"] = ones(4, 3)
                },
            ["has no partner"] = new() { ["lora_te3_encoder_block_0_layer_0_SelfAttention_q.lora_down.weight"] = ones(2, 4) },
            ["twice, under two names"] =
                new()
                {
                    ["lora_te1_text_projection.lora_down.weight"] = ones(2, 4),
                    ["lora_te1_text_projection.lora_up.weight"] = ones(4, 2),
                    ["text_encoder.text_projection.lora_A.weight"] = ones(2, 4),
                    ["text_encoder.text_projection.lora_B.weight"] = ones(4, 2)
                },
        })
        {
            SafetensorsWriter.Write(At("bad.safetensors"), tensors);
            var error = Assert.Throws<InvalidDataException>(() => LoraAdapter.Load(At("bad.safetensors")));
            Assert.Contains(name, error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', error.Message);
        }
    }

    [Fact]
    [LeakFree]
    public void LoadingAndRefusingLeaveNothingBehind()
    {
        var path = Write("kohya");
        foreach (var tensor in _pairs) tensor.Dispose();
        _pairs.Clear();
        using (var lora = LoraAdapter.Load(path))
        {
            lora.Merge(_model);
            lora.Unmerge(_model);
        }
        using (var tensors = NewDisposeScope())
            SafetensorsWriter.Write(At("bad.safetensors"),
                new Dictionary<string, Tensor>
                {
                    ["lora_te1_a.lora_down.weight"] = ones(2, 4),
                    ["lora_te1_a.lora_up.weight"] = ones(4, 2),
                    ["lora_te2_b.lora_down.weight"] = ones(2, 4),
                    ["lora_te2_b.lora_up.weight"] = ones(4, 3)
                });
        Assert.Throws<InvalidDataException>(() => LoraAdapter.Load(At("bad.safetensors")));
    }

    private static void Refused(string words, Action merge)
    {
        var error = Assert.Throws<CheckpointException>(merge);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    private void MergeOne(string stem, int rank, int inputs, int outputs, bool transformerOnly = false)
    {
        // A pair that fits comes first: it must not stay behind.
        var good = Projections(LoraPart.ClipL)["text_model.encoder.layers.0.mlp.fc2"].Weight;
        SafetensorsWriter.Write(At("one.safetensors"), new Dictionary<string, Tensor>
        {
            ["text_encoder.text_model.encoder.layers.0.mlp.fc2.lora_A.weight"] = ones(1, good.size(1)),
            ["text_encoder.text_model.encoder.layers.0.mlp.fc2.lora_B.weight"] = ones(good.size(0), 1),
            [stem + ".lora_A.weight"] = ones(rank, inputs),
            [stem + ".lora_B.weight"] = ones(outputs, rank),
        });
        using var lora = LoraAdapter.Load(At("one.safetensors"));
        if (transformerOnly) lora.Merge(_model.Transformer);
        else lora.Merge(_model);
    }

    private string Write(string family)
    {
        var generator = new Generator(21);
        var tensors = new Dictionary<string, Tensor>();
        var made = new List<LoraPair>();
        foreach (var (part, target) in Layers)
        {
            var weight = Projections(part)[target].Weight;
            Tensor down = randn([Rank, weight.size(1)], generator: generator).DetachFromDisposeScope(),
                up = randn([weight.size(0), Rank], generator: generator).DetachFromDisposeScope();
            _pairs.AddRange([down, up]);
            made.Add(new LoraPair(target, down, up, Alpha, part));
            var number = part == LoraPart.ClipL ? "" : part == LoraPart.ClipG ? "_2" : "_3";
            var isText = part != LoraPart.Transformer;
            var (stem, a, b) = family switch
            {
                "peft" => ($"{(isText ? "text_encoder" + number : "transformer")}.{target}", ".lora_A", ".lora_B"),
                "diffusers" =>
                    ($"{(isText ? "text_encoder" + number : "transformer")}.{target}", isText ? ".lora_linear_layer.down" : ".lora.down",
                        isText ? ".lora_linear_layer.up" : ".lora.up"),
                "single file" =>
                    (isText ? $"text_encoders.{(part == LoraPart.ClipL ? "clip_l" : part == LoraPart.ClipG ? "clip_g" : "t5xxl")}"
                        + $".transformer.{target}" : target, ".lora_A", ".lora_B"),
                _ => ((part switch
                {
                    LoraPart.Transformer => "lora_unet_",
                    LoraPart.ClipL => "lora_te1_",
                    LoraPart.ClipG => "lora_te2_",
                    _ => "lora_te3_",
                }) + target.Replace('.', '_'), ".lora_down", ".lora_up"),
            };
            tensors[$"{stem}{a}.weight"] = down;
            tensors[$"{stem}{b}.weight"] = up;
            using var scope = NewDisposeScope();
            tensors[$"{stem}.alpha"] = tensor((float)Alpha).DetachFromDisposeScope();
            _pairs.Add(tensors[$"{stem}.alpha"]);
        }
        var path = At(family + ".safetensors");
        // Not disposed: the pairs are this test's own.
        var adapter = new LoraAdapter("made", made);
        if (family == "saved") adapter.Save(path);
        else if (family == "saved as kohya") adapter.SaveKohya(path);
        else SafetensorsWriter.Write(path, tensors);
        _pairs.RemoveAll(t => t.dim() == 0 && Free(t));
        return path;
    }

    private static bool Free(Tensor tensor)
    {
        tensor.Dispose();
        return true;
    }

    private nn.Module? Network(LoraPart part) => part switch
    {
        LoraPart.Transformer => _model.Transformer,
        LoraPart.ClipL => _model.Text.ClipL,
        LoraPart.ClipG => _model.Text.ClipG,
        _ => _model.Text.T5,
    };

    private Dictionary<string, Projection> Projections(LoraPart part) =>
        Network(part)!.named_modules().Where(m => m.module is Projection).ToDictionary(m => m.name, m => (Projection)m.module);

    private Dictionary<(LoraPart Part, string Key), Tensor> Weights()
        => Enum.GetValues<LoraPart>().Where(p => Network(p) is not null)
            .SelectMany(p => StateDict.Of(Network(p)!).Select(w => (Key: (p, w.Key), Value: w.Value.clone())))
            .ToDictionary(w => w.Key, w => w.Value);

    private string At(string name) => Path.Combine(_folder, name);
}
