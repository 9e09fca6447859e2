using Cresset.Diffusion;
using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Diffusion;

/// <summary>Adapters in the forms that trainers write, against weights merged by hand.</summary>
public sealed class AdapterTests : IDisposable
{
    private const string Target = "transformer_blocks.0.attn.to_q";

    private static readonly string Folder = Reference.PathOf("tiny_sd3");

    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-adapter-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("whole")]
    [InlineData("second in factors")]
    [InlineData("both in factors")]
    public void LoKrIsAKroneckerProduct(string form)
    {
        using var scope = NewDisposeScope();
        using var model = StableDiffusion3.Load(Folder);
        var before = Weight(model, Target).clone();
        long rows = before.size(0), columns = before.size(1);
        var generator = new Generator(3);
        Tensor Draw(params long[] shape) => randn(shape, generator: generator);
        var tensors = new Dictionary<string, Tensor> { [Stem("alpha")] = tensor(3f) };
        Tensor a = Draw(4, 2), b = Draw(rows / 4, columns / 2);
        double scale = 1;
        if (form == "both in factors")
        {
            Tensor x = Draw(4, 2), y = Draw(2, 2);
            (tensors[Stem("lokr_w1_a")], tensors[Stem("lokr_w1_b")]) = (x, y);
            a = x.matmul(y);
        }
        else
        {
            tensors[Stem("lokr_w1")] = a;
        }
        if (form == "whole")
        {
            tensors[Stem("lokr_w2")] = b;
        }
        else
        {
            Tensor x = Draw(rows / 4, 2), y = Draw(2, columns / 2);
            (tensors[Stem("lokr_w2_a")], tensors[Stem("lokr_w2_b")]) = (x, y);
            b = x.matmul(y);
            scale = 1.5;
        }
        using var adapter = Load(tensors);
        Assert.Equal((LoraPart.Transformer, Target, "LoKr"), (adapter.Layers[0].Part, adapter.Layers[0].Target, adapter.Layers[0].Kind));
        adapter.Merge(model, new LoraScales(0.5));
        var expected = before.clone();
        for (long i = 0; i < rows; i++)
        {
            for (long j = 0; j < columns; j++)
                expected[i, j] += 0.5 * scale * a[i / (rows / 4), j / (columns / 2)] * b[i % (rows / 4), j % (columns / 2)];
        }
        Reference.Close(expected, Weight(model, Target), 1e-5, form);
        adapter.Unmerge(model);
        Assert.True(Weight(model, Target).SameAs(before));

        // SimpleTuner's names.
        static string Stem(string field) => "lycoris_transformer_blocks_0_attn_to_q." + field;
    }

    [Fact]
    public void LoHaIsAProductElementByElement()
    {
        using var scope = NewDisposeScope();
        using var model = StableDiffusion3.Load(Folder);
        // Stacked queries, keys and values of the original layout: each gets its rows.
        var parts = new[] { "to_q", "to_k", "to_v" }.Select(n => "transformer_blocks.0.attn." + n).ToList();
        var before = parts.Select(p => Weight(model, p).clone()).ToList();
        long rows = 3 * before[0].size(0), columns = before[0].size(1);
        var generator = new Generator(4);
        Tensor a = randn([rows, 2], generator: generator), b = randn([2, columns], generator: generator),
            c = randn([rows, 2], generator: generator), d = randn([2, columns], generator: generator);
        const string stem = "lora_unet_joint_blocks_0_x_block_attn_qkv.";
        using var adapter = Load(
            new()
            {
                [stem + "hada_w1_a"] = a,
                [stem + "hada_w1_b"] = b,
                [stem + "hada_w2_a"] = c,
                [stem + "hada_w2_b"] = d,
                [stem + "alpha"] = tensor(1f)
            });
        adapter.Merge(model);
        var delta = a.matmul(b).mul(c.matmul(d)).mul(0.5).chunk(3, 0);
        for (var i = 0; i < 3; i++) Reference.Close(before[i] + delta[i], Weight(model, parts[i]), 1e-5, parts[i]);
        var error = Assert.Throws<InvalidDataException>(
            () => Load(
                new()
                {
                    [stem + "hada_w1_a"] = a,
                    [stem + "hada_w1_b"] = b,
                    [stem + "hada_w2_a"] = c.narrow(0, 0, 1).clone(),
                    [stem + "hada_w2_b"] = d
                }));
        Assert.Contains("do not fit together", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(".dora_scale", true)]
    [InlineData(".dora_scale", false)]
    [InlineData(".lora_magnitude_vector", true)]
    [InlineData(".lora_magnitude_vector.default.weight", true)]
    public void DoraGivesRowsOrColumnsTheirLengths(string name, bool byRows)
    {
        using var scope = NewDisposeScope();
        using var model = StableDiffusion3.Load(Folder);
        // A weight that is not square tells rows from columns.
        const string target = "transformer_blocks.0.ff.net.0.proj";
        var before = Weight(model, target).clone();
        long rows = before.size(0), columns = before.size(1);
        var generator = new Generator(5);
        Tensor down = randn([2, columns], generator: generator), up = randn([rows, 2], generator: generator);
        var lengths = byRows ? rand([rows, 1], generator: generator) + 0.5 : rand([1, columns], generator: generator) + 0.5;
        using var adapter = Load(
            new()
            {
                [$"transformer.{target}.lora_A.weight"] = down,
                [$"transformer.{target}.lora_B.weight"] = up,
                [$"transformer.{target}{name}"] = name == ".dora_scale" ? lengths : lengths.flatten()
            });
        Assert.Equal("DoRA", Assert.Single(adapter.Layers).Kind);
        adapter.Merge(model, new LoraScales(0.5));
        var changed = before + up.matmul(down);
        var full = changed * (lengths / changed.square().sum(byRows ? 1 : 0, keepdim: true).sqrt());
        Reference.Close(before + ((full - before) * 0.5), Weight(model, target), 1e-5, "weight");
        // Through a file of our own and back.
        var path = Path.Combine(_folder, "saved.safetensors");
        adapter.Unmerge(model);
        adapter.Save(path);
        using var again = LoraAdapter.Load(path);
        again.Merge(model);
        Reference.Close(full, Weight(model, target), 1e-5, "saved");
    }

    [Fact]
    public void AConvolutionIsChangedAndWhatIsNotKnownIsNamed()
    {
        using var scope = NewDisposeScope();
        using var model = StableDiffusion3.Load(Folder);
        var before = Weight(model, "pos_embed.proj").clone();
        long rows = before.size(0), channels = before.size(1);
        var generator = new Generator(6);
        Tensor down = randn([2, channels, 2, 2], generator: generator), up = randn([rows, 2, 1, 1], generator: generator);
        // kohya's emb_dims beside the words of an OneTrainer bundle.
        using var adapter = Load(
            new()
            {
                ["lora_unet_x_embedder_proj.lora_down.weight"] = down,
                ["lora_unet_x_embedder_proj.lora_up.weight"] = up,
                ["lora_unet_x_embedder_proj.alpha"] = tensor(4f),
                ["bundle_emb.word.clip_l"] = ones(2, 16)
            });
        Assert.Equal(["bundle_emb.word.clip_l"], adapter.LeftOut);
        adapter.Merge(model);
        var delta = up.flatten(1).matmul(down.flatten(1)).mul(2).view(before.shape);
        Reference.Close(before + delta, Weight(model, "pos_embed.proj"), 1e-5, "kernel");
        adapter.Unmerge(model);
        var path = Path.Combine(_folder, "saved.safetensors");
        adapter.SaveKohya(path);
        using (var file = SafetensorsFile.Open(path))
            Assert.Equal([2L, channels, 2, 2], file.Entries["lora_transformer_pos_embed_proj.lora_down.weight"].Shape);
        using var again = LoraAdapter.Load(path);
        again.Merge(model);
        Reference.Close(before + delta, Weight(model, "pos_embed.proj"), 1e-5, "saved");
    }

    [Fact]
    public void OverPackedWeightsNothingIsUnpacked()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var packed = Path.Combine(_folder, "q8.gguf");
        ModelConversion.ToGguf(Folder, packed, GgufStorage.Q8_0);
        LoadOptions load = new()
        {
            VaePath = Path.Combine(Folder, "vae"),
            ClipLPath = Path.Combine(Folder, "text_encoder"),
            ClipLTokenizerPath = Path.Combine(Folder, "tokenizer"),
            Compute = ScalarType.Float32,
        };
        using var small = StableDiffusion3.Load(packed, load);
        using var wide = StableDiffusion3.Load(packed, load with { KeepPacked = false, Dtype = ScalarType.Float32 });
        var target = small.Transformer.named_modules().First(m => m.module is Projection { IsQuantized: true }).name;
        var layer = Layer(small, target);
        var generator = new Generator(7);
        long rows = layer.Weight.size(0), columns = layer.Weight.size(1);
        using var one = Load(
            new()
            {
                [$"transformer.{target}.lora_A.weight"] = randn([2, columns], generator: generator),
                [$"transformer.{target}.lora_B.weight"] = randn([rows, 2], generator: generator)
            }, "one");
        using var two = Load(
            new()
            {
                [$"transformer.{target}.lora_A.weight"] = randn([3, columns], generator: generator),
                [$"transformer.{target}.lora_B.weight"] = randn([rows, 3], generator: generator)
            }, "two");
        var x = randn([5, columns], generator: generator);
        var plain = layer.call(x);
        // Two at once, each with its strength; any of them goes first.
        one.Merge(small, new LoraScales(0.7));
        two.Merge(small, new LoraScales(-0.3));
        one.Merge(wide, new LoraScales(0.7));
        two.Merge(wide, new LoraScales(-0.3));
        Assert.True(layer.IsQuantized);
        Reference.Close(Layer(wide, target).call(x), layer.call(x), 1e-4, "both");
        Assert.Throws<InvalidOperationException>(() => one.Unmerge(wide));
        one.Unmerge(small);
        two.Unmerge(wide);
        one.Unmerge(wide);
        two.Merge(wide, new LoraScales(-0.3));
        Reference.Close(Layer(wide, target).call(x), layer.call(x), 1e-4, "one");
        two.Unmerge(small);
        Assert.True(layer.call(x).SameAs(plain));
        // Magnitudes need the values: that layer alone is unpacked, and packed again afterwards.
        using var dora = Load(
            new()
            {
                [$"transformer.{target}.lora_A.weight"] = zeros(1, columns),
                [$"transformer.{target}.lora_B.weight"] = zeros(rows, 1),
                [$"transformer.{target}.dora_scale"] = ones(rows, 1)
            }, "dora");
        dora.Merge(small);
        Reference.Close(ones(rows), layer.Weight.to(float32).norm(1), 1e-2, "lengths");
        dora.Unmerge(small);
        Assert.True(layer.IsQuantized && layer.call(x).SameAs(plain));
    }

    private LoraAdapter Load(Dictionary<string, Tensor> tensors, string name = "adapter")
    {
        var path = Path.Combine(_folder, name + ".safetensors");
        SafetensorsWriter.Write(path, tensors);
        return LoraAdapter.Load(path);
    }

    private static Projection Layer(StableDiffusion3 model, string target) =>
        (Projection)model.Transformer.named_modules().Single(m => m.name == target).module;

    private static Tensor Weight(StableDiffusion3 model, string target)
        => model.Transformer.named_modules().Single(m => m.name == target).module switch
        {
            Projection p => p.Weight,
            SquareConvolution c => c.Weight,
            var other => throw new InvalidOperationException(other.GetName()),
        };
}
