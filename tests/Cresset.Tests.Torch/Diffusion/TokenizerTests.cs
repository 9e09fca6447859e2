using System.Text.Json;
using Cresset.Diffusion;
using Xunit;

namespace Cresset.Tests.Torch.Diffusion;

public sealed class TokenizerTests
{
    private static JsonElement Read(string name) =>
        JsonDocument.Parse(File.ReadAllText(Repository.Reference("diffusion/" + name))).RootElement;

    private static int[] Ids(JsonElement element) => [.. element.EnumerateArray().Select(x => x.GetInt32())];

    [Theory]
    [InlineData(ClipTextCleaning.Repair)]
    [InlineData(ClipTextCleaning.Basic)]
    public void ClipIdsEqualTheReference(ClipTextCleaning cleaning)
    {
        var tokenizer = ClipTokenizer.Standard(cleaning: cleaning);
        var wrong = new List<string>();
        foreach (var entry in Read("tokenizer_clip.json").GetProperty("cases").EnumerateArray())
        {
            var column = cleaning == ClipTextCleaning.Basic && entry.TryGetProperty("hf_clip_without_ftfy", out var other) ? other
                : entry.GetProperty("openai_clip_ftfy");
            var text = entry.GetProperty("text").GetString()!;
            var actual = tokenizer.Encode(text);
            if (!Ids(column).SequenceEqual(actual))
                wrong.Add($"{text}: {string.Join(' ', actual)} instead of {string.Join(' ', Ids(column))}");
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ClipIsReadFromTokenizerJsonAlone(bool asPairs)
    {
        var from = Reference.PathOf("tiny_sd3/tokenizer_2");
        var folder = Directory.CreateTempSubdirectory("cresset-clip-").FullName;
        try
        {
            var merges = File.ReadAllLines(Path.Combine(from, "merges.txt"))
                .Where(l => l.Length > 0 && !l.StartsWith("#version", StringComparison.Ordinal)).ToList();
            var model = new
            {
                type = "BPE",
                vocab = JsonSerializer.Deserialize<Dictionary<string, int>>(File.ReadAllText(Path.Combine(from, "vocab.json"))),
                merges = asPairs ? (object)merges.Select(m => m.Split(' ')) : merges
            };
            File.WriteAllText(Path.Combine(folder, "tokenizer.json"), JsonSerializer.Serialize(new { version = "1.0", model }));
            File.Copy(Path.Combine(from, "tokenizer_config.json"), Path.Combine(folder, "tokenizer_config.json"));
            ClipTokenizer expected = ClipTokenizer.FromFolder(from), actual = ClipTokenizer.FromFolder(folder);
            Assert.Equal((expected.Count, expected.PadId, expected.EndId), (actual.Count, actual.PadId, actual.EndId));
            foreach (var text in new[] { "a photo of a cat", "Größe: 12!" })
                Assert.Equal(expected.EncodePadded(text, out _), actual.EncodePadded(text, out _));
            File.WriteAllText(Path.Combine(folder, "tokenizer.json"), "{\"model\": {}}");
            Assert.Throws<InvalidDataException>(() => ClipTokenizer.FromFolder(folder));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void ClipPadsAndCuts()
    {
        var reference = Read("tokenizer_clip.json");
        Assert.Equal(49408, ClipTokenizer.Standard().Count);
        Assert.Equal(Ids(reference.GetProperty("padded77.clip_l.a photo of a cat")),
            ClipTokenizer.Standard().EncodePadded("a photo of a cat", out var dropped));
        Assert.Equal(0, dropped);
        Assert.Equal(Ids(reference.GetProperty("padded77.clip_g.a photo of a cat")),
            ClipTokenizer.Standard(padWithZero: true).EncodePadded("a photo of a cat", out _));
        var text = string.Join(' ', Enumerable.Repeat("word", 75)) + " last two";
        Assert.Equal(Ids(reference.GetProperty("truncated77.[word x75, last two]")),
            ClipTokenizer.Standard().EncodePadded(text, out dropped));
        Assert.Equal(2, dropped);
    }

    // transformers' CLIPTokenizer with pad_token "!": PreTrainedTokenizer cuts the prompt at special tokens first, and "!" is one.
    [Theory]
    [InlineData("hello!", new[] { "hello", "!" })]
    [InlineData("!!", new[] { "!", "!" })]
    [InlineData("wow ! great", new[] { "wow", "!", "great" })]
    [InlineData("a!b", new[] { "a", "!", "b" })]
    [InlineData("  Hello World!  ", new[] { "hello world", "!" })]
    [InlineData(" ! ", new[] { "!" })]
    [InlineData("!?", new[] { "!", "?" })]
    [InlineData("?!", new[] { "?", "!" })]
    [InlineData("it!'s", new[] { "it", "!", "'s" })]
    [InlineData("don't stop", new[] { "don't stop" })]
    [InlineData("", new string[0])]
    public void TheExclamationMarkIsClipGsPadding(string text, string[] pieces)
    {
        ClipTokenizer small = ClipTokenizer.Standard(), big = ClipTokenizer.Standard(padWithZero: true);
        // Ids of the pieces between are those of CLIP-L, which equal the reference's.
        var expected = pieces.SelectMany(p => p == "!" ? [0] : small.Encode(p)[1..^1]).Prepend(49406).Append(49407).ToList();
        Assert.Equal(expected, big.Encode(text));
        var padded = big.EncodePadded(text, out _);
        Assert.Equal([.. expected, .. Enumerable.Repeat(0, 77 - expected.Count)], padded);
    }

    [Fact]
    public void TheExclamationMarkIsAWordForClipL()
    {
        var tokenizer = ClipTokenizer.Standard();
        Assert.Equal([49406, 3306, 256, 49407], tokenizer.Encode("hello!"));
        Assert.Equal([49406, 748, 49407], tokenizer.Encode("!!"));
        Assert.Equal([49406, 3306, 0, 49407], ClipTokenizer.Standard(padWithZero: true).Encode("hello!"));
        // An entity becomes a mark after the cut, so it is a word for both.
        Assert.Equal([49406, 3306, 256, 49407], ClipTokenizer.Standard(padWithZero: true).Encode("hello&#33;"));
        Assert.Equal(tokenizer.Encode("a<|endoftext|>b"), ClipTokenizer.Standard(padWithZero: true).Encode("a<|endoftext|>b"));
    }

    [Fact]
    public void ExclamationMarksCountWhenAPromptIsCut()
    {
        var big = ClipTokenizer.Standard(padWithZero: true);
        var padded = big.EncodePadded(new string('!', 80), out var dropped);
        Assert.Equal([49406, .. Enumerable.Repeat(0, 75), 49407], padded);
        Assert.Equal(5, dropped);
        var folder = Directory.CreateTempSubdirectory("cresset-clip-").FullName;
        big.Save(folder);
        Assert.Equal(big.Encode("a!b"), ClipTokenizer.FromFolder(folder).Encode("a!b"));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void ClipDecodes()
    {
        var tokenizer = ClipTokenizer.Standard();
        foreach (var entry in Read("tokenizer_clip.json").GetProperty("decode").EnumerateArray())
        {
            Assert.Equal(entry.GetProperty("text").GetString(), tokenizer.Decode(Ids(entry.GetProperty("ids"))));
        }
    }

    [Fact]
    public void ClipReadsAFolder()
    {
        var tokenizer = ClipTokenizer.FromFolder(Repository.Reference("diffusion/tiny_sd3/tokenizer_2"));
        Assert.Equal((594, 592, 593, 0), (tokenizer.Count, tokenizer.StartId, tokenizer.EndId, tokenizer.PadId));
        Assert.Equal(593, ClipTokenizer.FromFolder(Repository.Reference("diffusion/tiny_sd3/tokenizer")).PadId);
        var error = Assert.Throws<InvalidDataException>(() => ClipTokenizer.FromFolder(Repository.Root));
        Assert.Contains("vocab.json", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void VeryLongPromptsAreCut()
    {
        var words = string.Join(' ', Enumerable.Range(0, 10_000).Select(i => "word" + i));
        var ids = ClipTokenizer.Standard().EncodePadded(words, out var dropped);
        Assert.Equal(77, ids.Length);
        Assert.True(dropped > 10_000);
        Assert.Equal(77, ClipTokenizer.Standard().EncodePadded(new string('a', 50_000), out _).Length);
    }

    [Theory]
    [InlineData("test_sentencepiece.model", "test_sentencepiece.model")]
    [InlineData("tiny_sd3/tokenizer_3/spiece.model", "tiny_sd3/tokenizer_3/spiece.model")]
    public void UnigramAndT5IdsEqualTheReference(string key, string file)
    {
        var path = Repository.Reference("diffusion/" + file);
        var unigram = UnigramTokenizer.FromFile(path);
        T5Tokenizer legacy = T5Tokenizer.FromFile(path), later = T5Tokenizer.FromFile(path, legacy: false);
        var wrong = new List<string>();
        void Compare(string kind, string text, IEnumerable<int> expected, IEnumerable<int> actual)
        {
            if (!expected.SequenceEqual(actual))
                wrong.Add($"{kind} {text}: {string.Join(' ', actual)} instead of {string.Join(' ', expected)}");
        }
        foreach (var entry in Read("tokenizer_sentencepiece.json").GetProperty("models").GetProperty(key).GetProperty("cases")
            .EnumerateArray())
        {
            var text = entry.GetProperty("text").GetString()!;
            var ids = Ids(entry.GetProperty("ids"));
            Compare("raw", text, ids, unigram.Encode(text));
            if (entry.TryGetProperty("pieces", out var pieces))
                Assert.Equal(pieces.EnumerateArray().Select(p => p.GetString()), unigram.Pieces(text).Select(p => p.Text));
            int[] expected = entry.TryGetProperty("t5_legacy", out var old) ? Ids(old) : [.. ids, unigram.EndId];
            Compare("legacy", text, expected, legacy.Encode(text));
            Compare("later", text, entry.TryGetProperty("t5_nonlegacy", out var fresh) ? Ids(fresh) : expected, later.Encode(text));
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [Fact]
    public void DamagedModelsNameTheOffset()
    {
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            File.WriteAllBytes(path, File.ReadAllBytes(Repository.Reference("diffusion/test_sentencepiece.model"))[..5000]);
            Assert.Contains("byte", Assert.Throws<InvalidDataException>(() => T5Tokenizer.FromFile(path)).Message,
                StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
