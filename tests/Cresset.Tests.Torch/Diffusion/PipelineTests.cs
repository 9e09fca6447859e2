using Cresset.Diffusion;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Diffusion;

public sealed class PipelineTests : IDisposable
{
    private static readonly string Folder = Reference.PathOf("tiny_sd3");

    private static readonly GenerationOptions Small = new()
    {
        Width = 80,
        Height = 48,
        Steps = 4,
        Guidance = new GuidanceOptions { Scale = 5 },
        T5Length = 32,
        Seed = 77
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-sd3-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string SingleFileCopy()
    {
        var path = Path.Combine(_folder, "single.safetensors");
        if (!File.Exists(path)) ModelConversion.ToSingleFile(Folder, path);
        return path;
    }

    private static LoadOptions Tokenizers => new()
    {
        ClipLTokenizerPath = Path.Combine(Folder, "tokenizer"),
        ClipGTokenizerPath = Path.Combine(Folder, "tokenizer_2"),
        T5TokenizerPath = Path.Combine(Folder, "tokenizer_3", "spiece.model"),
    };

    [Fact]
    public void FolderAndSingleFileGiveTheSameBits()
    {
        using var scope = NewDisposeScope();
        using var folder = StableDiffusion3.Load(Folder);
        using var file = StableDiffusion3.Load(SingleFileCopy(), Tokenizers);
        using var a = folder.Generate("a photo of a cat", "ugly", Small);
        using var b = file.Generate("a photo of a cat", "ugly", Small);
        Assert.Equal([1L, 3, 48, 80], a.Pictures!.shape);
        Assert.True(a.Latents.SameAs(b.Latents));
        Assert.True(a.Pictures.SameAs(b.Pictures!));
        var back = Path.Combine(_folder, "folder");
        ModelConversion.ToFolder(SingleFileCopy(), back, Tokenizers);
        using var again = StableDiffusion3.Load(back);
        using var c = again.Generate("a photo of a cat", "ugly", Small);
        Assert.True(a.Latents.SameAs(c.Latents));
    }

    [Fact]
    public void AFolderWrittenWithoutT5sTokenizerLoadsAndTakesOneFromElsewhere()
    {
        using var scope = NewDisposeScope();
        using var whole = StableDiffusion3.Load(Folder);
        var written = Path.Combine(_folder, "written");
        ModelConversion.ToFolder(SingleFileCopy(), written, Tokenizers with { T5TokenizerPath = null });
        using var without = StableDiffusion3.Load(written);
        Assert.Contains("--t5-tokenizer", Assert.Single(without.Notes), StringComparison.Ordinal);
        using var with = StableDiffusion3.Load(written, new LoadOptions { T5TokenizerPath = Tokenizers.T5TokenizerPath });
        Assert.Empty(with.Notes);
        using var a = whole.Text.Encode("a photo of a cat", t5Length: 32);
        using var b = with.Text.Encode("a photo of a cat", t5Length: 32);
        Assert.True(a.Context.SameAs(b.Context));
    }

    [Fact]
    public void OneStepEqualsTheFormula()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = StableDiffusion3.Load(Folder);
        using var wanted = model.Text.Encode("a photo of a cat", t5Length: 32);
        using var unwanted = model.Text.Encode("", t5Length: 32);
        Assert.Equal([1L, 109, 48], wanted.Context.shape);
        Assert.Equal([1L, 40], wanted.Pooled.shape);
        // CLIP's 16 + 24 columns, the rest zeros.
        Assert.Equal(0, wanted.Context.narrow(1, 0, 77).narrow(2, 40, 8).abs().max().item<float>());
        var options = Small with { Steps = 1, Guidance = new GuidanceOptions { Scale = 5, SkipLayers = [1], SkipStart = 0, SkipStop = 1 } };
        using var result = model.Generate(wanted, unwanted, options, latentsOnly: true);
        var noise = randn([1, 16, 6, 10], generator: new Generator(77));
        var t = full(1, 1000f);
        Tensor v1 = model.Transformer.call(noise, t, wanted.Context, wanted.Pooled),
            v0 = model.Transformer.call(noise, t, unwanted.Context, unwanted.Pooled);
        // Step 0 is not inside (0, 1): no skip guidance there.
        Reference.Close(noise - (v0 + ((v1 - v0) * 5)), result.Latents, 1e-4, "one step");
    }

