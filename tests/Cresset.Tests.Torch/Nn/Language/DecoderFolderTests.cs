using System.Text.Json.Nodes;
using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn.Language;

/// <summary>Folders of published layouts score as an independent implementation does (tests/References/language/make.py).</summary>
public sealed class DecoderFolderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-decoder-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("llama")]
    [InlineData("qwen2")]
    [InlineData("qwen3")]
    [InlineData("gpt2")]
    public void ScoresAreThoseOfTheReference(string name)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var model = DecoderFolder.Load(Source(name));
        using var expected = SafetensorsFile.Open(Path.Combine(Source(name), "expected.safetensors"));
        var scores = expected.Read("scores");
        var found = model.call(expected.Read("ids")).to(ScalarType.Float64);
        Assert.True(found.allclose(scores, 1e-4, 1e-4), $"off by {(found - scores).abs().max().ToDouble()}");
    }

    [Theory]
    [InlineData("model_type", "\"mamba\"", "'mamba' is not known")]
    [InlineData("rope_scaling", "{\"rope_type\": \"yarn\", \"factor\": 4}", "'yarn'")]
    [InlineData("hidden_act", "\"gelu\"", "'gelu'")]
    [InlineData("rope_scaling", "\"yarn\"", "'rope_scaling'")]
    [InlineData("rope_parameters", "{\"rope_theta\": 500000, \"rope_type\": \"llama3\", \"factor\": 8}", "'llama3'")]
    [InlineData("rope_parameters", "{\"rope_theta\": 500000, \"partial_rotary_factor\": 0.5}", "partial_rotary_factor")]
    [InlineData("partial_rotary_factor", "0.25", "partial_rotary_factor")]
    [InlineData("hidden_act", "1", "'hidden_act'")]
    [InlineData("hidden_size", "0", "'hidden_size'")]
    [InlineData("num_hidden_layers", null, "'num_hidden_layers'")]
    public void WhatIsNotDoneIsRefusedByName(string key, string? value, string said)
    {
        Copy("llama", key, value);
        Assert.Contains(said, Assert.Throws<InvalidDataException>(() => DecoderFolder.Load(_folder)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("scale_attn_weights", "false")]
    [InlineData("scale_attn_by_inverse_layer_idx", "true")]
    [InlineData("add_cross_attention", "true")]
    public void WhatGpt2DoesOtherwiseIsRefusedByName(string key, string value)
    {
        Copy("gpt2", key, value);
        Assert.Contains(key, Assert.Throws<InvalidDataException>(() => DecoderFolder.Load(_folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnglesStandInEitherPlace()
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        Copy("llama", "rope_theta", "123");
        Tensor Scores()
        {
            using var model = DecoderFolder.Load(_folder);
            return model.call(arange(6, dtype: ScalarType.Int64).unsqueeze(0));
        }
        var before = Scores();
        Copy("llama", "rope_theta", null);
        var usual = Scores();
        Copy("llama", "rope_theta", null, "rope_parameters", "{\"rope_theta\": 123, \"rope_type\": \"default\"}");
        Assert.True(Scores().eq(before).all().item<bool>());
        Assert.False(usual.eq(before).all().item<bool>());
    }

    [Fact]
    public void LayersBeyondTheConfigurationAreNotLeftOut()
    {
        Copy("gpt2", "n_layer", "1");
        Assert.Contains("h.1.", Assert.ThrowsAny<Exception>(() => DecoderFolder.Load(_folder)).Message, StringComparison.Ordinal);
        // Scores of a matrix of their own are not those of the embeddings.
        Copy("gpt2", "tie_word_embeddings", "false");
        Assert.Contains("lm_head.weight", Assert.ThrowsAny<Exception>(() => DecoderFolder.Load(_folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WeightsThatDoNotFitAreNamed()
    {
        Assert.Contains("config.json", Assert.Throws<FileNotFoundException>(() => DecoderFolder.Load(_folder)).Message,
            StringComparison.Ordinal);
        File.Copy(Path.Combine(Source("llama"), "config.json"), Path.Combine(_folder, "config.json"));
        Assert.Contains("model.safetensors", Assert.Throws<FileNotFoundException>(() => DecoderFolder.Load(_folder)).Message,
            StringComparison.Ordinal);
        // Qwen2's biases have no place in LLaMA's layers.
        File.Copy(Path.Combine(Source("qwen2"), "model.safetensors"), Path.Combine(_folder, "model.safetensors"));
        Assert.Contains("q_proj.bias", Assert.ThrowsAny<Exception>(() => DecoderFolder.Load(_folder)).Message, StringComparison.Ordinal);
    }

    private void Copy(string name, string key, string? value, string? other = null, string otherValue = "null")
    {
        foreach (var file in Directory.GetFiles(Source(name)))
            File.Copy(file, Path.Combine(_folder, Path.GetFileName(file)), overwrite: true);
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(_folder, "config.json")))!.AsObject();
        if (value is null) config.Remove(key);
        else config[key] = JsonNode.Parse(value);
        if (other is not null) config[other] = JsonNode.Parse(otherValue);
        File.WriteAllText(Path.Combine(_folder, "config.json"), config.ToJsonString());
    }

    private static string Source(string name) => Path.Combine(Repository.Root, "tests", "References", "language", name);
}
