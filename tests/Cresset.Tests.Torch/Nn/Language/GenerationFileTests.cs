using Cresset.Nn;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn.Language;

/// <summary>How a published model's folder says that tokens are drawn.</summary>
public sealed class GenerationFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-generation-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void AFileThatDrawsGivesItsSettingsAndTransformersDefaults()
    {
        // LLaMA 3's; 50 of the likeliest are transformers' own default.
        var llama = Choice(
            """{"bos_token_id": 1, "do_sample": true, "eos_token_id": [2, 9], "max_length": 4096, "temperature": 0.6, "top_p": 0.9}""");
        Assert.Equal((0.6, 50, 0.9, 1), (llama.Temperature, llama.TopK, llama.TopP, llama.RepetitionPenalty));
        Assert.Equal([2, 9], llama.Ends);
        // Qwen2's.
        var qwen = Choice("""
            {"do_sample": true, "eos_token_id": 5, "repetition_penalty": 1.05, "temperature": 0.7, "top_p": 0.8, "top_k": 20,
             "num_beams": 1, "bad_words_ids": null, "suppress_tokens": []}
            """);
        Assert.Equal((0.7, 20, 0.8, 1.05), (qwen.Temperature, qwen.TopK, qwen.TopP, qwen.RepetitionPenalty));
        Assert.Equal([5], qwen.Ends);
        Assert.Equal(0, Choice("""{"do_sample": true, "top_k": 0}""").TopK);
    }

    [Fact]
    public void WithoutASayTheLikeliestTokenIsTakenAndTheModelsEndCounts()
    {
        // LLaMA 2's and GPT-2's first files; the end stands in the model's own file.
        var plain = Choice("""{"_from_model_config": true, "temperature": 0.9}""", """{"vocab_size": 13, "eos_token_id": 3}""");
        Assert.Equal(0, plain.Temperature);
        Assert.Equal([3], plain.Ends);
        Assert.Equal([4], Choice("""{"eos_token_id": 4}""", """{"vocab_size": 13, "eos_token_id": 3}""").Ends);
        var bare = Choice(null, """{"vocab_size": 13, "do_sample": true, "top_p": 0.5, "eos_token_id": [1, 2]}""");
        Assert.Equal((1, 0.5), (bare.Temperature, bare.TopP));
        Assert.Equal([1, 2], bare.Ends);
        Assert.Empty(Choice(null).Ends);
    }

    [Theory]
    [InlineData("{", "damaged")]
    [InlineData("[]", "damaged")]
    [InlineData("""{"eos_token_id": 13}""", "eos_token_id is 13")]
    [InlineData("""{"eos_token_id": [2, -1]}""", "eos_token_id is -1")]
    [InlineData("""{"eos_token_id": "</s>"}""", "eos_token_id is \"</s>\"")]
    [InlineData("""{"eos_token_id": [1.5]}""", "eos_token_id is [1.5]")]
    [InlineData("""{"num_beams": 4}""", "num_beams is 4")]
    [InlineData("""{"min_p": 0.05}""", "min_p is 0.05")]
    [InlineData("""{"no_repeat_ngram_size": 3}""", "no_repeat_ngram_size is 3")]
    [InlineData("""{"suppress_tokens": [1]}""", "suppress_tokens is [1]")]
    [InlineData("""{"forced_eos_token_id": 2}""", "forced_eos_token_id is 2")]
    [InlineData("""{"stop_strings": "x"}""", "stop_strings is \"x\"")]
    [InlineData("""{"do_sample": 1}""", "'do_sample'")]
    [InlineData("""{"do_sample": true, "top_p": 1.5}""", "TopP")]
    [InlineData("""{"top_k": -3}""", "'top_k'")]
    [InlineData("""{"repetition_penalty": 0}""", "RepetitionPenalty")]
    public void WhatIsDamagedOrNotDoneIsRefusedByName(string file, string said)
    {
        var message = Assert.Throws<InvalidDataException>(() => Choice(file)).Message;
        Assert.Contains(said, message, StringComparison.Ordinal);
        Assert.Contains("generation_config.json", message, StringComparison.Ordinal);
    }

    [Fact]
    public void AFolderWithoutAModelIsNamed() =>
        Assert.Contains("config.json", Assert.Throws<FileNotFoundException>(() => DecoderFolder.Choice(_folder)).Message,
            StringComparison.Ordinal);

    [Fact]
    public void ATextEndsBeforeItsEnd()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        using var model = DecoderFolder.Load(Source);
        long[] Text(params long[] ends) => [.. new TokenChoice { Ends = ends, Temperature = 0, RepetitionPenalty = 2 }
            .Continue(model, [1, 2], 20, generator)];
        var whole = Text();
        Assert.Equal(20, whole.Length);
        Assert.True(whole.Distinct().Count() > 3);
        // Whichever comes first.
        var (one, two) = (whole[3], whole.First(token => token != whole[3]));
        Assert.Equal(whole[..Array.IndexOf(whole, one)], Text(one));
        Assert.Equal(whole[..Math.Min(Array.IndexOf(whole, one), Array.IndexOf(whole, two))], Text(one, two));
        Assert.Contains("the token 13",
            Assert.Throws<ArgumentException>(() => new TokenChoice { Ends = [13] }.Continue(model, [1], 1, generator)).Message,
            StringComparison.Ordinal);
        Assert.Contains(nameof(TokenChoice.Ends), new TokenChoice { Ends = [-1] }.Validate().Single().ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void WhatWasSaidIsPenalised()
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var generator = new Generator(1);
        using var model = DecoderFolder.Load(Source);
        const double Penalty = 1.7;
        List<long> seen = [1, 2, 3];
        var plain = new TokenChoice { Temperature = 0 }.Continue(model, [.. seen], 12, generator).ToArray();
        var found = new TokenChoice { Temperature = 0, RepetitionPenalty = Penalty }.Continue(model, [.. seen], 12, generator).ToArray();
        for (var step = 0; step < 12; step++)
        {
            var scores = model.call(tensor(seen.ToArray()).unsqueeze(0))[0, -1].to(ScalarType.Float64).data<double>().ToArray();
            foreach (var token in seen.Distinct()) scores[token] = scores[token] < 0 ? scores[token] * Penalty : scores[token] / Penalty;
            seen.Add(Array.IndexOf(scores, scores.Max()));
        }
        Assert.Equal(seen[3..], found);
        Assert.NotEqual(plain, found);
    }

    private static string Source => Path.Combine(Repository.Root, "tests", "References", "language", "llama");

    private TokenChoice Choice(string? file, string model = """{"vocab_size": 13}""")
    {
        File.WriteAllText(Path.Combine(_folder, "config.json"), model);
        var path = Path.Combine(_folder, "generation_config.json");
        if (file is null) File.Delete(path);
        else File.WriteAllText(path, file);
        return DecoderFolder.Choice(_folder);
    }
}
