using Cresset.Data;
using Cresset.Numerics;
using Cresset.Quantization;
using Cresset.Recipes;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

public sealed class SoundCodecTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-codec").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("{kind: signal-vq-vae, residual_units: 1}")]
    [InlineData("{kind: dac, ratios: [2, 4], decoder_width: 8}")]
    [InlineData("{kind: encodec, ratios: [4, 2], lstm_layers: 1}")]
    public void ASoundOfAnyLengthComesBackWithItAndPiecesAreTheWhole(string architecture)
    {
        using var scope = NewDisposeScope();
        using var tokenizer = Tokenizer(architecture, 1);
        var path = Write("sound.wav", new WavFacts(8000, 2, 1501, WavSample.Float32));
        using var sound = new SoundCodec(tokenizer).Open(path);
        var (codes, shape) = new SoundCodec(tokenizer, 4096).Encode(sound);
        Assert.Equal([2L, (1501 + 7) / 8], shape);
        var whole = new SoundCodec(tokenizer, 4096).Decode(codes, 2, sound.Frames).ToList();
        Assert.Single(whole);
        Assert.Equal(2 * 1501, whole[0].Length);
        var cut = new SoundCodec(tokenizer, 11);
        // Sums in another order may move a vector that lies between two codes.
        var pieces = cut.Encode(sound).Codes;
        Assert.True(pieces.Zip(codes).Count(p => p.First != p.Second) <= codes.Length / 500);
        var back = new float[2 * 1501];
        var at = 0;
        foreach (var piece in cut.Decode(codes, 2, sound.Frames))
        {
            var count = piece.Length / 2;
            for (var c = 0; c < 2; c++) piece.AsSpan(c * count, count).CopyTo(back.AsSpan((c * 1501) + at));
            at += count;
        }
        Assert.Equal(1501, at);
        for (var i = 0; i < back.Length; i++) Assert.Equal(whole[0][i], back[i], 1e-4);
    }

    [Fact]
    public void ATokenizerOfTwoChannelsTakesOneAndGivesItBack()
    {
        using var scope = NewDisposeScope();
        using var tokenizer = Tokenizer("{kind: signal-vq-vae}", 2);
        var codec = new SoundCodec(tokenizer);
        using var sound = codec.Open(Write("mono.wav", new WavFacts(8000, 1, 300, WavSample.Pcm16)));
        var (codes, shape) = codec.Encode(sound);
        Assert.Equal([1L, 38], shape);
        Assert.Equal(300, codec.Decode(codes, 1, 300).Sum(p => p.Length));
    }

    [Fact]
    public void InAFileOfItsOwnItKeepsRateAndCodes()
    {
        using var scope = NewDisposeScope();
        using var tokenizer = Tokenizer("{kind: dac, ratios: [2, 4], decoder_width: 8}", 1);
        var path = Path.Combine(_folder, "tokenizer.safetensors");
        tokenizer.Save(path);
        using var opened = TokenizerRun.OpenFile(path);
        Assert.Equal((8000, 1, 64), (opened.Rate, opened.Channels, opened.Size));
        using var sound = new SoundCodec(opened).Open(Write("sound.wav", new WavFacts(16000, 1, 700, WavSample.Pcm16)));
        Assert.Equal(new SoundCodec(tokenizer).Encode(sound).Codes, new SoundCodec(opened).Encode(sound).Codes);
        Assert.Equal(tokenizer.Kilobits(2), 2 * tokenizer.Kilobits(1));
        Assert.Throws<ArgumentException>(() => new PictureCodec(opened).Encode(new PicturePlanes(1, 8, 8)));
    }

    [Theory]
    [InlineData("../out.wav", "300", "leads out of the folder")]
    [InlineData("in.wav", "301", "has codes")]
    [InlineData("in.wav", "99999999999999", "expected 1 to")]
    public void FilesThatLieAreRefusedBeforeAnythingIsDecoded(string name, string frames, string message)
    {
        using var scope = NewDisposeScope();
        using var tokenizer = Tokenizer("{kind: signal-vq-vae}", 1);
        var path = Path.Combine(_folder, "codes.cvq");
        var attributes = new Dictionary<string, string>(
            CodedSounds.Attributes(new WavFacts(8000, 1, 300, WavSample.Pcm16)))
        { ["frames"] = frames };
        var positions = frames == "301" ? 30 : 38;
        CodeFileWriter.Write(path, tokenizer.Id, tokenizer.CodebookSizes, null,
            w => w.Add(new CodeEntry(name, [1, positions]) { Attributes = attributes }, new long[positions * 2]));
        Assert.Contains(message, Assert.Throws<InvalidDataException>(() => CodedSounds.Open(path, tokenizer)).Message,
            StringComparison.Ordinal);
    }

    private static TokenizerRun Tokenizer(string architecture, int channels)
    {
        using var generator = new Generator(3);
        var recipe = $"job: tokenizer\nmodel: {{architecture: {architecture}, downsamplings: 3, width: 4, quantizer: {{kind: residual, "
            + $"stages: 2, stage: {{codebook: {{size: 8, width: 4}}}}}}}}";
        var options = (TokenizerOptions)Recipe.Parse(recipe, "sound.yaml", "sound", BuiltInParts.Catalog).Resolve().Options["model"];
        return TokenizerRun.Of(options.Build(channels, generator), options, channels, 64, 8000, "made here");
    }

    private string Write(string name, WavFacts facts)
    {
        var path = Path.Combine(_folder, name);
        var sound = new float[facts.Frames * facts.Channels];
        for (var c = 0; c < facts.Channels; c++)
            ToneData.Melody(new SplitMix64((ulong)c), facts.Rate, sound.AsSpan((int)(c * facts.Frames), (int)facts.Frames));
        WavWriter.Write(path, facts, [sound]);
        return path;
    }
}
