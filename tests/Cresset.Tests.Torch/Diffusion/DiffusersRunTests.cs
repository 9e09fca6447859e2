using Cresset.Diffusion;
using Cresset.Nn;
using Cresset.Optim;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Diffusion;

/// <summary>
/// Whole runs of diffusers' pipelines on the tiny model, repeated through the public interface (make_sd3_runs.py made them).
/// </summary>
public sealed class DiffusersRunTests : IDisposable
{
    private const double Tolerance = 1e-4;

    private static readonly GenerationOptions Options = new()
    {
        Width = 80,
        Height = 48,
        Steps = 8,
        Guidance = new GuidanceOptions { Scale = 5 }
    };

    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly StableDiffusion3 _model = StableDiffusion3.Load(Reference.PathOf("tiny_sd3"));
    private readonly SafetensorsFile _runs = Reference.Open("sd3_runs.safetensors");
    private readonly PromptEmbedding _wanted = Embedding(0);
    private readonly PromptEmbedding _unwanted = Embedding(1);

    public void Dispose()
    {
        _runs.Dispose();
        _model.Dispose();
        _scope.Dispose();
    }

    private Tensor Latents => _runs.Read("in.latents");

    private Tensor Picture => _runs.Read("in.picture").to(float32).div(255);

    private Tensor Mask => _runs.Read("in.mask").to(float32);

    [Fact]
    public void TextToPictureFollowsTheTrajectory()
    {
        Check("t2i", Options, new GenerationInputs { Latents = Latents });
        using var result = _model.Generate(_wanted, _unwanted, Options, new GenerationInputs { Latents = Latents });
        Reference.Close(_runs.Read("t2i.image_rows_16_to_31"), result.Pictures!.narrow(2, 16, 16).permute(0, 2, 3, 1), Tolerance,
            "picture");
    }

    [Fact]
    public void WithoutGuidance() =>
        Check("cfg1", Options with { Steps = 4, Guidance = new GuidanceOptions { Scale = 1 } }, new GenerationInputs { Latents = Latents });

    [Fact]
    public void SkipLayerGuidance()
        => Check("slg",
            Options with
            {
                Guidance =
                new GuidanceOptions { Scale = 5, SkipLayers = [1], SkipScale = 2.8, SkipStart = 0.01, SkipStop = 0.4 }
            },
                new GenerationInputs { Latents = Latents });

    [Fact]
    public void NoiseLevelsOfOnesOwn() =>
        Check("sigmas", Options with { Sigmas = [1, 0.8, 0.5, 0.2] }, new GenerationInputs { Latents = Latents });

    [Fact]
    public void NoiseFromTheSeed() => Check("seed77", Options with { Steps = 3, Seed = 77 }, null);

    [Fact]
    public void ShiftBySize() =>
        Check("dynamic", Options with { Steps = 4, Schedule = _model.Schedule with { Dynamic = DynamicShift.Exponential } },
            new GenerationInputs { Latents = Latents });

    [Fact]
    public void TwoPicturesWithAGeneratorEach() => Check("two", Options with { Steps = 2, Seed = 77, Count = 2 }, null);

    [Fact]
    public void PictureToPictureFromLatents()
        => Check("i2i_latent", Options with { Strength = 0.6, Seed = 55 }, new GenerationInputs { Picture = Latents * 0.5 });

    [Fact]
    public void PictureToPictureFromPixels()
        => Check("i2i_pixel", Options with { Strength = 0.5, Seed = 56 }, new GenerationInputs { Picture = Picture });

    [Theory]
    [InlineData("inpaint", 8, 0.7, 57)]
    [InlineData("inpaint_all", 3, 1, 58)]
    public void Inpainting(string name, int steps, double strength, int seed)
        => Check(name, Options with { Steps = steps, Strength = strength, Seed = (ulong)seed },
            new GenerationInputs { Picture = Picture, Mask = Mask });

    [Fact]
    public void LoraMerged()
    {
        using var lora = LoraAdapter.Load(Reference.PathOf("sd3_lora.safetensors"));
        Assert.Equal(15, lora.Pairs.Count);
        lora.Merge(_model.Transformer, 0.8);
        Check("lora", Options with { Steps = 4 }, new GenerationInputs { Latents = Latents });
        lora.Unmerge(_model.Transformer);
        Check("t2i", Options, new GenerationInputs { Latents = Latents });
    }