    [Fact]
    public void T5AbsentMeansZeros()
    {
        using var scope = NewDisposeScope();
        using var whole = StableDiffusion3.Load(Folder);
        using var without = StableDiffusion3.Load(Folder, new LoadOptions { SkipT5 = true });
        using var a = whole.Text.Encode("a photo of a cat", t5Length: 32);
        using var b = without.Text.Encode("a photo of a cat", t5Length: 32);
        Assert.True(a.Context.narrow(1, 0, 77).SameAs(b.Context.narrow(1, 0, 77)));
        Assert.Equal(0, b.Context.narrow(1, 77, 32).abs().max().item<float>());
        Assert.True(a.Context.narrow(1, 77, 32).abs().max().item<float>() > 0);
        using var skipped = whole.Text.Encode("a photo of a cat", clipSkip: 1, t5Length: 32);
        Assert.False(skipped.Context.SameAs(a.Context));
        using var longPrompt = whole.Text.Encode(string.Join(' ', Enumerable.Repeat("cat", 10_000)), t5Length: 32);
        Assert.Equal(3, longPrompt.Notes.Count);
    }

    [Theory]
    [InlineData("euler")]
    [InlineData("heun")]
    [InlineData("dpm++2m")]
    [InlineData("unipc")]
    [InlineData("stochastic-euler")]
    [InlineData("dpm++2m-sde")]
    [InlineData("dpm++2m-stability")]
    public void EachPictureOfABatchStandsAlone(string kind)
    {
        using var scope = NewDisposeScope();
        using var model = StableDiffusion3.Load(Folder);
        var options = Small with { Sampler = Named(kind, 2, flowTable: false) };
        using var two = model.Generate("a cat", null, options with { Count = 3 }, latentsOnly: true);
        for (var i = 0; i < 3; i++)
        {
            using var alone = model.Generate("a cat", null, options with { Seed = Small.Seed + (ulong)i }, latentsOnly: true);
            Reference.Close(alone.Latents, two.Latents.narrow(0, i, 1), 1e-4, $"picture {i}");
        }
        using var again = model.Generate("a cat", null, options with { Count = 3 }, latentsOnly: true);
        Assert.True(again.Latents.SameAs(two.Latents));
    }

    [Fact]
    public void WhatACallbackGetsStaysValid()
    {
        using var scope = NewDisposeScope();
        using var model = StableDiffusion3.Load(Folder);
        var steps = new List<GenerationStep>();
        using var result = model.Generate("a cat", null, Small, progress: new Direct<GenerationStep>(steps.Add), latentsOnly: true);
        Assert.Equal(4, steps.Count);
        foreach (var step in steps) Assert.True(step.Latents.isfinite().all().item<bool>() && step.Predicted.isfinite().all().item<bool>());
        Assert.True(steps[^1].Latents.SameAs(result.Latents));
        // At the last step nothing but the prediction is left; and the result does not hang on what the receiver does with his tensors.
        Reference.Close(result.Latents, steps[^1].Predicted, 1e-4, "prediction");
        steps[^1].Latents.fill_(0);
        Assert.NotEqual(0, result.Latents.abs().max().item<float>());
        foreach (var step in steps) step.Dispose();
    }

