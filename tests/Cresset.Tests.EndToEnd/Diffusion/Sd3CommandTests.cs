using System.Text.Json;
using Cresset.Tests.EndToEnd.Cli;
using Xunit;

namespace Cresset.Tests.EndToEnd.Diffusion;

/// <summary><c>cresset sd3</c> on a checkpoint of a few thousand weights in the released layout.</summary>
public sealed class Sd3CommandTests : IDisposable
{
    private static readonly string Model = Path.Combine(Repository.Root, "tests", "References", "diffusion", "tiny_sd3");
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-sd3-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void AFolderAndTheSingleFileMadeOfItDrawTheSamePicture()
    {
        Ok("sd3", "generate", "--model", Model, "--prompt", "a cat", "--size", "48x32", "--steps", "2", "--seed", "5", "--output",
            "folder.png", "--preview");
        Assert.Equal((48, 32), Size("folder.png"));
        Assert.True(File.Exists(At("folder-preview.png")));
        // A picture knows how it was made; what is said beside --from wins.
        Ok("sd3", "generate", "--model", Model, "--from", "folder.png", "--output", "again.png");
        Assert.Equal(Drawn("folder.png"), Drawn("again.png"));
        Ok("sd3", "generate", "--model", Model, "--from", "folder.png", "--seed", "6", "--output", "other.png");
        Assert.NotEqual(Drawn("folder.png"), Drawn("other.png"));
        Assert.Contains("mapped from files", Ok("sd3", "plan", "--model", Model, "--size", "48x32"), StringComparison.Ordinal);
        Ok("sd3", "convert", Model, "one.safetensors");
        Ok("sd3", "generate", "--model", "one.safetensors", "--tokenizers", Model, "--prompt", "a cat", "--size", "48x32", "--steps", "2",
            "--seed", "5", "--output", "file.png");
        Assert.Equal(Drawn("folder.png"), Drawn("file.png"));
    }

