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
    [InlineData("hidden_size", "0", "'hidden_size'")]
    [InlineData("num_hidden_layers", null, "'num_hidden_layers'")]
    public void WhatIsNotDoneIsRefusedByName(string key, string? value, string said)
    {
        foreach (var file in Directory.GetFiles(Source("llama"))) File.Copy(file, Path.Combine(_folder, Path.GetFileName(file)));
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(_folder, "config.json")))!.AsObject();
        if (value is null) config.Remove(key);
        else config[key] = JsonNode.Parse(value);
        File.WriteAllText(Path.Combine(_folder, "config.json"), config.ToJsonString());
        Assert.Contains(said, Assert.Throws<InvalidDataException>(() => DecoderFolder.Load(_folder)).Message, StringComparison.Ordinal);
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

    private static string Source(string name) => Path.Combine(Repository.Root, "tests", "References", "language", name);
}
