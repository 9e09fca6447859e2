using System.Text;
using Cresset.Data;
using CsCheck;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Data;

/// <summary>Texts become tokens and blocks, and come back.</summary>
public sealed class TextTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-texts-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void BytePairsJoinTheCommonestNeighbours()
    {
        // "low" five times, "lower" twice: l o is the commonest pair (of equals the one with the smaller numbers), then lo w.
        var tokenizer = BytePairs.Learn("low low low low low lower lower", 259);
        Assert.Equal(["l o", "lo w", "Ġ low"], tokenizer.Facts.Merges);
        Assert.Equal(["low", " low", " low", "e", "r"],
            tokenizer.Encode("low low lower").Select(t => Encoding.UTF8.GetString(tokenizer.Bytes(t))));
    }

    [Fact]
    public void EveryTextComesBackFromBytePairs()
    {
        var tokenizer = BytePairs.Learn(string.Join(' ', Enumerable.Repeat("the cat's 123 hats, the café's chairs", 20)), 320);
        Gen.String.Sample(
            text =>
            {
                // Half of a pair of surrogates is not a character, and UTF-8 has no bytes for it.
                var whole = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
                return tokenizer.Decode(tokenizer.Encode(whole).Select(t => (long)t)) == whole;
            },
            iter: 500);
        var facts = tokenizer.Facts;
        Assert.Equal(tokenizer.Encode("the hats of the cats"), facts.Open().Encode("the hats of the cats"));
    }

    [Fact]
    public void ATokenizerFileIsReadAndOthersAreRefused()
    {
        var learned = BytePairs.Learn(string.Join(' ', Enumerable.Repeat("a rose is a rose", 9)), 270);
        var path = Path.Combine(_folder, "tokenizer.json");
        var vocabulary = learned.Facts.Vocabulary.Select((t, i) => (t, i)).ToDictionary(p => p.t, p => p.i);
        object File(string type, object pre) => new
        {
            added_tokens = new[] { new { id = vocabulary.Count, content = "<|endoftext|>" } },
            pre_tokenizer = pre,
            model = new { type, vocab = vocabulary, merges = learned.Facts.Merges },
        };
        void Write(object content) => System.IO.File.WriteAllText(path, System.Text.Json.JsonSerializer.Serialize(content));
        Write(File("BPE", new { type = "ByteLevel", add_prefix_space = false }));
        var read = BytePairTokenizer.Read(path);
        Assert.Equal(learned.Count + 1, read.Count);
        Assert.Equal(learned.Encode("is a rose red?"), read.Encode("is a rose red?"));
        Assert.Equal("<|endoftext|>", Encoding.UTF8.GetString(read.Bytes(learned.Count)));
        Write(File("Unigram", new { type = "Metaspace" }));
        Assert.Contains("Unigram", Assert.Throws<InvalidDataException>(() => BytePairTokenizer.Read(path)).Message,
            StringComparison.Ordinal);
        Write(File("BPE", new { type = "Whitespace" }));
        Assert.Contains("Whitespace", Assert.Throws<InvalidDataException>(() => BytePairTokenizer.Read(path)).Message,
            StringComparison.Ordinal);
        System.IO.File.WriteAllText(path, "{\"model\":");
        Assert.Throws<InvalidDataException>(() => BytePairTokenizer.Read(path));
    }

    [Fact]
    public void WhatATokenizerFileAsksForIsDoneOrRefused()
    {
        var learned = BytePairs.Learn(string.Join(' ', Enumerable.Repeat("a rose is a rose", 9)), 270);
        var path = Path.Combine(_folder, "tokenizer.json");
        var vocabulary = learned.Facts.Vocabulary.Select((t, i) => (t, i)).ToDictionary(p => p.t, p => p.i);
        vocabulary["Ġarose"] = vocabulary.Count;
        const string Words = @"\\p{N}{1,3}| ?\\p{L}+";
        BytePairTokenizer Read(string pre, string normalizer = "null", string model = "\"ignore_merges\":false")
        {
            File.WriteAllText(path, $$"""
                {"added_tokens":[{"id":{{vocabulary.Count}},"content":"<|end|>"},{"id":{{vocabulary.Count + 1}},"content":"<|end|>!"}],
                 "normalizer":{{normalizer}},"pre_tokenizer":{{pre}},
                 "model":{"type":"BPE",{{model}},"vocab":{{System.Text.Json.JsonSerializer.Serialize(vocabulary)}},
                 "merges":{{System.Text.Json.JsonSerializer.Serialize(learned.Facts.Merges)}} } }
                """);
            return BytePairTokenizer.Read(path);
        }
        string Byte(bool regex) => $"{{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":{(regex ? "true" : "false")}}}";
        string Split(string more = "") =>
            $"{{\"type\":\"Split\",\"pattern\":{{\"Regex\":\"{Words}\"}},\"behavior\":\"Isolated\"{more}}}";
        string Both(params string[] steps) => $"{{\"type\":\"Sequence\",\"pretokenizers\":[{string.Join(',', steps)}]}}";

        // Special tokens are themselves wherever they stand, the longest first, and survive being stored.
        var plain = Read(Byte(regex: true));
        Assert.Equal([.. plain.Encode("a rose"), vocabulary.Count + 1, .. plain.Encode(" is"), vocabulary.Count],
            plain.Encode("a rose<|end|>! is<|end|>"));
        Assert.Equal(plain.Encode("<|end|>"),
            DataFacts.Parse(new DataFacts { Name = "n", Shape = [2], Target = TargetKind.Token, Text = plain.Facts }.ToJson(), "x").Text!
                .Open().Encode("<|end|>"));
        // A word that is a token is one, although no merges lead to it.
        Assert.NotEqual([vocabulary["Ġarose"]], plain.Encode(" arose"));
        Assert.Equal([vocabulary["Ġarose"]], Read(Byte(regex: true), model: "\"ignore_merges\":true").Encode(" arose"));
        // Form C: e and an accent are the letter with it.
        var composed = Read(Byte(regex: true), "{\"type\":\"NFC\"}");
        Assert.Equal(composed.Encode("café"), composed.Encode("cafe\u0301"));
        Assert.NotEqual(plain.Encode("café"), plain.Encode("cafe\u0301"));
        // What no expression matches is not lost, and letters beyond U+FFFF are letters.
        var split = Read(Both(Split(), Byte(regex: false)));
        const string Text = "12 roses… 𝐇𝐞𝐥𝐥𝐨𝟗 😀\n\t!";
        Assert.Equal(Text, split.Decode(split.Encode(Text).Select(t => (long)t)));
        Assert.Equal(["12", " roses", "…", " 𝐇𝐞𝐥𝐥𝐨", "𝟗", " 😀\n\t!"],
            new WordCutter(@"\p{N}{1,3}| ?\p{L}+").Cut(Text));
        // Without an expression a text is one word.
        Assert.Equal([vocabulary["Ġrose"]], Read(Byte(regex: false)).Encode(" rose"));
        foreach (var (said, refused) in new (string, Func<BytePairTokenizer>)[]
        {
            ("several expressions", () => Read(Both(Split(), Split(), Byte(regex: false)))),
            ("use_regex", () => Read(Both(Split(), Byte(regex: true)))),
            ("'Split'", () => Read(Both(Split(",\"invert\":true"), Byte(regex: false)))),
            ("'Lowercase'", () => Read(Byte(regex: true), "{\"type\":\"Lowercase\"}")),
            ("'Replace'", () => Read(Byte(regex: true),
                "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},{\"type\":\"Replace\"}]}")),
            ("dropout", () => Read(Byte(regex: true), model: "\"dropout\":0.1")),
            ("end_of_word_suffix", () => Read(Byte(regex: true), model: "\"end_of_word_suffix\":\"</w>\"")),
        })
        {
            Assert.Contains(said, Assert.Throws<InvalidDataException>(() => refused()).Message, StringComparison.Ordinal);
        }
    }

    /// <summary>A prompt gets what the file's template puts around a text; texts to learn from stay as they are.</summary>
    [Fact]
    public void APromptGetsWhatTheTemplateSays()
    {
        var learned = BytePairs.Learn("a rose is a rose", 258);
        var path = Path.Combine(_folder, "tokenizer.json");
        int begin = learned.Count, end = begin + 1;
        var vocabulary = learned.Facts.Vocabulary.Select((t, i) => (t, i)).ToDictionary(p => p.t, p => p.i);
        BytePairTokenizer Read(string post)
        {
            File.WriteAllText(path, $$"""
                {"added_tokens":[{"id":{{begin}},"content":"<|begin|>"},{"id":{{end}},"content":"<|end|>"}],"post_processor":{{post}},
                 "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},
                 "model":{"type":"BPE","vocab":{{System.Text.Json.JsonSerializer.Serialize(vocabulary)}},
                 "merges":{{System.Text.Json.JsonSerializer.Serialize(learned.Facts.Merges)}} } }
                """);
            return BytePairTokenizer.Read(path);
        }
        string Special(string name) => $"{{\"SpecialToken\":{{\"id\":\"{name}\",\"type_id\":0}}}}";
        string Template(params string[] pieces)
            => $"{{\"type\":\"TemplateProcessing\",\"single\":[{string.Join(',', pieces)}],\"pair\":[],\"special_tokens\":{{"
                + $"\"<|begin|>\":{{\"id\":\"<|begin|>\",\"ids\":[{begin}],\"tokens\":[\"<|begin|>\"]}},"
                + $"\"<|end|>\":{{\"id\":\"<|end|>\",\"ids\":[{end}],\"tokens\":[\"<|end|>\"]}}}}}}";
        const string Text = "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}", Places = "{\"type\":\"ByteLevel\",\"trim_offsets\":true}";
        string Both(params string[] steps) => $"{{\"type\":\"Sequence\",\"processors\":[{string.Join(',', steps)}]}}";

        var plain = learned.Encode("a rose");
        // LLaMA 3's, stored with the model and back.
        var llama = Read(Both(Places, Template(Special("<|begin|>"), Text)));
        Assert.Equal([begin, .. plain], llama.EncodePrompt("a rose"));
        Assert.Equal(plain, llama.Encode("a rose"));
        Assert.Equal([begin, .. plain],
            DataFacts.Parse(new DataFacts { Name = "n", Shape = [2], Target = TargetKind.Token, Text = llama.Facts }.ToJson(), "x").Text!
                .Open().EncodePrompt("a rose"));
        // A prompt that brings the token gets it all the same, as with transformers.
        Assert.Equal([begin, begin, .. plain], llama.EncodePrompt("<|begin|>a rose"));
        Assert.Equal([begin, .. plain, end], Read(Template(Special("<|begin|>"), Text, Special("<|end|>"))).EncodePrompt("a rose"));
        Assert.Equal([begin, .. plain, end],
            Read($"{{\"type\":\"RobertaProcessing\",\"sep\":[\"<|end|>\",{end}],\"cls\":[\"<|begin|>\",{begin}]}}").EncodePrompt("a rose"));
        Assert.Equal(plain, Read(Places).EncodePrompt("a rose"));
        Assert.Equal(plain, Read("null").EncodePrompt("a rose"));
        Assert.Equal(plain, learned.EncodePrompt("a rose"));
        foreach (var (said, post) in new[]
        {
            ("'BertProcessing'", "{\"type\":\"BertProcessing\"}"),
            ("0 times", Template(Special("<|begin|>"))),
            ("2 times", Template(Text, Text)),
            ("not a tokenizer.json", Template(Special("<|other|>"), Text)),
            ($"the vocabulary has 0 to {end}",
                Template(Special("<|end|>"), Text).Replace($"[{end}]", $"[{end + 1}]", StringComparison.Ordinal)),
        })
        {
            Assert.Contains(said, Assert.Throws<InvalidDataException>(() => Read(post)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void CharactersAreNumberedInOrderAndOthersAreNamed()
    {
        var tokenizer = new CharacterTokenizer("b😀a\nab");
        Assert.Equal([1, 0, 3, 2], tokenizer.Encode("a\n😀b"));
        Assert.Equal("a\n😀b", tokenizer.Decode([1, 0, 3, 2]));
        Assert.Contains("'é' (U+00E9)", Assert.Throws<ArgumentException>(() => tokenizer.Encode("é")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void BlocksHoldEachTokenAndTheNext()
    {
        using var scope = NewDisposeScope();
        var tokens = Enumerable.Range(0, 10).ToArray();
        var train = new TextBlocks(tokens, 4, 1, 10);
        Assert.Equal(6, train.Count);
        var batch = train.Prepare(new BatchRequest([0, 5], 0, 0)).ToBatch();
        Assert.Equal([0L, 1, 2, 3, 5, 6, 7, 8], batch.Inputs.data<long>().ToArray());
        Assert.Equal([1L, 2, 3, 4, 6, 7, 8, 9], batch.Targets!.data<long>().ToArray());
        // Each of the nine next tokens once; the last block is short.
        var once = train.Once();
        Assert.Equal(3, once.Count);
        Assert.Equal(Enumerable.Range(1, 9).Select(i => (long)i),
            Enumerable.Range(0, 3).SelectMany(i => once.Prepare(new BatchRequest([i], 0, 0)).ToBatch().Targets!.data<long>().ToArray())
                .Where(t => t >= 0));
    }

    [Fact]
    public void ATextIsDividedByPlaceAndItsFilesAreRead()
    {
        using var whole = new TextData().Open(new DataUse(TargetKind.Token, Context: 64));
        Assert.Equal((1_003_855, 111_539), (((TextBlocks)whole.Train).Length, ((TextBlocks)whole.Validation!).Length));
        Assert.Equal(65, whole.Facts.Text!.Open().Count);
        Assert.Null(whole.Test);
        Assert.Equal(whole.Facts.Text.Open().Encode("To be"), DataFacts.Parse(whole.Facts.ToJson(), "x").Text!.Open().Encode("To be"));

        File.WriteAllText(Path.Combine(_folder, "2.txt"), "second file, with enough words to be cut\r\ninto parts of some length",
            new UTF8Encoding(true));
        File.WriteAllText(Path.Combine(_folder, "1.txt"), "first file: ends without a line end, ünïcode", new UnicodeEncoding());
        File.WriteAllText(Path.Combine(_folder, "left.md"), "another kind");
        File.WriteAllText(Path.Combine(_folder, ".draft.txt"), "not yet to be read");
        using var own = new TextData { Path = _folder, Validation = 0.2, Test = 0.2 }.Open(new DataUse(TargetKind.Token, Context: 8));
        Assert.Contains(own.Notes, n => n.Contains("line ends", StringComparison.Ordinal));
        Assert.Contains(own.Notes, n => n.Contains("1 hidden file (.draft.txt)", StringComparison.Ordinal));
        Assert.Contains(own.Notes, n => n.Contains("1 file that is not a .txt (left.md)", StringComparison.Ordinal));
        var tokenizer = own.Facts.Text!.Open();
        Assert.Equal("first fi", tokenizer.Decode(Inputs(own.Train, 0)));
        Assert.Throws<ArgumentException>(() => tokenizer.Encode("\r"));
        Assert.NotNull(own.Test);
    }

    [Fact]
    public void TextsOfOtherSystemsAreReadAsTheyAre()
    {
        const string Text = "one line\fa page\u2028a line of its own 😀😀😀😀 and some more words";
        // A link back to the folder does not make the text longer.
        Directory.CreateSymbolicLink(Path.Combine(_folder, "loop"), _folder);
        File.WriteAllText(Path.Combine(_folder, "A.TXT"), Text + "\r\nend\rend", new UTF32Encoding(false, byteOrderMark: true));
        using var data = new TextData { Path = _folder, Validation = 0 }.Open(new DataUse(TargetKind.Token, Context: 8));
        var blocks = (TextBlocks)data.Train;
        var whole = Text + "\nend\nend";
        Assert.Equal(whole.EnumerateRunes().Count(), blocks.Length);
        Assert.Equal(blocks.Length, blocks.Characters);
        var tokenizer = data.Facts.Text!.Open();
        Assert.Equal(whole, tokenizer.Decode(tokenizer.Encode(whole).Select(t => (long)t)));
        Assert.Contains('\f', data.Facts.Text.Characters);
        Assert.Contains('\u2028', data.Facts.Text.Characters);
    }

    [Theory]
    [InlineData("latin.txt", "byte 3")]
    [InlineData("utf16.txt", "U+0000")]
    [InlineData("empty.txt", "empty")]
    [InlineData("short.txt", "longer text")]
    [InlineData("none.txt", "no such file")]
    public void WhatIsNoTextIsRefusedWithItsPlace(string name, string said)
    {
        File.WriteAllBytes(Path.Combine(_folder, "latin.txt"), [(byte)'c', (byte)'a', (byte)'f', 0xE9, (byte)'s']);
        File.WriteAllBytes(Path.Combine(_folder, "utf16.txt"),
            new UnicodeEncoding(false, byteOrderMark: false).GetBytes("without its mark"));
        File.WriteAllBytes(Path.Combine(_folder, "empty.txt"), []);
        File.WriteAllText(Path.Combine(_folder, "short.txt"), "too short");
        var error = Record.Exception(
            () => new TextData { Path = Path.Combine(_folder, name) }.Open(new DataUse(TargetKind.Token, Context: 64)));
        Assert.True(error is InvalidDataException or FileNotFoundException, error?.ToString());
        Assert.Contains(said, error!.Message, StringComparison.Ordinal);
        Assert.Contains("learns from pictures",
            Assert.Throws<InvalidDataException>(() => new TextData().Open(new DataUse(TargetKind.Class))).Message,
            StringComparison.Ordinal);
    }

    private static IEnumerable<long> Inputs(IDataset data, int index) =>
        data.Prepare(new BatchRequest([index], 0, 0)).ToBatch().Inputs.data<long>().ToArray();
}
