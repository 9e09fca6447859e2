using Cresset.Data;
using Cresset.Diffusion;
using Cresset.Recipes;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Diffusion;

/// <summary>What is saved as a folder loads again and draws the same.</summary>
public sealed class SavingTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-saving-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void AWholeModelComesBackWithTheSameBits()
    {
        using var scope = NewDisposeScope();
        var options = new GenerationOptions
        {
            Width = 48,
            Height = 32,
            Steps = 2,
            Guidance = new GuidanceOptions { Scale = 3 },
            T5Length = 16,
            Seed = 5
        };
        using var model = StableDiffusion3.Load(Reference.PathOf("tiny_sd3"));
        model.Save(_folder);
        using var again = StableDiffusion3.Load(_folder);
        Assert.Empty(again.Notes);
        Assert.Equal(model.Schedule, again.Schedule);
        using var a = model.Generate("a photo of a cat", "ugly", options);
        using var b = again.Generate("a photo of a cat", "ugly", options);
        Assert.True(a.Latents.SameAs(b.Latents));
    }

    [Fact]
    public void AMiniatureIsACheckpointOfTheLargeModelsLayout()
    {
        using var scope = NewDisposeScope();
        var data = new DigitsData().Open(new DataUse(TargetKind.Caption, NeedsPictures: true));
        using var task = new Sd3MiniatureTask(
            new Sd3MiniatureOptions
            {
                Autoencoder = "garments",
                Encoders = MiniatureEncoders.All,
                Width = 16,
                Heads = 1,
                Layers = 1,
                TextWidth = 16
            }, data, 3);
        task.Model.Save(_folder);
        using var model = StableDiffusion3.Load(_folder);
        Assert.Empty(model.Notes);
        // Its tokenizers say how long a prompt may be: the usual 256 tokens for T5 would drown the four that it knows.
        using var wanted = model.Text.Encode("the digit seven");
        using var here = task.Model.Prompts(["the digit seven"]);
        Reference.Close(here.Context, wanted.Context, 1e-5, "tokens");
        Reference.Close(here.Pooled, wanted.Pooled, 1e-5, "pooled");
        using var made = model.Generate("the digit seven", options: new() { Width = 8, Height = 8, Steps = 2, Seed = 1 });
        Assert.Equal([1L, 1L, 8L, 8L], made.Pictures!.shape);
        using var cut = model.Text.Encode("the digit seven the digit seven the digit seven");
        Assert.Contains(cut.Notes, note => note.StartsWith("T5 reads", StringComparison.Ordinal));
    }

    [Fact]
    public void OnlyAWholeMiniatureIsSaved()
    {
        using var generator = new Generator(1);
        using var model = new Miniature(new MiniatureOptions { Width = 16, Heads = 1, Layers = 1 }, new WordTokenizer(["one"], 4),
            generator);
        Assert.Contains("all text encoders", Assert.Throws<NotSupportedException>(() => model.Save(_folder)).Message,
            StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder));
    }
}