    [Fact]
    public void PicturesAreChangedFromTheRightStep()
    {
        using var scope = NewDisposeScope();
        using var model = StableDiffusion3.Load(Folder);
        var picture = rand([1, 3, 48, 80], generator: new Generator(1));
        var options = Small with { Steps = 8, Strength = 0.5, Seed = 56 };
        var steps = new List<int>();
        using var result = model.Generate("a cat", null, options, new GenerationInputs { Picture = picture },
            new Direct<GenerationStep>(s => steps.Add(s.Step)), latentsOnly: true);
        Assert.Equal([1, 2, 3, 4], steps);
        // The first draw is the autoencoder's, the second the noise.
        var generator = new Generator(56);
        Tensor eps = randn([1, 16, 6, 10], generator: generator), noise = randn([1, 16, 6, 10], generator: generator);
        var source = model.Vae.EncodeScaled((picture * 2) - 1, eps);
        using var sampler = Sampler.Create(new EulerSamplerOptions(), model.Schedule, 8);
        using var fromLatents = model.Generate("a cat", null, options, new GenerationInputs { Picture = source, Latents = noise },
            latentsOnly: true);
        Reference.Close(fromLatents.Latents, result.Latents, 1e-4, "same start");
    }

    [Fact]
    public void MasksKeepWhatTheyCover()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = StableDiffusion3.Load(Folder);
        var picture = rand([1, 3, 48, 80], generator: new Generator(1));
        var mask = zeros(1, 1, 48, 80);
        mask.narrow(3, 40, 40).fill_(1);
        var inputs = new GenerationInputs { Picture = picture, Mask = mask };
        using var result = model.Generate("a cat", null, Small with { Steps = 8, Strength = 0.7, Seed = 57 }, inputs, latentsOnly: true);
        var source = model.Vae.EncodeScaled((picture * 2) - 1, randn([1, 16, 6, 10], generator: new Generator(57)));
        Reference.Close(source.narrow(3, 0, 5), result.Latents.narrow(3, 0, 5), 1e-5, "kept");
        Assert.True((source - result.Latents).narrow(3, 5, 5).abs().max().item<float>() > 0.1);
    }

    [Theory]
    [InlineData("heun", 1)]
    [InlineData("dpm++2m", 2)]
    [InlineData("unipc", 3)]
    [InlineData("stochastic-euler", 1)]
    [InlineData("dpm++2m-sde", 2)]
    [InlineData("dpm++2m-stability", 2)]
    public void AllSamplersRun(string kind, int order)
    {
        using var scope = NewDisposeScope();
        using var model = StableDiffusion3.Load(Folder);
        var options = Small with
        {
            Sampler = Named(kind, order),
            Guidance = new GuidanceOptions { Scale = 4, ZeroStar = true, Rescale = 0.5, SkipLayers = [1], SkipStart = 0, SkipStop = 0.9 }
        };
        using var one = model.Generate("a cat", null, options, latentsOnly: true);
        using var two = model.Generate("a cat", null, options, latentsOnly: true);
        Assert.True(one.Latents.isfinite().all().item<bool>());
        Assert.True(one.Latents.SameAs(two.Latents));
    }

    [Fact]
    public void FreshControlNetChangesNothingAndATrainedOneDoes()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = StableDiffusion3.Load(Folder);
        foreach (var readsText in new[] { true, false })
        {
            using var control = new ControlNet(
                new ControlNetOptions
                {
                    Transformer = model.Transformer.Options with { Layers = 2, DualAttentionLayers = [] },
                    ReadsText = readsText,
                    HasPatches = readsText,
                    ZeroPooled = readsText
                });
            var inputs = new GenerationInputs { Control = rand([1, 3, 48, 80], generator: new Generator(1)) };
            using var plain = model.Generate("a cat", null, Small, latentsOnly: true);
            model.Control = control;
            // The control picture's encoding draws first; given noise keeps the runs alike.
            var noise = randn([1, 16, 6, 10], generator: new Generator(Small.Seed));
            using var fresh = model.Generate("a cat", null, Small, inputs with { Latents = noise }, latentsOnly: true);
            Reference.Close(plain.Latents, fresh.Latents, 1e-4, "fresh");
            foreach (var parameter in control.parameters()) Initialize.Normal(parameter, 0, 0.2, new Generator(9));
            using var trained = model.Generate("a cat", null, Small, inputs with { Latents = noise }, latentsOnly: true);
            Assert.True((trained.Latents - plain.Latents).abs().max().item<float>() > 1e-3);
            model.Control = null;
        }
    }

    [Fact]
    public void WrongRequestsAreOneClearLine()
    {
        using var scope = NewDisposeScope();
        using var model = StableDiffusion3.Load(Folder);
        void Refused(string part, Action action)
        {
            var error = Assert.ThrowsAny<ArgumentException>(action);
            Assert.Contains(part, error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', error.Message);
        }
        Refused("multiple of 16", () => model.Generate("x", null, Small with { Width = 90 }));
        Refused("Steps is 0", () => model.Generate("x", null, Small with { Steps = 0 }));
        Refused("blocks 0 to 2", () => model.Generate("x", null, Small with { Guidance = new GuidanceOptions { SkipLayers = [3] } }));
        Refused("strength",
            () => model.Generate("x", null, Small with { Strength = 0 }, new GenerationInputs { Picture = zeros(1, 3, 48, 80) }));
        Refused("mask needs", () => model.Generate("x", null, Small, new GenerationInputs { Mask = zeros(1, 1, 48, 80) }));
        Refused("ControlNet", () => model.Generate("x", null, Small, new GenerationInputs { Control = zeros(1, 3, 48, 80) }));
        using var source = new CancellationTokenSource();
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() => model.Generate("x", null, Small, cancellation: source.Token));
    }

    [Fact]
    public void WrongFilesSayWhatTheyAre()
    {
        void Refused(string part, string path)
        {
            var error = Assert.ThrowsAny<Exception>(() => StableDiffusion3.Load(path));
            Assert.Contains(part, error.Message, StringComparison.Ordinal);
            Assert.True(error is InvalidDataException or FileNotFoundException or CheckpointException, error.GetType().Name);
        }
        Refused("an autoencoder", Reference.PathOf("tiny_sd3/vae/diffusion_pytorch_model.safetensors"));
        Refused("T5", Reference.PathOf("tiny_sd3/text_encoder_3/model.safetensors"));
        Refused("no folder 'transformer'", Repository.Root);
        Refused("neither", "/no/such/path");
        var broken = Path.Combine(_folder, "broken");
        Copy(Folder, broken);
        var shard = Path.Combine(broken, "transformer", "diffusion_pytorch_model-00002-of-00003.safetensors");
        File.WriteAllBytes(shard, File.ReadAllBytes(shard)[..1000]);
        Refused("00002-of-00003", broken);
        File.Delete(shard);
        Refused("00002-of-00003", broken);
        Directory.Delete(Path.Combine(broken, "vae"), recursive: true);
        Copy(Path.Combine(Folder, "transformer"), Path.Combine(broken, "transformer"));
        Refused("vae", broken);
    }

    [Fact]
    public void LoadingAndGeneratingLeakNothing()
    {
        void Once()
        {
            using var model = StableDiffusion3.Load(Folder);
            using var result = model.Generate("a cat", null, Small with { Steps = 2 });
        }
        Once();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        Once();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.GetFiles(from)) File.Copy(file, Path.Combine(to, Path.GetFileName(file)), overwrite: true);
        foreach (var folder in Directory.GetDirectories(from)) Copy(folder, Path.Combine(to, Path.GetFileName(folder)));
    }

    private sealed class Direct<T>(Action<T> report) : IProgress<T>
    {
        public void Report(T value) => report(value);
    }

    private static SamplerOptions Named(string kind, int order, SolverVariant variant = SolverVariant.Standard, bool flowTable = true)
    {
        var sampler = (SamplerOptions)Cresset.Recipes.BuiltInParts.Catalog.Get("sampler", kind).Create();
        return sampler is MultistepSamplerOptions multistep ? multistep with { Order = order, Variant = variant, UseFlowTable = flowTable }
            : sampler;
    }
}
