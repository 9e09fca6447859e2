using Cresset.Diffusion;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Diffusion;

public sealed class GenerationPlanTests : IDisposable
{
    private static readonly string Folder = Reference.PathOf("tiny_sd3");

    private static readonly GenerationOptions Small = new() { Width = 80, Height = 48, Steps = 2, T5Length = 16 };

    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-plan-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void WhatStaysInTheFileIsToldFromWhatIsWidened()
    {
        using var scope = NewDisposeScope();
        GenerationPlan Of(string path, LoadOptions? load = null) => GenerationPlan.Of(path, load, Small);
        var plain = Of(Folder);
        Assert.Equal(["transformer", "vae", "clip-l", "clip-g", "t5"], plain.Parts.Select(p => p.Name));
        using (var model = StableDiffusion3.Load(Folder))
            Assert.Equal(model.Transformer.parameters().Sum(p => p.numel()) + model.Transformer.buffers().Sum(b => b.numel()),
                plain.Parts[0].Parameters);
        // Half precision is widened while that fits; asked for, it stays mapped, and bfloat16 is a copy of the same size.
        (long, long) Held(LoadOptions? load) => (Of(Folder, load).Parts[0].Mapped, Of(Folder, load).Parts[0].Allocated);
        var count = plain.Parts[0].Parameters;
        Assert.Equal((0L, 4 * count), Held(null));
        Assert.Equal((2 * count, 0L), Held(new LoadOptions { Dtype = float16 }));
        Assert.Equal((0L, 2 * count), Held(new LoadOptions { Dtype = bfloat16 }));
        Assert.Equal(4, Of(Folder, new LoadOptions { SkipT5 = true }).Parts.Count);
        var packed = Path.Combine(_folder, "q8.gguf");
        ModelConversion.ToGguf(Folder, packed, GgufStorage.Q8_0);
        var load = new LoadOptions { VaePath = Path.Combine(Folder, "vae"), ClipLPath = Path.Combine(Folder, "text_encoder") };
        PlannedPart kept = Of(packed, load).Parts[0], unpacked = Of(packed, load with { KeepPacked = false }).Parts[0];
        Assert.True(kept.Mapped + kept.Allocated < unpacked.Mapped + unpacked.Allocated, $"{kept} {unpacked}");
        Assert.Contains("Q8_0", kept.Stored, StringComparison.Ordinal);
    }

    [Fact]
    public void TilesComeWhereWholePicturesTakeMoreThanAnEighthOfTheMemory()
    {
        // The released autoencoder; 8.4 GB were measured for 1024 pixels per side.
        var vae = new VaeOptions();
        GenerationOptions Side(int side) => new() { Width = side, Height = side };
        Assert.InRange(GenerationPlan.Decoded(vae, 1024, 1024), 7.6e9, 9.2e9);
        Assert.InRange(GenerationPlan.Decoded(vae, 512, 512), 1.7e9, 2.3e9);
        Assert.Null(GenerationPlan.Tiles(vae, Side(256), 16_000_000_000));
        Assert.Equal(448, GenerationPlan.Tiles(vae, Side(1024), 16_000_000_000));
        Assert.Equal(512, GenerationPlan.Tiles(vae, Side(1024), 24_000_000_000));
        Assert.Null(GenerationPlan.Tiles(vae, Side(1024), 80_000_000_000));
    }

    [Fact]
    public void WhatCannotBeIsToldBeforeAnythingIsRead()
    {
        Assert.Contains("at most 160 pixels per side",
            Assert.Throws<ArgumentException>(() => GenerationPlan.Of(Folder, null, Small with { Width = 176 })).Message,
            StringComparison.Ordinal);
        Assert.Contains("blocks 0 to 2",
            Assert.Throws<ArgumentException>(
                () => GenerationPlan.Of(Folder, null, Small with { Guidance = new GuidanceOptions { SkipLayers = [3] } })).Message,
                StringComparison.Ordinal);
        var packed = Path.Combine(_folder, "q8.gguf");
        ModelConversion.ToGguf(Folder, packed, GgufStorage.Q8_0);
        Assert.Contains("has no autoencoder", Assert.Throws<InvalidDataException>(() => GenerationPlan.Of(packed)).Message,
            StringComparison.Ordinal);
        Assert.Contains("more memory than there is", Assert.Single(GenerationPlan.Of(Folder, null, Small, memory: 1000).Notes),
            StringComparison.Ordinal);
    }

    [Fact]
    public void EncodersAreFreedOnceTheyHaveSpoken()
    {
        using var scope = NewDisposeScope();
        using var model = StableDiffusion3.Load(Folder);
        using var expected = model.Generate("a cat", null, Small, latentsOnly: true);
        using var wanted = model.Text.Encode("a cat", t5Length: 16);
        using var unwanted = model.Text.Encode("", t5Length: 16);
        model.Text.Release();
        using var actual = model.Generate(wanted, unwanted, Small, latentsOnly: true);
        Assert.True(actual.Latents.SameAs(expected.Latents));
        Assert.Contains("were freed", Assert.Throws<InvalidOperationException>(() => model.Generate("a cat", null, Small)).Message,
            StringComparison.Ordinal);
    }
}
