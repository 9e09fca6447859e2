using Cresset.Diffusion;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Diffusion;

/// <summary>What a caller may do while pictures are made, masks between 0 and 1, and what a finished picture remembers.</summary>
public sealed class SamplingLoopTests : IDisposable
{
    private static readonly GenerationOptions Small = new()
    {
        Width = 80,
        Height = 48,
        Steps = 5,
        Guidance = new GuidanceOptions { Scale = 5 },
        T5Length = 16,
        Seed = 77
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-loop-").FullName;
    private readonly StableDiffusion3 _model = StableDiffusion3.Load(Reference.PathOf("tiny_sd3"));

    public void Dispose()
    {
        _model.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private Tensor Latents(GenerationOptions options, GenerationInputs? inputs = null)
    {
        using var result = _model.Generate("a cat", null, options, inputs, latentsOnly: true);
        return result.Latents.clone();
    }

    [Fact]
    public void WhatAStepMakesIsItsOwn()
    {
        using var scope = NewDisposeScope();
        List<Tensor> kept = [];
        var plain = Latents(Small);
        var same = Latents(Small, new GenerationInputs
        {
            OnStep = s =>
            {
                kept.Add(s.Latents);
                kept.Add(s.Predicted.mul(2).add(1));
            },
        });
        Assert.True(plain.SameAs(same));
        Assert.Equal(10, kept.Count);
        Assert.All(kept, t => Assert.True(t.isfinite().all().item<bool>()));
        Assert.True(kept[8].SameAs(plain));
        foreach (var tensor in kept) tensor.Dispose();
    }

    [Theory]
    [InlineData("euler")]
    [InlineData("heun")]
    public void EveryStepIsReported(string sampler)
    {
        using var scope = NewDisposeScope();
        var steps = new List<(int, int)>();
        Latents(Small with { Sampler = (SamplerOptions)new PartCatalog(typeof(SamplerOptions).Assembly).Get("sampler", sampler).Create() },
            new GenerationInputs { OnStep = s => steps.Add((s.Step, s.Steps)) });
        Assert.Equal([(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)], steps);
    }

    [Fact]
    public void AStepChangesLatentsGuidanceAndPromptsOrStops()
    {
        using var scope = NewDisposeScope();
        // Zeros from the third step on are the same as starting there from zeros.
        Tensor? after = null;
        Latents(Small, new GenerationInputs
        {
            OnStep = s =>
            {
                if (s.Step == 3) s.Replace(zeros_like(s.Latents));
                if (s.Step == 4) after = s.Latents;
            },
        });
        using var sampler = Sampler.Create(new EulerSamplerOptions(), _model.Schedule, 5);
        using var wanted = _model.Text.Encode("a cat", t5Length: 16);
        using var unwanted = _model.Text.Encode("", t5Length: 16);
        using (no_grad())
        {
            var start = zeros(1, 16, 6, 10);
            Tensor Velocity(PromptEmbedding prompt) =>
                _model.Transformer.Forward(start, full([1], sampler.Table.Times[3], float32), prompt.Context, prompt.Pooled);
            Tensor u = Velocity(unwanted), c = Velocity(wanted);
            Reference.Close((u + ((c - u) * 5)) * (double)(sampler.Table.Sigmas[4] - sampler.Table.Sigmas[3]), after!, 1e-4, "from zeros");
        }
        // Guidance set in the first step rules the others.
        Tensor Switched(double first, double then) =>
            Latents(Small with { Guidance = new GuidanceOptions { Scale = first } },
                new GenerationInputs { OnStep = s => s.Guidance = s.Guidance with { Scale = then } });
        Assert.True(Switched(5, 5).SameAs(Latents(Small)));
        Assert.False(Switched(5, 2).SameAs(Latents(Small)));
        Assert.Throws<ArgumentException>(() => Switched(5, 1));
        using var dog = _model.Text.Encode("a dog", t5Length: 16);
        Assert.False(Latents(Small, new GenerationInputs { OnStep = s => s.Follow(dog, unwanted) }).SameAs(Latents(Small)));
        Assert.True(Latents(Small, new GenerationInputs { OnStep = s => s.Follow(wanted, unwanted) }).SameAs(Latents(Small)));
        Assert.Throws<ArgumentException>(() => Latents(Small, new GenerationInputs { OnStep = s => s.Follow(dog) }));
        Assert.Throws<ShapeException>(() => Latents(Small, new GenerationInputs { OnStep = s => s.Replace(zeros(1, 16, 6, 9)) }));
        // Stopping hands over what was predicted.
        Tensor? predicted = null;
        var count = 0;
        var stopped = Latents(Small, new GenerationInputs
        {
            OnStep = s =>
            {
                count++;
                if (s.Step != 2) return;
                predicted = s.Predicted;
                s.Stop();
            },
        });
        Assert.Equal(2, count);
        Assert.True(stopped.SameAs(predicted!));
        after!.Dispose();
        predicted!.Dispose();
    }

    [Fact]
    public void GreyMasksLetGoStepByStep()
    {
        // Differential diffusion (Levin and Fried 2023) step by step: what is kept is replaced before each evaluation by the noised source
        // wherever the map is above the share of steps made.
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var source = randn([1, 16, 6, 10], generator: new Generator(1));
        var noise = randn([1, 16, 6, 10], generator: new Generator(2));
        var mask = linspace(0, 1, 10).repeat_interleave(8).view(1, 1, 1, 80).expand(1, 1, 48, 80).contiguous();
        var options = Small with { Steps = 8, Strength = 0.75 };
        var actual = Latents(options, new GenerationInputs { Picture = source, Latents = noise, Mask = mask });
        using var sampler = Sampler.Create(options.Sampler ?? new EulerSamplerOptions(), _model.Schedule, 8);
        using var wanted = _model.Text.Encode("a cat", t5Length: 16);
        using var unwanted = _model.Text.Encode("", t5Length: 16);
        var map = 1 - linspace(0, 1, 10).view(1, 1, 1, 10);
        const int start = 2, total = 6;
        var x = sampler.AddNoise(source, noise, start);
        for (var i = start; i < 8; i++)
        {
            var noised = sampler.AddNoise(source, noise, i);
            if (i > start) x = where(map.gt((i - start) / (double)total), noised, x);
            Tensor Velocity(PromptEmbedding prompt) =>
                _model.Transformer.Forward(x, full([1], sampler.Table.Times[i], float32), prompt.Context, prompt.Pooled);
            Tensor u = Velocity(unwanted), c = Velocity(wanted);
            x = x + ((u + ((c - u) * 5)) * (double)(sampler.Table.Sigmas[i + 1] - sampler.Table.Sigmas[i]));
        }
        // The reference leaves the last step's noise in what is kept to the end; here it is the source itself.
        Reference.Close(x.narrow(3, 1, 9), actual.narrow(3, 1, 9), 1e-4, "changed");
        Assert.True(actual.narrow(3, 0, 1).SameAs(source.narrow(3, 0, 1)));
        Assert.Contains("from -1",
            Assert.ThrowsAny<ArgumentException>(() => Latents(options, new GenerationInputs { Picture = source, Mask = mask - 1 })).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void UntouchedPixelsArePutBack()
    {
        using var scope = NewDisposeScope();
        var picture = rand([1, 3, 48, 80], generator: new Generator(1));
        var mask = zeros(1, 1, 48, 80);
        mask.narrow(3, 37, 43).fill_(1);
        using var result = _model.Generate("a cat", null, Small with { Count = 2 },
            new GenerationInputs { Picture = picture, Mask = mask });
        Assert.True(result.Pictures!.narrow(3, 0, 37).SameAs(picture.narrow(3, 0, 37).expand(2, 3, 48, 37)));
        using var through = _model.Generate("a cat", null, Small with { KeepUntouched = false },
            new GenerationInputs { Picture = picture, Mask = mask });
        Assert.False(through.Pictures!.narrow(3, 0, 37).SameAs(picture.narrow(3, 0, 37)));
        Assert.True(through.Pictures!.narrow(3, 37, 43).SameAs(result.Pictures!.narrow(0, 0, 1).narrow(3, 37, 43))
            || (through.Pictures - result.Pictures!.narrow(0, 0, 1)).narrow(3, 37, 43).abs().max().item<float>() < 1e-4);
    }

    [Theory]
    [InlineData("Picture")]
    [InlineData("Mask")]
    [InlineData("Control")]
    [InlineData("ControlMask")]
    public void AnInputThatIsNeitherOneNorOneForEachIsRefused(string input)
    {
        using var scope = NewDisposeScope();
        using var control = new ControlNet(
            new ControlNetOptions { Transformer = _model.Transformer.Options with { Layers = 1, DualAttentionLayers = [] } });
        _model.Control = control;
        Tensor Rows(string name, int channels) => rand([name == input ? 2 : 1, channels, 48, 80]);
        var inputs = new GenerationInputs
        {
            Picture = Rows("Picture", 3),
            Mask = Rows("Mask", 1),
            Control = Rows("Control", 3),
            ControlMask = Rows("ControlMask", 1)
        };
        var error = Assert.ThrowsAny<ArgumentException>(() => Latents(Small with { Count = 3 }, inputs));
        Assert.Contains($"{input} has 2 rows and Count is 3", error.Message, StringComparison.Ordinal);
        _model.Control = null;
    }

    [Fact]
    public void NoiseIsDrawnAsOtherElementTypesDrawIt()
    {
        using var scope = NewDisposeScope();
        foreach (var (like, dtype) in new[] { (NoiseLike.Float16, float16), (NoiseLike.BFloat16, bfloat16) })
        {
            var drawn = randn([1, 16, 6, 10], dtype, CPU, generator: new Generator(77)).to(float32);
            Assert.True(Latents(Small with { NoiseLike = like }).SameAs(Latents(Small, new GenerationInputs { Latents = drawn })));
        }
        Assert.False(Latents(Small with { NoiseLike = NoiseLike.BFloat16 }).SameAs(Latents(Small)));
    }

    [Fact]
    public void APictureRemembersHowItWasMade()
    {
        using var scope = NewDisposeScope();
        var options = Small with
        {
            Steps = 3,
            Count = 2,
            Sampler = new StochasticDpmSolverOptions(),
            Guidance = new GuidanceOptions { Scale = 4.25, SkipLayers = [1], SkipStart = 0 },
            NoiseLike = NoiseLike.Float16
        };
        using var made = _model.Generate(new PromptText("ein Käfer, \"blau\"\n🐞", "a bug"), "verschwommen", options);
        var files = made.Save(Path.Combine(_folder, "made.png"));
        Assert.Equal(["made-1.png", "made-2.png"], files.Select(Path.GetFileName));
        var settings = GenerationSettings.FromPicture(files[1]);
        Assert.Equal(made.Settings!.Prompt, settings.Prompt);
        Assert.Equal((options.Seed + 1, 1), (settings.Options.Seed, settings.Options.Count));
        using var again = _model.Generate(settings.Prompt, settings.Negative, settings.Options);
        Reference.Close(made.Pictures!.narrow(0, 1, 1), again.Pictures!, 1e-4, "picture");
        var picture = Cresset.Plots.Picture.Load(files[1]);
        Assert.Equal((80, 48), (picture.Width, picture.Height));
        Assert.Equal((byte)Math.Round(made.Pictures![1, 2, 5, 7].item<float>() * 255), picture.Pixels[(((5 * 80) + 7) * 4) + 2]);
        var bytes = File.ReadAllBytes(files[0]);
        foreach (var (name, content) in new[] { ("cut.png", bytes[..200]), ("none.png", bytes[..4]),
            ("long.png", [.. bytes[..8], 0x7F, 0xFF, 0xFF, 0xFF, .. bytes[12..]]) })
        {
            File.WriteAllBytes(Path.Combine(_folder, name), content);
            Assert.Throws<InvalidDataException>(() => GenerationSettings.FromPicture(Path.Combine(_folder, name)));
        }
        File.WriteAllBytes(Path.Combine(_folder, "bare.png"), Cresset.Plots.Picture.FromPlanes(new float[12], 3, 2, 2).ToPng());
        Assert.Contains("holds no settings",
            Assert.Throws<InvalidDataException>(() => GenerationSettings.FromPicture(Path.Combine(_folder, "bare.png"))).Message,
            StringComparison.Ordinal);
        using var noise = _model.Generate("a cat", null, Small, latentsOnly: true);
        Assert.Throws<InvalidOperationException>(() => noise.Save(Path.Combine(_folder, "x.png")));
    }

    [Fact]
    public void WhatHasNoEffectIsSaid()
    {
        using var result = _model.Generate("a cat", null,
            Small with { Guidance = new GuidanceOptions { Scale = 1, SkipLayers = [0], ZeroStar = true, Rescale = 0.5 } },
            latentsOnly: true);
        Assert.Equal(3, result.Notes.Count(n => n.Contains("had no effect", StringComparison.Ordinal)));
    }
}
