using System.Text.Json;
using System.Text.Json.Nodes;
using Cresset.Data;
using Xunit;

namespace Cresset.Tests.Torch.Data;

/// <summary>What stands beside a tokenizer.json counts as transformers counts it, or is refused.</summary>
public sealed class TokenizerFolderTests : IDisposable
{
    private const string Text = "a rose";
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-tokenizer-").FullName;
    private readonly BytePairTokenizer _learned = BytePairs.Learn("a rose is a rose", 258);
    private readonly int[] _plain;

    public TokenizerFolderTests() => _plain = _learned.Encode(Text);

    private int Begin => _learned.Count;

    private int End => _learned.Count + 1;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void LlamasClassBeginsWithATokenAndItsFlagsWinOverTheTemplate()
    {
        const string Tokens = """
            "bos_token": {"content": "<s>", "lstrip": false, "normalized": false, "rstrip": false, "single_word": false},
            "eos_token": {"__type": "AddedToken", "content": "</s>"}
            """;
        WriteTokenizer("<s>", "</s>", template: false);
        Assert.Equal([Begin, .. _plain], Prompt($$"""{"tokenizer_class": "LlamaTokenizer", "add_bos_token": true, {{Tokens}}}"""));
        Assert.Equal([Begin, .. _plain, End],
            Prompt($$"""{"tokenizer_class": "LlamaTokenizerFast", "add_bos_token": true, "add_eos_token": true, {{Tokens}}}"""));
        Assert.Equal([Begin, .. _plain, End], Prompt("""{"tokenizer_class": "LlamaTokenizer", "add_eos_token": true}"""));
        Assert.Equal([Begin, .. _plain], Prompt("""{"tokenizer_class": "LlamaTokenizer"}"""));
        Assert.Equal(_plain, Prompt($$"""{"tokenizer_class": "PreTrainedTokenizerFast", {{Tokens}}}"""));
        WriteTokenizer("<s>", "</s>", template: true);
        Assert.Equal(_plain, Prompt($$"""{"add_bos_token": false, {{Tokens}}}"""));
        Assert.Equal([.. _plain, End], Prompt($$"""{"add_eos_token": true, {{Tokens}}}"""));
        // What stands around a prompt is not part of a text to learn from.
        Assert.Equal(_plain, BytePairTokenizer.ReadFolder(_folder).Encode(Text));
    }

    [Fact]
    public void Llama3KeepsItsTemplateAndListsItsTokensTwice()
    {
        WriteTokenizer("<|begin_of_text|>", "<|eot_id|>", template: true);
        var config = $$$"""
            {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>",
             "model_max_length": 131072, "chat_template": "{{ bos_token }}", "clean_up_tokenization_spaces": true,
             "added_tokens_decoder": {"{{{Begin}}}": {"content": "<|begin_of_text|>", "special": true},
                                      "{{{End}}}": {"content": "<|eot_id|>", "special": true} } }
            """;
        Assert.Equal([Begin, .. _plain], Prompt(config));
        // With that list the map of an earlier version is not asked.
        Write("special_tokens_map.json", """{"eos_token": "<|other|>"}""");
        Assert.Equal(End + 1, BytePairTokenizer.ReadFolder(_folder).Count);
    }

