using System.Text.RegularExpressions;
using Xunit;

namespace Cresset.Tests.EndToEnd.Cli;

/// <summary>Pictures to packed codes and back through the built command.</summary>
public sealed class VqCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-vq-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void PicturesBecomePackedCodesAndComeBack()
    {
        Ok("train", "pixelcnn-digits", "-q", "tokenizer_trainer.steps=60", "trainer.steps=60", "trainer.evaluate_every=0",
            "tokenizer_trainer.evaluate_every=0");
        Ok("train", "vqvae-digits", "-q", "trainer.steps=30", "trainer.evaluate_every=0");
        // Pictures to work on: strokes of the size of the digits.
        var pictures = Path.Combine(_folder, "pictures");
        Directory.CreateDirectory(pictures);
        for (var i = 0; i < 9; i++) File.WriteAllBytes(Path.Combine(pictures, $"{i}.png"), GrayPng(i));

        var report = Ok("vq", "encode", "pixelcnn-digits", "pictures", "-o", "plain.cvq");
        Assert.Contains("9 pictures of 8x8: 80 bits each", report, StringComparison.Ordinal);
        Assert.Contains("PSNR", report, StringComparison.Ordinal);
        Ok("vq", "decode", "pixelcnn-digits", "plain.cvq", "-o", "back");
        Assert.Equal(9, Directory.GetFiles(Path.Combine(_folder, "back"), "*.png").Length);

        // The prior's file decodes to the same pictures, and needs the prior.
        var coded = Ok("vq", "encode", "pixelcnn-digits", "pictures", "--prior", "pixelcnn-digits", "-o", "coded.cvq");
        Assert.Matches(new Regex(@"\d+ bits each \(80 without the prior\)"), coded);
        Ok("vq", "decode", "pixelcnn-digits", "coded.cvq", "--prior", "pixelcnn-digits", "-o", "again");
        foreach (var file in Directory.GetFiles(Path.Combine(_folder, "back")))
            Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(Path.Combine(_folder, "again", Path.GetFileName(file))));
        // Black pictures cost the prior less than packed bits, so their file needs it.
        Directory.CreateDirectory(Path.Combine(_folder, "black"));
        for (var i = 0; i < 9; i++) File.WriteAllBytes(Path.Combine(_folder, "black", $"{i}.png"), GrayPng(i, stroke: 0));
        Ok("vq", "encode", "pixelcnn-digits", "black", "--prior", "pixelcnn-digits", "-o", "black.cvq");
        Fails(1, "--prior", "vq", "decode", "pixelcnn-digits", "black.cvq", "-o", "no");

        // Nothing is overwritten unasked.
        var before = File.ReadAllBytes(Path.Combine(_folder, "plain.cvq"));
        Fails(2, "--force", "vq", "encode", "pixelcnn-digits", "pictures", "-o", "plain.cvq");
        Fails(2, "exists", "vq", "decode", "pixelcnn-digits", "plain.cvq", "-o", "back");
        Assert.Equal(before, File.ReadAllBytes(Path.Combine(_folder, "plain.cvq")));

        // A damaged file and one of another tokenizer are refused with their name, and no picture appears.
        var damaged = (byte[])before.Clone();
        damaged[^7] ^= 0x40;
        File.WriteAllBytes(Path.Combine(_folder, "damaged.cvq"), damaged);
        Fails(1, "damaged.cvq", "vq", "decode", "pixelcnn-digits", "damaged.cvq", "-o", "no");
        File.WriteAllBytes(Path.Combine(_folder, "short.cvq"), before[..^20]);
        Fails(1, "short.cvq", "vq", "decode", "pixelcnn-digits", "short.cvq", "-o", "no");
        Fails(1, "plain.cvq", "vq", "decode", "vqvae-digits", "plain.cvq", "-o", "no");
        Fails(2, "own tokenizer", "vq", "encode", "vqvae-digits", "pictures", "--prior", "pixelcnn-digits", "-o", "no.cvq");
        Fails(1, "has no prior", "vq", "encode", "vqvae-digits", "pictures", "--prior", "vqvae-digits", "-o", "no.cvq");
        Assert.False(Directory.Exists(Path.Combine(_folder, "no")));
        Assert.False(File.Exists(Path.Combine(_folder, "no.cvq")));

        // Sizes and names of a messy folder, one file, another program's file that is none; a tokenizer in a file of its own.
        var messy = Path.Combine(_folder, "messy", "inner");
        Directory.CreateDirectory(messy);
        File.WriteAllBytes(Path.Combine(messy, "wide.png"), GrayPng(1, 19, 5));
        File.WriteAllBytes(Path.Combine(_folder, "messy", "dot.png"), GrayPng(2, 1, 1));
        File.WriteAllBytes(Path.Combine(_folder, "messy", "cut.png"), GrayPng(3)[..50]);
        File.WriteAllText(Path.Combine(_folder, "messy", "notes.txt"), "not a picture");
        Ok("vq", "export", "pixelcnn-digits", "-o", "alone.safetensors");
        var (left, table, notes) = CressetProcess.Run(_folder, "vq", "encode", "alone.safetensors", "messy", "-o", "messy.cvq", "--prior",
            "pixelcnn-digits", "--compare", "both.png");
        Assert.Equal(1, left);
        Assert.Contains("left out cut.png", notes, StringComparison.Ordinal);
        Assert.Contains("notes.txt", notes, StringComparison.Ordinal);
        Assert.Contains("inner/wide.png", table, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(_folder, "both.png")));
        Ok("vq", "decode", "alone.safetensors", "messy.cvq", "--prior", "pixelcnn-digits", "-o", "sizes");
        Assert.Equal((19, 5), PngSize(Path.Combine(_folder, "sizes", "inner", "wide.png")));
        Assert.Equal((1, 1), PngSize(Path.Combine(_folder, "sizes", "dot.png")));
        Ok("vq", "decode", "alone.safetensors", "messy.cvq", "--prior", "pixelcnn-digits", "--only", "dot.png", "-o", "some");
        Assert.Equal(["dot.png"],
            Directory.GetFiles(Path.Combine(_folder, "some"), "*", SearchOption.AllDirectories).Select(Path.GetFileName));
        Fails(2, "wide.png", "vq", "decode", "alone.safetensors", "messy.cvq", "--only", "inner/wide.pn", "-o", "none");
        using (var json = System.Text.Json.JsonDocument.Parse(
            Ok("vq", "encode", "alone.safetensors", Path.Combine("messy", "inner", "wide.png"), "-o", "one.cvq", "--json")))
        {
            var row = json.RootElement.GetProperty("pictures")[0];
            Assert.Equal(("wide.png", 19, 5),
                (row.GetProperty("name").GetString(), row.GetProperty("width").GetInt32(), row.GetProperty("height").GetInt32()));
            Assert.True(double.IsFinite(row.GetProperty("psnr").GetDouble()));
        }

        // The lower half of a picture is drawn anew; what does not fit is one line.
        Assert.Contains("2 completions",
            Ok("vq", "complete", "pixelcnn-digits", Path.Combine("pictures", "0.png"), "--hole", "0,4,8,4", "--class", "3", "-n", "2"),
            StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(_folder, "completed.png")));
        Fails(2, "inside 8x8", "vq", "complete", "pixelcnn-digits", Path.Combine("pictures", "0.png"), "--hole", "0,4,8,5", "--class", "3",
            "-o", "no.png");
        Fails(2, "name one", "vq", "complete", "pixelcnn-digits", Path.Combine("pictures", "0.png"), "--hole", "0,4,8,4", "-o", "no.png");
        Fails(2, "mask-git", "vq", "complete", "pixelcnn-digits", Path.Combine("pictures", "0.png"), "--hole", "0,0,4,4", "--class", "3",
            "-o", "no.png");

        // Draws report their speed.
        Assert.Contains("codes_per_second", Ok("sample", "pixelcnn-digits", "3", "-n", "2"), StringComparison.Ordinal);
    }

    [Fact]
    public void CodesOfScalesGoThroughFilesTheirPriorAndAStop()
    {
        string[] few = ["tokenizer_trainer.steps=20", "tokenizer_trainer.evaluate_every=0", "trainer.evaluate_every=0",
            "trainer.checkpoint_every=10", "trainer.threads=1", "tokenizer_trainer.threads=1"];
        Ok(["train", "var-digits", "-q", "trainer.steps=20", .. few]);
        Directory.CreateDirectory(Path.Combine(_folder, "pictures"));
        for (var i = 0; i < 9; i++) File.WriteAllBytes(Path.Combine(_folder, "pictures", $"{i}.png"), GrayPng(i, stroke: 0));
        Assert.Contains("9 pictures of 8x8: 150 bits each", Ok("vq", "encode", "var-digits", "pictures", "-o", "plain.cvq"),
            StringComparison.Ordinal);
        Assert.Matches(new Regex(@"\d+ bits each \(150 without the prior\)"),
            Ok("vq", "encode", "var-digits", "pictures", "--prior", "var-digits", "-o", "coded.cvq"));
        Ok("vq", "decode", "var-digits", "plain.cvq", "-o", "back");
        Ok("vq", "decode", "var-digits", "coded.cvq", "--prior", "var-digits", "-o", "again");
        foreach (var file in Directory.GetFiles(Path.Combine(_folder, "back")))
            Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(Path.Combine(_folder, "again", Path.GetFileName(file))));
        Ok("vq", "export", "var-digits", "-o", "alone.safetensors");
        File.WriteAllBytes(Path.Combine(_folder, "wide.png"), GrayPng(1, width: 16));
        Fails(1, "end with 4; the maps of these data are 4x8", "vq", "encode", "alone.safetensors", "wide.png", "-o", "no.cvq");
        Fails(2, "no place", "vq", "complete", "var-digits", Path.Combine("pictures", "0.png"), "--hole", "0,4,8,4", "--class", "3",
            "-o", "no.png");
        Assert.Contains("codes_per_second", Ok("sample", "var-digits", "3", "-n", "2"), StringComparison.Ordinal);

        // A run that went on after a stop ends with the same weights.
        Ok(["train", "var-digits", "-q", "--runs", "stopped", "trainer.steps=10", .. few]);
        Ok("train", "--resume", "var-digits", "-q", "--runs", "stopped", "trainer.steps=20");
        byte[] Weights(string runs) =>
            File.ReadAllBytes(Assert.Single(Directory.GetDirectories(Path.Combine(_folder, runs), "var-digits-*")
                .Select(run => Path.Combine(run, "model.safetensors"))));
        Assert.Equal(Weights("runs"), Weights("stopped"));
    }

    [Fact]
    public void APriorIsToldTheCaptionsOfAFolder()
    {
        string[] train = ["train", "transformer-digits-words", "-q", "data=folder", "data.path=pictures", "data.size=8", "data.channels=1",
            "model.width=16", "tokenizer_trainer.steps=4", "tokenizer_trainer.evaluate_every=0", "tokenizer_trainer.batch_size=8",
            "trainer.steps=4", "trainer.evaluate_every=0", "trainer.batch_size=8"];
        Directory.CreateDirectory(Path.Combine(_folder, "pictures"));
        for (var i = 0; i < 20; i++)
        {
            File.WriteAllBytes(Path.Combine(_folder, "pictures", $"{i}.png"), GrayPng(i % 2 == 0 ? 1 : 6));
            File.WriteAllText(Path.Combine(_folder, "pictures", $"{i}.txt"), i % 2 == 0 ? "a bar on the left" : "A bar, on the right.\n");
        }
        Ok(train);
        Assert.Contains("codes_per_second",
            Ok("sample", "transformer-digits-words", "a bar on the right", "left", "-n", "2", "--guidance", "2"), StringComparison.Ordinal);
        Fails(2, "The prior does not know the word \"boot\".", "sample", "transformer-digits-words", "a boot");
        Fails(2, "has no words", "sample", "transformer-digits-words", "");
        Fails(2, "--guidance is -1; allowed: 0 (none) or more", "sample", "transformer-digits-words", "--guidance", "-1");
        // Coded under no caption, and a hole is filled with what the words say.
        Ok("vq", "encode", "transformer-digits-words", "pictures", "--prior", "transformer-digits-words", "-o", "coded.cvq");
        Ok("vq", "decode", "transformer-digits-words", "coded.cvq", "--prior", "transformer-digits-words", "-o", "back");
        var picture = Path.Combine("pictures", "0.png");
        Ok("vq", "complete", "transformer-digits-words", picture, "--hole", "0,4,8,4", "--prompt", "a bar on the left", "-n", "2");
        Fails(2, "give a prompt such as \"a bar on the ", "vq", "complete", "transformer-digits-words", picture, "--hole", "0,4,8,4",
            "-o", "no.png");
        File.Delete(Path.Combine(_folder, "pictures", "3.txt"));
        Fails(2, "no caption for 1 picture (3.png)", train);
    }

    [Fact]
    public void SoundsBecomeCodesOfAnyRateAndComeBackWithTheirLengths()
    {
        Ok("train", "rvq-audio", "-q", "trainer.steps=12", "trainer.evaluate_every=0", "data.count=40", "data.length=1024", "model.width=8",
            "model.downsamplings=6", "model.quantizer.stages=3", "trainer.batch_size=4");
        Directory.CreateDirectory(Path.Combine(_folder, "sounds", "inner"));
        File.WriteAllBytes(Path.Combine(_folder, "sounds", "one.wav"), Wav(8000, 1, 3001));
        File.WriteAllBytes(Path.Combine(_folder, "sounds", "inner", "two.wav"), Wav(16000, 2, 2500));
        File.WriteAllBytes(Path.Combine(_folder, "sounds", "cut.wav"), Wav(8000, 1, 500)[..400]);
        var (code, table, notes) = CressetProcess.Run(_folder, "vq", "encode", "rvq-audio", "sounds", "-o", "all.cvq");
        Assert.Equal(1, code);
        Assert.Contains("left out cut.wav", notes, StringComparison.Ordinal);
        Assert.Contains("3 of 3 stages, 2.25 kilobits", table, StringComparison.Ordinal);
        Ok("vq", "decode", "rvq-audio", "all.cvq", "-o", "back");
        // Headers (rate, channels, kind, length) are those of the originals.
        foreach (var name in new[] { "one.wav", Path.Combine("inner", "two.wav") })
            Assert.Equal(File.ReadAllBytes(Path.Combine(_folder, "sounds", name))[..44],
                File.ReadAllBytes(Path.Combine(_folder, "back", name))[..44]);
        Ok("vq", "export", "rvq-audio", "-o", "audio.safetensors");
        using (var json = System.Text.Json.JsonDocument.Parse(
            Ok("vq", "encode", "audio.safetensors", Path.Combine("sounds", "one.wav"), "--kbps", "1.5", "-o", "less.cvq", "--json")))
        {
            Assert.Equal(2, json.RootElement.GetProperty("stages").GetInt32());
            Assert.Equal(3001 / 8000.0, json.RootElement.GetProperty("sounds")[0].GetProperty("seconds").GetDouble(), 1e-9);
        }
        Ok("vq", "decode", "audio.safetensors", "less.cvq", "-o", "less");
        Fails(2, "0.75, 1.5, 2.25", "vq", "encode", "rvq-audio", "sounds", "--kbps", "0.5", "-o", "no.cvq");
        Fails(2, "exists", "vq", "decode", "rvq-audio", "less.cvq", "-o", "less");
        Fails(2, "WAV", "vq", "decode", "rvq-audio", "less.cvq", "--png", "-o", "no");
        File.WriteAllText(Path.Combine(_folder, "song.mp3"), "ID3");
        Fails(1, "ffmpeg", "vq", "encode", "rvq-audio", "song.mp3", "-o", "no.cvq");
        Assert.Contains("snr", Ok("eval", "rvq-audio"), StringComparison.Ordinal);
        // A published model's weights become a file for the same commands.
        Assert.Contains("16000 Hz",
            Ok("vq", "import", Path.Combine(Repository.Root, "tests", "References", "vq", "published", "dac.pth"), "-o", "dac.safetensors"),
            StringComparison.Ordinal);
        Ok("vq", "encode", "dac.safetensors", Path.Combine("sounds", "one.wav"), "-o", "dac.cvq");
        Ok("vq", "decode", "dac.safetensors", "dac.cvq", "-o", "dac");
        Fails(1, "no tokenizer that is read", "vq", "import",
            Path.Combine(Repository.Root, "tests", "References", "vq", "published", "vq.pth"), "-o", "no.safetensors");
        Assert.False(File.Exists(Path.Combine(_folder, "no.safetensors")));
    }

    /// <summary>A hum of 16 bits.</summary>
    private static byte[] Wav(int rate, short channels, int frames)
    {
        using var wav = new MemoryStream();
        using var writer = new BinaryWriter(wav);
        var bytes = frames * channels * 2;
        writer.Write("RIFF"u8);
        writer.Write(36 + bytes);
        writer.Write("WAVEfmt "u8);
        writer.Write(16);
        writer.Write((short)1);
        writer.Write(channels);
        writer.Write(rate);
        writer.Write(rate * channels * 2);
        writer.Write((short)(channels * 2));
        writer.Write((short)16);
        writer.Write("data"u8);
        writer.Write(bytes);
        for (var i = 0; i < frames * channels; i++) writer.Write((short)(8000 * Math.Sin(i * 0.1)));
        return wav.ToArray();
    }

    private string Ok(params string[] arguments)
    {
        var (code, output, error) = CressetProcess.Run(_folder, arguments);
        Assert.True(code == 0, $"{string.Join(' ', arguments)}: {error}");
        return output;
    }

    private void Fails(int expected, string text, params string[] arguments)
    {
        var (code, _, error) = CressetProcess.Run(_folder, arguments);
        Assert.Equal(expected, code);
        Assert.Contains(text, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    /// <summary>A gray PNG with a stroke, stored without compression.</summary>
    private static byte[] GrayPng(int variant, int width = 8, int height = 8, byte stroke = 255)
    {
        using var raw = new MemoryStream();
        for (var y = 0; y < height; y++)
        {
            raw.WriteByte(0);
            for (var x = 0; x < width; x++) raw.WriteByte((byte)((x + y + variant) % 4 == 0 ? stroke : 0));
        }
        using var packed = new MemoryStream();
        using (var zlib = new System.IO.Compression.ZLibStream(packed, System.IO.Compression.CompressionLevel.Fastest, leaveOpen: true))
            zlib.Write(raw.ToArray());
        using var png = new MemoryStream();
        png.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10]);
        Chunk(png, "IHDR", [0, 0, 0, (byte)width, 0, 0, 0, (byte)height, 8, 0, 0, 0, 0]);
        Chunk(png, "IDAT", packed.ToArray());
        Chunk(png, "IEND", []);
        return png.ToArray();
    }

    private static (int Width, int Height) PngSize(string path)
    {
        var bytes = File.ReadAllBytes(path);
        return (bytes[19], bytes[23]);
    }

    private static void Chunk(Stream png, string type, byte[] data)
    {
        byte[] body = [.. System.Text.Encoding.ASCII.GetBytes(type), .. data];
        png.Write(BigEndian((uint)data.Length));
        png.Write(body);
        var crc = uint.MaxValue;
        foreach (var value in body)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320u);
        }
        png.Write(BigEndian(~crc));
    }

    private static byte[] BigEndian(uint value) => [(byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value];
}
