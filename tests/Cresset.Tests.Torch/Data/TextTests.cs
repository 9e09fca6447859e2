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
                // Half of a pair of surrogates is no character, and UTF-8 has no bytes for it.
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
        using var own = new TextData { Path = _folder, Validation = 0.2, Test = 0.2 }.Open(new DataUse(TargetKind.Token, Context: 8));
        Assert.Contains(own.Notes, n => n.Contains("line ends", StringComparison.Ordinal));
        var tokenizer = own.Facts.Text!.Open();
        Assert.Equal("first fi", tokenizer.Decode(Inputs(own.Train, 0)));
        Assert.Throws<ArgumentException>(() => tokenizer.Encode("\r"));
        Assert.NotNull(own.Test);
    }

    [Theory]
    [InlineData("latin.txt", "byte 3")]
    [InlineData("empty.txt", "empty")]
    [InlineData("short.txt", "longer text")]
    [InlineData("none.txt", "no such file")]
    public void WhatIsNoTextIsRefusedWithItsPlace(string name, string said)
    {
        File.WriteAllBytes(Path.Combine(_folder, "latin.txt"), [(byte)'c', (byte)'a', (byte)'f', 0xE9, (byte)'s']);
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