    [Fact]
    public void QwensFurtherTokensAreTakenWhole()
    {
        WriteTokenizer("<|endoftext|>", "<|im_end|>", template: false);
        Write("tokenizer_config.json", $$"""
            {"tokenizer_class": "Qwen2Tokenizer", "add_bos_token": false, "bos_token": null, "eos_token": "<|im_end|>",
             "add_prefix_space": false, "pad_token": "<|endoftext|>", "additional_special_tokens": ["<|im_start|>"],
             "model_max_length": 1e30, "added_tokens_decoder": {"{{End + 1}}": {"content": "<|im_start|>", "special": true} } }
            """);
        var tokenizer = BytePairTokenizer.ReadFolder(_folder);
        Assert.Equal([End + 1, .. _plain, End], tokenizer.EncodePrompt("<|im_start|>" + Text + "<|im_end|>"));
        Assert.Equal("<|im_start|>", tokenizer.Decode([End + 1]));
        Assert.True(BytePairTokenizer.Read(Path.Combine(_folder, "tokenizer.json")).Encode("<|im_start|>").Length > 1);
        // The model may have room for more.
        Write("config.json", $$"""{"vocab_size": {{End + 100}}}""");
        Assert.Equal(End + 2, BytePairTokenizer.ReadFolder(_folder).Count);
        Assert.Contains($"0 to {End + 1}", Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.Decode([End + 2])).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Gpt2NeedsNothingBesideItsFile()
    {
        WriteTokenizer("<|endoftext|>", "<|pad|>", template: false);
        Assert.Equal(_plain, BytePairTokenizer.ReadFolder(_folder).EncodePrompt(Text));
        Assert.Equal(_plain, Prompt("""{"model_max_length": 1024, "tokenizer_class": "GPT2Tokenizer"}"""));
        Assert.Equal([Begin, .. _plain], Prompt("""{"add_bos_token": true, "tokenizer_class": "GPT2Tokenizer"}"""));
    }

    [Fact]
    public void TheMapOfAnEarlierVersionHasTheLastWord()
    {
        WriteTokenizer("<s>", "</s>", template: false);
        Write("special_tokens_map.json", """{"bos_token": {"content": "</s>"}, "additional_special_tokens": ["<new>"]}""");
        Write("added_tokens.json", $$"""{"<x>": {{End + 1}}}""");
        Assert.Equal([End, .. _plain], Prompt("""{"add_bos_token": true, "bos_token": "<s>"}"""));
        Assert.Equal([End + 1, End + 2], BytePairTokenizer.ReadFolder(_folder).Encode("<x><new>"));
    }

    [Theory]
    [InlineData("tokenizer_config.json", "{", "damaged")]
    [InlineData("tokenizer_config.json", "[]", "a map")]
    [InlineData("tokenizer_config.json", """{"add_bos_token": "yes"}""", "'add_bos_token' is \"yes\"")]
    [InlineData("tokenizer_config.json", """{"add_bos_token": true}""", "bos_token (add_bos_token), which is not named")]
    [InlineData("tokenizer_config.json", """{"tokenizer_class": "LlamaTokenizer", "bos_token": null}""", "not named")]
    [InlineData("tokenizer_config.json", """{"bos_token": 1}""", "'bos_token' is 1")]
    [InlineData("tokenizer_config.json", """{"add_prefix_space": true}""", "add_prefix_space")]
    [InlineData("tokenizer_config.json", """{"split_special_tokens": true}""", "split_special_tokens")]
    [InlineData("tokenizer_config.json", """{"auto_map": {"AutoTokenizer": ["x.Y", null]}}""", "auto_map")]
    [InlineData("tokenizer_config.json", """{"mask_token": {"content": "<s>", "lstrip": true}}""", "lstrip")]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder": {"0": {"content": "<s>"}}}""", "token 0 is '<s>'")]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder": {"9000": {"content": "<t>"}}}""", "number 9000")]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder": {"x": {"content": "<t>"}}}""", "'x'")]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder": {"1": {}}}""", "'content'")]
    [InlineData("special_tokens_map.json", "nul", "damaged")]
    [InlineData("added_tokens.json", """{"<s>": 2}""", "token 2 is '<s>'")]
    [InlineData("added_tokens.json", """{"<s>": -1}""", "'<s>' is -1")]
    [InlineData("config.json", """{"vocab_size": 100}""", "100 tokens (vocab_size), the tokenizer beside it 260")]
    [InlineData("config.json", """{"vocab_size": "many"}""", "'vocab_size'")]
    [InlineData("tokenizer.json", """{"model": 3}""", "not a tokenizer.json")]
    public void WhatIsDamagedContradictoryOrNotDoneIsRefusedByName(string file, string content, string said)
    {
        WriteTokenizer("<s>", "</s>", template: false);
        Write(file, content);
        var message = Assert.Throws<InvalidDataException>(() => BytePairTokenizer.ReadFolder(_folder)).Message;
        Assert.Contains(said, message, StringComparison.Ordinal);
        Assert.Contains(file, message, StringComparison.Ordinal);
    }

    [Fact]
    public void TokensThatTakeInBlanksAndMissingFilesAreRefused()
    {
        Assert.Contains("tokenizer.json", Assert.Throws<FileNotFoundException>(() => BytePairTokenizer.ReadFolder(_folder)).Message,
            StringComparison.Ordinal);
        WriteTokenizer("<s>", "</s>", template: false);
        var path = Path.Combine(_folder, "tokenizer.json");
        var file = JsonNode.Parse(File.ReadAllText(path))!;
        file["added_tokens"]![0]!["rstrip"] = true;
        File.WriteAllText(path, file.ToJsonString());
        Assert.Contains("<s> has rstrip",
            Assert.Throws<InvalidDataException>(() => BytePairTokenizer.Read(path)).Message, StringComparison.Ordinal);
    }

    private int[] Prompt(string config)
    {
        Write("tokenizer_config.json", config);
        return BytePairTokenizer.ReadFolder(_folder).EncodePrompt(Text);
    }

    private void Write(string name, string content) => File.WriteAllText(Path.Combine(_folder, name), content);

    private void WriteTokenizer(string begin, string end, bool template)
    {
        var vocabulary = _learned.Facts.Vocabulary.Select((t, i) => (t, i)).ToDictionary(p => p.t, p => p.i);
        var post = template
            ? $$$"""
                {"type":"TemplateProcessing","pair":[],
                 "single":[{"SpecialToken":{"id":"{{{begin}}}","type_id":0} },{"Sequence":{"id":"A","type_id":0} }],
                 "special_tokens":{"{{{begin}}}":{"id":"{{{begin}}}","ids":[{{{Begin}}}],"tokens":["{{{begin}}}"]} } }
                """
            : "null";
        Write("tokenizer.json", $$"""
            {"added_tokens":[{"id":{{Begin}},"content":"{{begin}}"},{"id":{{End}},"content":"{{end}}"}],"post_processor":{{post}},
             "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},
             "model":{"type":"BPE","vocab":{{JsonSerializer.Serialize(vocabulary)}},
             "merges":{{JsonSerializer.Serialize(_learned.Facts.Merges)}} } }
            """);
    }
}