    [Theory]
    [InlineData("--strength 0.5", "--strength needs --init")]
    [InlineData("--control-scale 2", "--control-scale needs --controlnet")]
    [InlineData("--lora-skip t5", "--lora-skip needs --lora")]
    [InlineData("--skip-start 0.1", "--skip-start needs --skip-layers")]
    [InlineData("--size 32 --clip-skip 99", "ClipSkip is 99")]
    [InlineData("--size 31", "try 32x32")]
    public void WhatWouldChangeNothingOrCannotBeIsToldAtOnce(string options, string said)
    {
        var (code, _, error) = CressetProcess.Run(_folder, ["sd3", "generate", "-m", Model, "-p", "a cat", .. options.Split(' ')]);
        Assert.Equal(2, code);
        Assert.Contains(said, error, StringComparison.Ordinal);
        Assert.DoesNotContain("loading", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("one.safetensors", "one.safetensors exists; add --force")]
    [InlineData("two.gguf --dtype fp16", "--dtype is for a folder or a .safetensors file")]
    [InlineData("two.safetensors --gguf q8_0", "--gguf is for a .gguf file")]
    [InlineData("two.gguf --no-text", "--no-text is for a .safetensors file")]
    [InlineData("two.safetensors --t5-tokenizer x", "--t5-tokenizer is for a folder")]
    public void AConversionReplacesNothingAndIgnoresNothing(string words, string said)
    {
        File.WriteAllText(At("one.safetensors"), "mine");
        var (code, _, error) = CressetProcess.Run(_folder, ["sd3", "convert", Model, .. words.Split(' ')]);
        Assert.Equal(2, code);
        Assert.Contains(said, error, StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(At("one.safetensors")));
    }

    [Fact]
    public void SeveralPicturesFromAPictureInsideAMask()
    {
        Ok("sd3", "generate", "-m", Model, "-p", "a cat", "--size", "32", "--steps", "1", "-o", "start.png");
        var json = Ok("sd3", "generate", "-m", Model, "-p", "a dog", "--size", "32", "--steps", "4", "-n", "2", "--init", "start.png",
            "--mask", "start.png", "--strength", "0.5", "--sampler", "heun", "-o", "next.png", "--json");
        var files = JsonDocument.Parse(json).RootElement.GetProperty("files").EnumerateArray().Select(f => f.GetString()).ToList();
        Assert.Equal(["next-1.png", "next-2.png"], files);
        var (_, _, said) = CressetProcess.Run(_folder, "sd3", "generate", "-m", Model, "-p", "a dog", "--size", "32", "--steps", "1", "-n",
            "2", "-o", "next.png");
        Assert.Contains("2 files of next.png were there and are replaced", said, StringComparison.Ordinal);
        Assert.NotEqual(Drawn("next-1.png"), Drawn("next-2.png"));
    }

    [Fact]
    public void InspectionCountsWeightsAndNamesWhatIsMissing()
    {
        Ok("sd3", "convert", Model, "q.gguf", "--gguf", "q8_0");
        var parts = JsonDocument.Parse(Ok("sd3", "inspect", "q.gguf", "--json")).RootElement.GetProperty("parts").EnumerateArray()
            .ToDictionary(p => p.GetProperty("name").GetString()!, p => p.GetProperty("parameters").GetInt64());
        Assert.Contains("Q8_0", Ok("sd3", "inspect", "q.gguf"), StringComparison.Ordinal);
        Assert.Equal(38_304, parts["transformer"]);
        Assert.Equal(0, parts["vae"]);
        Assert.Contains("absent: needed to make pictures", Ok("sd3", "inspect", "q.gguf"), StringComparison.Ordinal);
    }

    [Fact]
    public void ALoraIsTrainedShownRenamedAndMerged()
    {
        Directory.CreateDirectory(At("pictures"));
        Ok("sd3", "generate", "-m", Model, "-p", "a cat", "--size", "48", "--steps", "1", "--seed", "2", "-o", "plain.png");
        for (var i = 0; i < 2; i++)
        {
            File.Copy(At("plain.png"), At($"pictures/{i}.png"));
            File.WriteAllText(At($"pictures/{i}.txt"), "a cat");
        }
        Ok("train", "sd3-lora", $"model.checkpoint={Model}", "model.pictures=pictures", "model.size=32", "trainer.steps=4",
            "trainer.checkpoint_every=2", "optimization.learning_rate=0.05", "optimization.warmup_steps=0");
        var lora = Path.Combine(Assert.Single(Directory.GetDirectories(At("runs"))), "lora.safetensors");
        var pairs = JsonDocument.Parse(Ok("sd3", "lora", lora, "--to-kohya", "kohya.safetensors", "--json")).RootElement;
        Assert.NotEqual(0, pairs.GetArrayLength());
        Assert.All(pairs.EnumerateArray(), p => Assert.Equal(4, p.GetProperty("rank").GetInt32()));
        foreach (var (file, picture) in new[] { (lora, "peft.png"), ("kohya.safetensors", "kohya.png"), (lora + ":0", "none.png") })
        {
            Ok("sd3", "generate", "-m", Model, "-p", "a cat", "--size", "48", "--steps", "1", "--seed", "2", "--lora", file, "-o", picture);
        }
        Assert.Equal(Drawn("peft.png"), Drawn("kohya.png"));
        Assert.Equal(Drawn("plain.png"), Drawn("none.png"));
        Assert.NotEqual(Drawn("plain.png"), Drawn("peft.png"));
    }

    [Fact]
    public void PartsComeFromFoldersAndFiles()
    {
        string[] Generate(string output, params string[] more) =>
            ["sd3", "generate", "-p", "a cat", "--size", "32", "--steps", "1", "--seed", "3", "-o", output, .. more];
        byte[] Picture(string name, params string[] more)
        {
            Ok(Generate(name, more));
            return Drawn(name);
        }
        string Part(string name) => Path.Combine(Model, name);
        var plain = Picture("plain.png", "-m", Model);
        Assert.Equal(plain,
            Picture("same.png", "-m", Model, "--vae", Part("vae"), "--clip-l", Part("text_encoder"), "--clip-g",
                Part("text_encoder_2/model.safetensors"), "--t5", Part("text_encoder_3")));
        // What is named is used instead of the checkpoint's own.
        Assert.NotEqual(0, CressetProcess.Run(_folder, [.. Generate("other.png", "-m", Model, "--vae", Part("transformer"))]).Code);
        Ok("sd3", "convert", Model, "f.gguf", "--gguf", "f16");
        Assert.Equal(plain,
            Picture("gguf.png", "-m", "f.gguf", "--tokenizers", Model, "--vae", Part("vae"), "--clip-l", Part("text_encoder"), "--clip-g",
                Part("text_encoder_2"), "--t5", Part("text_encoder_3"), "--t5-tokenizer", Part("tokenizer_3/spiece.model")));
    }

    [Fact]
    public void EightBitsAndALora()
    {
        WriteTextLora("text.safetensors");
        Ok("sd3", "generate", "-m", Model, "-p", "a cat", "--size", "32", "--steps", "1", "--dtype", "int8", "-o", "plain.png");
        Ok("sd3", "generate", "-m", Model, "-p", "a cat", "--size", "32", "--steps", "1", "--dtype", "int8", "--lora", "text.safetensors",
            "-o", "lora.png");
        Assert.NotEqual(Drawn("plain.png"), Drawn("lora.png"));
        // The folder that diffusers saves a LoRA in.
        Directory.CreateDirectory(At("saved"));
        File.Move(At("text.safetensors"), At("saved/pytorch_lora_weights.safetensors"));
        Ok("sd3", "generate", "-m", Model, "-p", "a cat", "--size", "32", "--steps", "1", "--dtype", "int8", "--lora", "saved", "-o",
            "folder.png");
        Assert.Equal(Drawn("lora.png"), Drawn("folder.png"));
        Assert.Contains("clip-l", Ok("sd3", "inspect", "saved"), StringComparison.Ordinal);
    }

    [Fact]
    public void ALoraOfTextEncodersIsShownRenamedMergedAndLeftOut()
    {
        WriteTextLora("text.safetensors");
        var shown = Ok("sd3", "inspect", "text.safetensors");
        Assert.Contains("clip-l", shown, StringComparison.Ordinal);
        Assert.Contains("t5", shown, StringComparison.Ordinal);
        var pairs =
            JsonDocument.Parse(
                Ok("sd3", "lora", "text.safetensors", "--to-peft", "peft.safetensors", "--json")).RootElement.EnumerateArray().ToList();
        Assert.Equal(["clip-l", "t5"], pairs.Select(p => p.GetProperty("part").GetString()).Order());
        string[] Generate(string output, params string[] more) =>
            ["sd3", "generate", "-m", Model, "-p", "a cat", "--size", "32", "--steps", "1", "--seed", "2", "-o", output, .. more];
        byte[] Picture(string name, params string[] more)
        {
            Ok(Generate(name, more));
            return Drawn(name);
        }
        var plain = Picture("plain.png");
        var merged = Picture("merged.png", "--lora", "text.safetensors");
        Assert.NotEqual(plain, merged);
        Assert.Equal(merged, Picture("peft.png", "--lora", "peft.safetensors:0.3:1"));
        Assert.Equal(plain, Picture("skipped.png", "--lora", "text.safetensors", "--lora-skip", "clip-l", "t5"));
        Assert.Equal(plain, Picture("zero.png", "--lora", "text.safetensors:1:0"));
        Assert.NotEqual(plain, Picture("one.png", "--lora", "text.safetensors", "--no-t5", "--lora-skip", "t5"));
        var (code, _, error) = CressetProcess.Run(_folder, Generate("none.png", "--lora", "text.safetensors", "--no-t5"));
        Assert.Equal(1, code);
        Assert.Contains("--lora-skip t5", error, StringComparison.Ordinal);
        (code, _, error) = CressetProcess.Run(_folder, Generate("none.png", "--lora", "text.safetensors", "--lora-skip", "clipl"));
        Assert.Equal(2, code);
        Assert.Contains("Did you mean 'clip-l'?", error, StringComparison.Ordinal);
        Assert.False(File.Exists(At("none.png")));
    }

    [Theory]
    [InlineData("sd3 generate -m MODEL -p x --size 50x32", "The size 50x32 is not a multiple of 16; try 48x32.", 2)]
    [InlineData("sd3 generate -m MODEL -p x --size 32 --seed -1", "--seed is '-1'; allowed are whole numbers from 0, or 'random'.", 2)]
    [InlineData("sd3 generate -m MODEL --size 32", "--prompt is not given", 2)]
    [InlineData("sd3 generate -m MODEL --from MODEL/model_index.json", "is not a PNG file", 1)]
    [InlineData("sd3 plan -m MODEL --size 176", "at most 160 pixels per side", 2)]
    [InlineData("sd3 generate -m MODEL -p x --steps 0", "teps", 2)]
    [InlineData("sd3 generate -m MODEL -p x --sampler eulr", "Did you mean 'euler'?", 2)]
    [InlineData("sd3 generate -m MODEL -p x --mask m.png", "--mask needs --init", 2)]
    [InlineData("sd3 generate -m MODEL -p x", "at most 160 pixels per side", 2)]
    [InlineData("sd3 generate -m MODEL -p x --size 32 --device gpu", "allowed: auto, cpu, cuda, cuda:N", 2)]
    [InlineData("sd3 generate -m MODEL -p x --size 32 --device cuda:x", "allowed: auto, cpu, cuda, cuda:N", 2)]
    [InlineData("sd3 generate -m MODEL -p x --size 32 -o sd3.jpg", "end its name in .png", 2)]
    [InlineData("sd3 generate -m nowhere -p x --size 32 --lora missing.safetensors", "missing.safetensors is not there", 2)]
    [InlineData("sd3 generate -m nowhere -p x --size 32 --vae missing", "missing is not there", 2)]
    [InlineData("sd3 generate -m nowhere -p x --size 32 --lora MODEL", "name the LoRA's file", 2)]
    [InlineData("sd3 convert MODEL model.ckpt", "name a .safetensors file, a .gguf file or a folder", 2)]
    [InlineData("sd3 generate -m nowhere -p x --size 32", "nowhere", 2)]
    [InlineData("sd3 generate -m MODEL/vae/diffusion_pytorch_model.safetensors -p x --size 32", "autoencoder", 1)]
    [InlineData("sd3 generate -m MODEL -p x --size 32 --lora MODEL/vae/diffusion_pytorch_model.safetensors", "autoencoder", 1)]
    [InlineData("sd3 generate -m torn -p x --size 32", "torn", 1)]
    [InlineData("sd3 inspect nowhere.safetensors", "nowhere.safetensors", 2)]
    [InlineData("sd3 convert MODEL taken", "taken is not empty; name a new folder.", 2)]
    [InlineData("sd3 lora MODEL/transformer/config.json", "config.json", 1)]
    [InlineData("train sd3-lora", "checkpoint", 2)]
    public void AMistakeIsOneLineAndNothingIsWritten(string arguments, string message, int expected)
    {
        Directory.CreateDirectory(At("taken"));
        File.WriteAllText(At("taken/mine.txt"), "mine");
        CopyFolder(Model, At("torn"));
        var shard = At("torn/transformer/diffusion_pytorch_model-00002-of-00003.safetensors");
        File.WriteAllBytes(shard, File.ReadAllBytes(shard)[..^100]);
        var (code, _, error) = CressetProcess.Run(_folder,
            [.. arguments.Split(' ').Select(a => a.Replace("MODEL", Model, StringComparison.Ordinal))]);
        Assert.Equal(expected, code);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
        Assert.False(File.Exists(At("sd3.png")));
        Assert.Equal(["mine.txt"], Directory.GetFileSystemEntries(At("taken")).Select(Path.GetFileName));
    }

    private static void CopyFolder(string from, string to)
    {
        foreach (var file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }

    // kohya's names: CLIP-L's first queries [16, 16] and T5's first output [48, 24], rank 1, all values 0.5.
    private void WriteTextLora(string name)
    {
        var shapes = new (string Key, long[] Shape)[]
        {
            ("lora_te1_text_model_encoder_layers_0_self_attn_q_proj.lora_down.weight", [1, 16]),
            ("lora_te1_text_model_encoder_layers_0_self_attn_q_proj.lora_up.weight", [16, 1]),
            ("lora_te3_encoder_block_0_layer_0_SelfAttention_o.lora_down.weight", [1, 24]),
            ("lora_te3_encoder_block_0_layer_0_SelfAttention_o.lora_up.weight", [48, 1]),
        };
        long at = 0;
        var header = new Dictionary<string, object>();
        foreach (var (key, shape) in shapes)
        {
            var end = at + (4 * shape[0] * shape[1]);
            header[key] = new { dtype = "F32", shape, data_offsets = new[] { at, end } };
            at = end;
        }
        var json = JsonSerializer.SerializeToUtf8Bytes(header);
        using var file = new BinaryWriter(File.Create(At(name)));
        file.Write((long)json.Length);
        file.Write(json);
        for (var i = 0; i < at / 4; i++) file.Write(0.5f);
    }

    private string At(string name) => Path.Combine(_folder, name);

    // The pixels as a PNG holds them: its text says with which files it was made.
    private byte[] Drawn(string name)
    {
        var file = File.ReadAllBytes(At(name));
        var pixels = new List<byte>();
        for (var at = 8; at < file.Length;)
        {
            var length = System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(at));
            if (System.Text.Encoding.ASCII.GetString(file, at + 4, 4) == "IDAT") pixels.AddRange(file.AsSpan(at + 8, length));
            at += length + 12;
        }
        Assert.NotEmpty(pixels);
        return [.. pixels];
    }

    // Width and height stand in the header of a PNG.
    private (int Width, int Height) Size(string name)
    {
        var header = File.ReadAllBytes(At(name))[16..24];
        Array.Reverse(header);
        return (BitConverter.ToInt32(header, 4), BitConverter.ToInt32(header, 0));
    }

    private string Ok(params string[] arguments)
    {
        var (code, output, error) = CressetProcess.Run(_folder, arguments);
        Assert.True(code == 0, $"cresset {string.Join(' ', arguments)}: {error}");
        return output;
    }
}
