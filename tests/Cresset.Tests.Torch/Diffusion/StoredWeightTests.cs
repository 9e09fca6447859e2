using System.Runtime.InteropServices;
using System.Text.Json;
using Cresset.Diffusion;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Diffusion;

/// <summary>Files that keep the meaning of a weight beside it, in the layouts of public releases.</summary>
public sealed class StoredWeightTests : IDisposable
{
    private static readonly string Folder = Reference.PathOf("tiny_sd3");

    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-stored-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(".scale_weight", "")]
    [InlineData(".weight_scale", "")]
    [InlineData(".scale_weight", "text_encoders.t5xxl.transformer.")]
    public void ScaledFloat8OfT5MeansTheNumberTimesItsScale(string ending, string prefix)
    {
        using var scope = NewDisposeScope();
        using var source = SafetensorsFile.Open(Path.Combine(Folder, "text_encoder_3", "model.safetensors"));
        var (scaled, plain) = Scaled(source,
            k => k is "shared.weight" or "encoder.embed_tokens.weight" || k.Contains("SelfAttention.q", StringComparison.Ordinal)
                || k.Contains("DenseReluDense", StringComparison.Ordinal), ending, prefix);
        using var a = StableDiffusion3.Load(Folder, new LoadOptions { T5Path = scaled, Compute = ScalarType.Float32 });
        using var b = StableDiffusion3.Load(Folder, new LoadOptions { T5Path = plain });
        using var actual = a.Text.Encode("a photo of a cat", t5Length: 32);
        using var expected = b.Text.Encode("a photo of a cat", t5Length: 32);
        Reference.Close(expected.Context, actual.Context, 1e-4, "context");
        Assert.Empty(a.Notes);
    }

    [Theory]
    [InlineData(".weight_scaler")]
    [InlineData(".qscale")]
    [InlineData(".weight.scale")]
    public void Float8BesideAScaleOfAnUnknownNameIsRefused(string ending)
    {
        using var scope = NewDisposeScope();
        using var source = SafetensorsFile.Open(Path.Combine(Folder, "text_encoder_3", "model.safetensors"));
        var (scaled, _) = Scaled(source, k => k.Contains("SelfAttention.q", StringComparison.Ordinal), ending, "");
        var error = Assert.Throws<InvalidDataException>(() => StableDiffusion3.Load(Folder, new LoadOptions { T5Path = scaled }));
        Assert.Contains("it may be its scale", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"shift\":\"3.0\"}", "shift")]
    [InlineData("{\"shift\":true}", "shift")]
    [InlineData("{\"use_dynamic_shifting\":\"true\"}", "use_dynamic_shifting")]
    [InlineData("{\"num_train_timesteps\":1000.5}", "num_train_timesteps")]
    [InlineData("{\"invert_sigmas\":true}", "invert_sigmas")]
    public void AFieldOfAConfigurationInAnotherFormIsNamed(string json, string field)
    {
        using var document = JsonDocument.Parse(json);
        Assert.Contains(field, Assert.Throws<InvalidDataException>(() => SchedulerConfig.Schedule(document.RootElement, "s")).Message,
            StringComparison.Ordinal);
        using var empty = JsonDocument.Parse("{\"shift\":null,\"use_dynamic_shifting\":null}");
        Assert.Equal(1, SchedulerConfig.Schedule(empty.RootElement, "s").Shift);
    }

    [Fact]
    public void ScaledFloat8OfTheTransformerMeansTheNumberTimesItsScale()
    {
        using var scope = NewDisposeScope();
        var single = Path.Combine(_folder, "single.safetensors");
        ModelConversion.ToSingleFile(Folder, single);
        using var source = SafetensorsFile.Open(single);
        var (scaled, plain) = Scaled(source,
            k => k.Contains("joint_blocks", StringComparison.Ordinal) && source.Entries[k].Shape.Count == 2, ".scale_weight", "",
            "model.diffusion_model.scaled_fp8");
        var options = new GenerationOptions { Width = 80, Height = 48, Steps = 2, T5Length = 32, Seed = 5 };
        var load = new LoadOptions
        {
            ClipLTokenizerPath = Path.Combine(Folder, "tokenizer"),
            ClipGTokenizerPath = Path.Combine(Folder, "tokenizer_2"),
            SkipT5 = true,
            Compute = ScalarType.Float32
        };
        using var a = StableDiffusion3.Load(scaled, load);
        using var b = StableDiffusion3.Load(plain, load);
        using var actual = a.Generate("a cat", null, options, latentsOnly: true);
        using var expected = b.Generate("a cat", null, options, latentsOnly: true);
        Reference.Close(expected.Latents, actual.Latents, 1e-3, "latents");
        Assert.Empty(a.Notes);
        Assert.Contains("F8_E4M3 scaled", ModelInspection.Of(scaled).Parts[0].Stored, StringComparison.Ordinal);
    }

    [Fact]
    public void LlamasNamesOfT5AreKnown()
    {
        using var scope = NewDisposeScope();
        using var source = SafetensorsFile.Open(Path.Combine(Folder, "text_encoder_3", "model.safetensors"));
        var names = new Dictionary<string, string>
        {
            ["layer.0.SelfAttention.q"] = "attn_q",
            ["layer.0.SelfAttention.k"] = "attn_k",
            ["layer.0.SelfAttention.v"] = "attn_v",
            ["layer.0.SelfAttention.o"] = "attn_o",
            ["layer.0.SelfAttention.relative_attention_bias"] = "attn_rel_b",
            ["layer.0.layer_norm"] = "attn_norm",
            ["layer.1.DenseReluDense.wi_0"] = "ffn_gate",
            ["layer.1.DenseReluDense.wi_1"] = "ffn_up",
            ["layer.1.DenseReluDense.wo"] = "ffn_down",
            ["layer.1.layer_norm"] = "ffn_norm",
        };
        using var renamed = new VirtualSource("t5");
        foreach (var key in source.Entries.Keys)
        {
            if (key == "encoder.embed_tokens.weight" && source.Entries.ContainsKey("shared.weight")) continue;
            var name = key is "shared.weight" or "encoder.embed_tokens.weight" ? "token_embd.weight"
                : key == "encoder.final_layer_norm.weight" ? "enc.output_norm.weight" : key;
            foreach (var (long_, short_) in names) name = name.Replace("." + long_ + ".", "." + short_ + ".", StringComparison.Ordinal);
            renamed.Add(name.Replace("encoder.block.", "enc.blk.", StringComparison.Ordinal), source, key);
        }
        var path = Path.Combine(_folder, "t5.gguf");
        GgufWriter.Write(path, renamed, GgufStorage.F16);
        using var a = StableDiffusion3.Load(Folder, new LoadOptions { T5Path = path });
        using var b = StableDiffusion3.Load(Folder);
        using var actual = a.Text.Encode("a photo of a cat", t5Length: 32);
        using var expected = b.Text.Encode("a photo of a cat", t5Length: 32);
        Reference.Close(expected.Context, actual.Context, 1e-4, "context");
        Assert.Empty(a.Notes);
    }

    [Fact]
    public void KeysThatNothingUsesAreReported()
    {
        using var scope = NewDisposeScope();
        using var source = SafetensorsFile.Open(Path.Combine(Folder, "text_encoder_3", "model.safetensors"));
        var tensors = source.Entries.Keys.ToDictionary(k => k, source.Read);
        tensors["encoder.block.0.layer.0.SelfAttention.q.strange_scale"] = ones(1);
        var path = Path.Combine(_folder, "t5.safetensors");
        SafetensorsWriter.Write(path, tensors);
        var heard = new List<string>();
        using var model = StableDiffusion3.Load(Folder, new LoadOptions { T5Path = path }, new Heard(heard));
        Assert.Contains("strange_scale", Assert.Single(model.Notes), StringComparison.Ordinal);
        Assert.Contains(heard, h => h.Contains("strange_scale", StringComparison.Ordinal));
    }

    // The file with chosen matrices replaced by 8-bit floats with a scale, and the same in single precision.
    private (string Scaled, string Plain) Scaled(SafetensorsFile source, Func<string, bool> choose, string ending, string prefix,
        string mark = "scaled_fp8")
    {
        var random = new Random(4);
        var scaled =
            new Dictionary<string, (string Dtype, IReadOnlyList<long> Shape, byte[] Bytes)> { [prefix + mark] = ("F8_E4M3", [0], []) };
        var plain = new Dictionary<string, Tensor>();
        foreach (var (key, entry) in source.Entries)
        {
            var value = source.Read(key).to(ScalarType.Float32);
            if (choose(key) && key.EndsWith(".weight", StringComparison.Ordinal))
            {
                // All codes but the two that are not numbers.
                var codes = new byte[entry.Count];
                for (var i = 0; i < codes.Length; i++) codes[i] = (byte)((random.Next(2) << 7) | random.Next(127));
                const float Scale = 0.0005f;
                value = tensor(codes.Select(c => Number(c) * Scale).ToArray()).view([.. entry.Shape]);
                scaled[prefix + key] = ("F8_E4M3", entry.Shape, codes);
                scaled[prefix + key[..^".weight".Length] + ending] = ("F32", [], BitConverter.GetBytes(Scale));
            }
            else
            {
                scaled[prefix + key] = ("F32", entry.Shape,
                    MemoryMarshal.AsBytes(value.contiguous().data<float>().ToArray().AsSpan()).ToArray());
            }
            plain[prefix + key] = value;
        }
        string a = Path.Combine(_folder, "scaled.safetensors"), b = Path.Combine(_folder, "plain.safetensors");
        Write(a, scaled);
        SafetensorsWriter.Write(b, plain);
        return (a, b);
    }

    private static float Number(byte code)
    {
        int exponent = (code >> 3) & 15, mantissa = code & 7;
        var magnitude = exponent == 0 ? mantissa / 512.0 : Math.Pow(2, exponent - 7) * (1 + (mantissa / 8.0));
        return (float)((code & 128) == 0 ? magnitude : -magnitude);
    }

    private static void Write(string path, Dictionary<string, (string Dtype, IReadOnlyList<long> Shape, byte[] Bytes)> tensors)
    {
        long at = 0;
        var header = tensors.ToDictionary(t => t.Key, t =>
        {
            var from = at;
            at += t.Value.Bytes.Length;
            return new { dtype = t.Value.Dtype, shape = t.Value.Shape, data_offsets = new[] { from, at } };
        });
        var json = JsonSerializer.SerializeToUtf8Bytes(header);
        using var stream = File.Create(path);
        stream.Write(BitConverter.GetBytes((ulong)json.Length));
        stream.Write(json);
        foreach (var (_, item) in tensors) stream.Write(item.Bytes);
    }

    private sealed class Heard(List<string> into) : IProgress<string>
    {
        public void Report(string value) => into.Add(value);
    }
}