    [Fact]
    public void OneFileInBFloat16IsWidenedOnRequest()
    {
        var folder = Directory.CreateTempSubdirectory("cresset-sd3-").FullName;
        try
        {
            var path = Path.Combine(folder, "single.safetensors");
            ModelConversion.ToSingleFile(Reference.PathOf("tiny_sd3"), path, bfloat16);
            using (var file = SafetensorsFile.Open(path))
            {
                Assert.All(file.Entries.Values, e => Assert.Equal(SafetensorsDtype.BF16, e.Dtype));
                Assert.DoesNotContain("text_encoders.clip_l.transformer.text_projection.weight", file.Entries.Keys);
            }
            string Tokenizer(string name) => Reference.PathOf($"tiny_sd3/{name}");
            using var model = StableDiffusion3.Load(path,
                new LoadOptions
                {
                    Dtype = float32,
                    ClipLTokenizerPath = Tokenizer("tokenizer"),
                    ClipGTokenizerPath = Tokenizer("tokenizer_2"),
                    T5TokenizerPath = Tokenizer("tokenizer_3/spiece.model")
                });
            var stored = StateDict.Of(_model.Transformer).ToDictionary(p => p.Key, p => p.Value);
            foreach (var (name, weight) in StateDict.Of(model.Transformer))
            {
                Assert.Equal(float32, weight.dtype);
                Assert.True(weight.SameAs(stored[name].to(bfloat16).to(float32)), name);
            }
            Assert.True(model.Text.ClipL!.get_parameter("text_projection.weight")!.SameAs(eye(16)));
            using var result = model.Generate("a small robot", null, Options with { Steps = 2, T5Length = 32 },
                new GenerationInputs { Latents = Latents }, latentsOnly: true);
            Assert.Equal(float32, result.Latents.dtype);
            Assert.True(result.Latents.isfinite().all().item<bool>());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void ClipLayersAreSkippedForThePromptAlone()
    {
        var options = Options with { Steps = 1, ClipSkip = 1, T5Length = 32 };
        using var result = _model.Generate("a small robot", "red", options, new GenerationInputs { Latents = Latents }, latentsOnly: true);
        using var wanted = _model.Text.Encode("a small robot", clipSkip: 1, t5Length: 32);
        using var unwanted = _model.Text.Encode("red", t5Length: 32);
        using var joined = _model.Generate(wanted, unwanted, options, new GenerationInputs { Latents = Latents }, latentsOnly: true);
        Reference.Close(joined.Latents, result.Latents, 0, "latents");
        // One layer fewer and none skipped is the same; the pooled embedding is not affected by skipping.
        using var plain = _model.Text.Encode("a small robot", t5Length: 32);
        Reference.Close(plain.Pooled, wanted.Pooled, 0, "pooled");
        using var shallow = new ClipTextEncoder(_model.Text.ClipL!.Options with { Layers = 2 }, WeightPlace.Nowhere);
        using (var file = Reference.Open("tiny_sd3/text_encoder/model.safetensors")) WeightLoader.Load(shallow, file, float32);
        using var noGrad = no_grad();
        var ids = tensor(Array.ConvertAll(_model.Text.ClipLTokenizer!.EncodePadded("a small robot", out _), i => (long)i)).unsqueeze(0);
        Reference.Close(shallow.Encode(ids).Hidden, wanted.Context.narrow(1, 0, 77).narrow(2, 0, 16), 1e-6, "hidden");
    }

    [Theory]
    [InlineData("none", LossWeighting.None)]
    [InlineData("sigma_sqrt", LossWeighting.InverseSquare)]
    [InlineData("cosmap", LossWeighting.CosMap)]
    public void TrainingLossesAndGradients(string name, LossWeighting weighting)
    {
        Learn();
        foreach (var precondition in new[] { false, true })
        {
            var facts = Reference.Json("sd3_runs.json").GetProperty($"train.{name}{(precondition ? ".precondition" : "")}");
            foreach (var parameter in _model.Transformer.parameters()) parameter.grad?.zero_();
            var loss = Loss(new RectifiedFlowOptions { Weighting = weighting, PredictData = precondition, UseTrainingTable = true });
            loss.backward();
            Near(facts.GetProperty("loss").GetDouble(), loss.item<float>(), 2e-5, "loss");
            var norms = _model.Transformer.named_parameters().ToDictionary(p => p.name, p => p.parameter.grad!.norm().item<float>());
            Near(facts.GetProperty("gradient_norm").GetDouble(), Math.Sqrt(norms.Values.Sum(n => (double)n * n)), 5e-5, "gradient norm");
            if (!facts.TryGetProperty("gradient_norms", out var each)) continue;
            Assert.Equal(each.EnumerateObject().Select(p => p.Name).Order(StringComparer.Ordinal),
                norms.Keys.Order(StringComparer.Ordinal));
            foreach (var norm in each.EnumerateObject()) Near(norm.Value.GetDouble(), norms[norm.Name], 1e-4, norm.Name);
        }
    }

    [Fact]
    public void FiveClippedAdamWSteps()
    {
        Learn();
        using var optimizer = new Optimizer(_model.Transformer, new AdamWRule { LearningRate = 1e-3, WeightDecay = 1e-4 });
        var facts = Reference.Json("sd3_runs.json");
        foreach (var expected in facts.GetProperty("train.steps").EnumerateArray())
        {
            optimizer.ZeroGrad();
            var loss = Loss(new RectifiedFlowOptions { UseTrainingTable = true });
            loss.backward();
            Near(expected.GetProperty("loss").GetDouble(), loss.item<float>(), 2e-5, "loss");
            Near(expected.GetProperty("gradient_norm").GetDouble(), GradientClipping.ClipNorm(_model.Transformer.parameters(), 1), 1e-4,
                "gradient norm");
            optimizer.Step();
        }
        var weights = facts.GetProperty("train.weights").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetDouble());
        using var noGrad = no_grad();
        foreach (var (name, parameter) in _model.Transformer.named_parameters())
            Near(weights[name], parameter.to(float64).abs().mean().item<double>(), 2e-5, name);
        Reference.Close(_runs.Read("train.to_q"), _model.Transformer.get_parameter("transformer_blocks.1.attn.to_q.weight")!, Tolerance,
            "to_q");
        Reference.Close(_runs.Read("train.proj_out"), _model.Transformer.get_parameter("proj_out.weight")!, Tolerance, "proj_out");
    }

    [Fact]
    public void TrainingTimesComeFromTheTable()
    {
        var sigmas = RectifiedFlowLoss.Sigmas(_runs.Read("train.u"), new RectifiedFlowOptions { UseTrainingTable = true });
        Reference.Close(_runs.Read("train.times"), sigmas * 1000, 1e-3, "times");
    }

    private void Learn()
    {
        foreach (var parameter in _model.Transformer.parameters()) parameter.requires_grad_(true);
    }

    private Tensor Loss(RectifiedFlowOptions options)
        => RectifiedFlowLoss.At(_model.Transformer, _runs.Read("train.x0"), _runs.Read("train.noise"),
            RectifiedFlowLoss.Sigmas(_runs.Read("train.u"), options), _wanted.Context.expand(4, -1, -1), _wanted.Pooled.expand(4, -1),
            options);

    private void Check(string name, GenerationOptions options, GenerationInputs? inputs)
    {
        using var scope = NewDisposeScope();
        var steps = new List<Tensor>();
        var progress = new Steps(s => steps.Add(s.Latents.clone().DetachFromDisposeScope()));
        using var result = _model.Generate(_wanted, options.Guidance.IsOn ? _unwanted : null, options, inputs, progress, latentsOnly: true);
        var expected = _runs.Read(name);
        Assert.Equal(Reference.Json("sd3_runs.json").GetProperty($"{name}.steps").GetInt32(), steps.Count);
        var isTrajectory = expected.size(0) > options.Count;
        Reference.Close(isTrajectory ? expected.narrow(0, -1, 1) : expected, result.Latents, Tolerance, name);
        if (isTrajectory) Reference.Close(expected, cat([.. steps], 0), Tolerance, $"{name}, each step");
        foreach (var step in steps) step.Dispose();
    }

    private static void Near(double expected, double actual, double relative, string what)
        => Assert.True(Math.Abs(expected - actual) <= relative * Math.Max(Math.Abs(expected), 1e-3),
            $"{what}: {actual:g8} instead of {expected:g8}");

    // The encoders' outputs are known; they are joined here as the pipelines' authors join them.
    private static PromptEmbedding Embedding(int row)
    {
        using var scope = NewDisposeScope();
        using var text = Reference.Open("text_io.safetensors");
        Tensor One(string name) => text.Read(name).narrow(0, row, 1);
        var clip = cat([One("clip_l.hidden_minus2"), One("clip_g.hidden_minus2")], 2);
        var words = One("t5.last_hidden_state(no mask)");
        return new PromptEmbedding(
            cat([nn.functional.pad(clip, [0, words.size(2) - clip.size(2)]), words], 1).MoveToOuterDisposeScope(),
            cat([One("clip_l.text_embeds"), One("clip_g.text_embeds")], 1).MoveToOuterDisposeScope());
    }

    private sealed class Steps(Action<GenerationStep> report) : IProgress<GenerationStep>
    {
        public void Report(GenerationStep value) => report(value);
    }
}
