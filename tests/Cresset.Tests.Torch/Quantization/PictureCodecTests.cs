using Cresset.Data;
using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Quantization;
using Cresset.Recipes;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

/// <summary>Pictures of any size through a tokenizer that lies in a file of its own.</summary>
public sealed class PictureCodecTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-codec-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(2, 1)]
    [InlineData(2, 2)]
    [InlineData(1, 1)]
    [InlineData(1, 3)]
    public void PiecesWithTheirSurroundingsAreTheWhole(int dimensions, int stages)
    {
        using var scope = NewDisposeScope();
        UpsamplerOptions[] line = [new TransposedUpsampler(), new NearestUpsampler()];
        foreach (var upsampler in dimensions == 1 ? line
            : [.. line, new BilinearUpsampler(), new PixelShuffleUpsampler(), new CarafeUpsampler(), new DySampleUpsampler()])
        {
            using var inner = NewDisposeScope();
            using var generator = new Generator(6);
            var vector = new VectorQuantizerOptions { Codebook = new() { Size = 16, Width = 4 } };
            using var model = new VqVae(
                new() { Channels = 2, Dimensions = dimensions, Width = 8, ResidualUnits = 1, ResidualWidth = 4, Upsampler = upsampler },
                stages == 1 ? new VectorQuantizer(vector, generator)
                    : new ResidualQuantizer(new() { Stages = stages, Stage = vector }, generator),
                generator);
            model.eval();
            var data = dimensions == 2 ? randn([1, 2, 124, 92], generator: generator) : randn([2, 2, 232], generator: generator);
            var codes = model.Encode(data)[0];
            var pieces = TokenizerTiles.Encode(model, data, 7);
            // Sums in another order may move a vector that lies between two codes.
            Assert.True(codes.eq(pieces).to(ScalarType.Float32).mean().ToDouble() > 0.999, $"{upsampler}: codes");
            Assert.Equal(codes.shape, pieces.shape);
            Golden.Near(model.Decode([codes]), TokenizerTiles.Decode(model, codes, 7), 1e-4, $"{upsampler}");
            // Less than the convolutions see shows: the reach is not a mere margin of safety.
            if (dimensions == 2)
                Assert.False(model.Decode([codes.narrow(1, 0, 7)]).allclose(model.Decode([codes]).narrow(2, 0, 28), 0, 1e-4));
        }
    }

    [Theory]
    [InlineData("vq-vae", 0)]
    [InlineData("vq-vae", 2)]
    [InlineData("vq-vae2", 0)]
    [InlineData("vq-vae2", 3)]
    public void ATokenizerInAFileTakesPicturesOfAnySize(string architecture, int padding)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var options =
            new TokenizerOptions
            {
                Architecture = (TokenizerArchitecture)BuiltInParts.Catalog.Get("autoencoder", architecture).Create(),
                Padding = padding,
                Width = 8
            };
        using var model = options.Build(3, generator);
        var path = Path.Combine(_folder, "model.safetensors");
        Save(model, options, path);
        using var tokenizer = TokenizerRun.OpenFile(path);
        Assert.Equal((3, 32, "model"), (tokenizer.Channels, tokenizer.Size, tokenizer.Id));
        tokenizer.Save(Path.Combine(_folder, "again.safetensors"));
        using var again = TokenizerRun.OpenFile(Path.Combine(_folder, "again.safetensors"));
        Assert.True(again.HasWeightsOf(tokenizer));
        Assert.Equal("model", again.Id);
        var codec = new PictureCodec(again);
        foreach (var (height, width) in new[] { (1, 1), (32 - (2 * padding), 32 - (2 * padding)), (17, 40), (41, 5) })
        {
            var picture = new PicturePlanes(3, height, width);
            var stream = new SplitMix64(5);
            foreach (ref var value in picture.Values.AsSpan()) value = stream.NextSingle();
            var (codes, shape) = codec.Encode(picture);
            Assert.Equal(shape.Aggregate(1L, (a, b) => a * b) * again.CodebookSizes.Count, codes.Length);
            Assert.Equal(again.PositionsOf(height, width), shape[1..]);
            var back = codec.Decode(codes, height, width);
            Assert.Equal((3, height, width), (back.Channels, back.Height, back.Width));
            // The whole picture at once, padded by hand.
            var (rows, columns) = again.Padded(height, width);
            var planes = nn.functional.pad(tensor(picture.Values, [1, 3, height, width]), [padding, padding, padding, padding]);
            planes = nn.functional.pad(planes, [0, columns - planes.size(3), 0, rows - planes.size(2)], mode: PaddingModes.Replicate);
            var whole = again.Model.Decode(again.Model.Encode(planes)).clamp(0, 1).narrow(2, padding, height).narrow(3, padding, width)
                .contiguous();
            Golden.Near(whole, tensor(back.Values, whole.shape), 1e-5, $"{height}x{width}");
            Assert.Throws<ArgumentException>(() => codec.Decode(codes[1..], height, width));
        }
        Assert.Throws<ArgumentException>(() => codec.Encode(new PicturePlanes(1, 4, 4)));
    }

    [Fact]
    public void AFileThatIsNoTokenizerIsRefusedWithWhatToDo()
    {
        using var model = nn.Linear(2, 2);
        var path = Path.Combine(_folder, "linear.safetensors");
        StateDict.Save(model, path, new Dictionary<string, string> { ["format"] = "pt" });
        Assert.Contains("vq export", Assert.Throws<InvalidDataException>(() => TokenizerRun.OpenFile(path)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../out.png")]
    [InlineData("/etc/out.png")]
    [InlineData("a/../../out.png")]
    [InlineData("a\\..\\out.png")]
    [InlineData("C:out.png")]
    [InlineData("a//b.png")]
    public void NamesThatLeadOutOfTheFolderAreRefused(string name)
    {
        using var tokenizer = Small();
        var path = Path.Combine(_folder, "codes.cvq");
        CodeFileWriter.Write(path, "", tokenizer.CodebookSizes, null, writer => writer.Add(new CodeEntry(name, [1, 8, 8]), new long[64]));
        Assert.Contains("leads out", Assert.Throws<InvalidDataException>(() => CodedPictures.Open(path, tokenizer, null)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("33", "32")]
    [InlineData("1000000000", "1000000000")]
    [InlineData("-4", "32")]
    [InlineData("32", "x")]
    public void ASizeThatIsNotThatOfTheCodesIsRefused(string width, string height)
    {
        using var tokenizer = Small();
        var path = Path.Combine(_folder, "codes.cvq");
        CodeFileWriter.Write(path, "", tokenizer.CodebookSizes, null, writer => writer.Add(
            new CodeEntry("a.png", [1, 8, 8]) { Attributes = new Dictionary<string, string> { ["width"] = width, ["height"] = height } },
            new long[64]));
        Assert.Contains("a.png", Assert.Throws<InvalidDataException>(() => CodedPictures.Open(path, tokenizer, null)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(".png", 1e-6)]
    [InlineData(".jpg", 0.1)]
    [InlineData(".webp", 0.1)]
    public void WrittenPicturesAreReadBack(string extension, double tolerance)
    {
        foreach (var channels in new[] { 1, 3 })
        {
            var picture = new PicturePlanes(channels, 24, 31);
            for (var i = 0; i < picture.Values.Length; i++)
                picture.Values[i] = MathF.Round((0.5f + (0.4f * MathF.Sin(i / 40f))) * 255) / 255;
            var path = Path.Combine(_folder, $"p{channels}{extension}");
            File.WriteAllBytes(path, PictureEncoder.Encode(picture, extension));
            var back = PicturePlanes.Load(path, channels);
            Assert.Equal((24, 31), (back.Height, back.Width));
            Assert.True(
                back.Values.Zip(picture.Values).Max(p => Math.Abs(p.First - p.Second))
                    <= tolerance + (channels == 3 && tolerance > 0.01 ? 0.3 : 0), extension);
        }
        Assert.Contains(".tif", Assert.Throws<ArgumentException>(() => PictureEncoder.Encode(new PicturePlanes(1, 2, 2), ".tif")).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void SimilarityInStripsIsThatOfTheWhole()
    {
        using var scope = NewDisposeScope();
        var stream = new SplitMix64(2);
        PicturePlanes a = new(3, 600, 20), b = new(3, 600, 20);
        for (var i = 0; i < a.Values.Length; i++)
            (a.Values[i], b.Values[i]) = (MathF.Round(stream.NextSingle() * 255) / 255, MathF.Round(stream.NextSingle() * 255) / 255);
        Tensor ta = tensor(a.Values, [3, 1, 600, 20]), tb = tensor(b.Values, [3, 1, 600, 20]);
        var (psnr, ssim) = PictureCodec.Compare(a, b);
        Assert.Equal(ImageQuality.Psnr(ta, tb), psnr, 1e-6);
        Assert.Equal(ImageQuality.Ssim(ta, tb), ssim!.Value, 1e-6);
        Assert.Null(PictureCodec.Compare(new PicturePlanes(1, 10, 40), new PicturePlanes(1, 10, 40)).Ssim);
    }

    private TokenizerRun Small()
    {
        using var generator = new Generator(1);
        var options = new TokenizerOptions { Width = 8 };
        using var model = options.Build(1, generator);
        var path = Path.Combine(_folder, "small.safetensors");
        Save(model, options, path, "1 32");
        return TokenizerRun.OpenFile(path);
    }

    private static void Save(Tokenizer model, TokenizerOptions options, string path, string pictures = "3 32") =>
        StateDict.Save(model, path, new Dictionary<string, string>
        {
            ["format"] = "pt",
            [ModelFile.JobKey] = "tokenizer",
            [ModelFile.OptionsKey] = ConfigYaml.Write(OptionsWriter.Write(options)),
            ["cresset.pictures"] = pictures,
        });
}
