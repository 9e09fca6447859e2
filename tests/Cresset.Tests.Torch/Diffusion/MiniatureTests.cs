using Cresset.Data;
using Cresset.Diffusion;
using Cresset.Nn;
using Cresset.Optim;
using Cresset.Recipes;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Diffusion;

public sealed class MiniatureTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Every_wording_of_every_class_reaches_the_encoder_whole(bool isDigits)
    {
        var (names, prompts) = Sd3MiniatureTask.Wordings(isDigits);
        var tokenizer = Sd3MiniatureTask.TokenizerFor(names, prompts);
        var seen = new HashSet<string>();
        foreach (var prompt in names.SelectMany(n => prompts.Select(p => p.Replace("{0}", n, StringComparison.Ordinal))))
        {
            Assert.True(seen.Add(string.Join(' ', tokenizer.Encode(prompt, out var unknown))), prompt);
            Assert.Empty(unknown);
        }
    }

    private static DataSplit Digits() => new DigitsData { Split = new ShareSplit { Validation = 0, Test = 0 } }.Open(new DataUse(TargetKind.Caption, NeedsPictures: true));

    [Fact]
    public void A_prompt_longer_than_the_miniature_reads_is_refused()
    {
        using var task = new Sd3MiniatureTask(new Sd3MiniatureOptions { Width = 16, Heads = 1, Layers = 1 }, Digits(), 0);
        using var generator = new Generator(0);
        var e = Assert.Throws<ArgumentException>(() => task.Draw(["a handwritten seven a handwritten three"], 1, generator));
        Assert.Contains("6 words", e.Message, StringComparison.Ordinal);
        Assert.Contains("at most 4", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void JudgeEqualsItsReference()
    {
        using var scope = NewDisposeScope();
        using var judge = new DigitsJudge();
        using var io = Reference.Open("digits_judge.safetensors");
        var (train, test) = ImageClassification.Digits();
        using (train)
        using (test)
        {
            var pictures = cat([train.Inputs, test.Inputs]);
            var labels = cat([train.Targets!, test.Targets!]);
            Reference.Close(io.Read("judge_logits_first16"), judge.Look(pictures.narrow(0, 0, 16)).Logits, 1e-4, "logits");
            var (accepted, distance) = judge.Score(pictures, labels);
            Assert.Equal(1, accepted);
            Assert.True(distance < 0.01, $"the real digits are {distance} from themselves");
            Assert.True(judge.Score(rand([500, 1, 8, 8], generator: new Generator(1)), zeros([500], int64)).Distance > 30);
        }
    }

    [Fact]
    public void ItLearnsAndTheSameSeedGivesTheSameBits()
    {
        (double First, double Last, float[] Pixels) Train()
        {
            using var scope = NewDisposeScope();
            using var generator = new Generator(4);
            var tokenizer = new WordTokenizer(["dark", "bright"], 4);
            using var model = new Miniature(new MiniatureOptions { Width = 32, Heads = 2, Layers = 2, TextWidth = 16, ContextLength = 4 }, tokenizer, generator);
            using var optimizer = new Optimizer(model, new AdamWRule { LearningRate = 5e-3 });
            var ids = model.Encode([.. Enumerable.Repeat("dark", 16), .. Enumerable.Repeat("bright", 16)]);
            var pictures = cat([full([16, 1, 8, 8], -0.8f), full([16, 1, 8, 8], 0.8f)]);
            double first = 0, last = 0;
            for (var i = 0; i < 60; i++)
            {
                using var inner = NewDisposeScope();
                optimizer.ZeroGrad();
                var loss = model.Loss(pictures, ids, 0.1, TrainingTimes.LogitNormal, generator);
                loss.backward();
                optimizer.Step();
                if (i < 10) first += loss.item<float>() / 10;
                if (i >= 50) last += loss.item<float>() / 10;
            }
            return (first, last, model.Sample(["dark", "bright"], 10, 1.5, new Generator(1)).data<float>().ToArray());
        }
        var (first, last, pixels) = Train();
        Assert.True(last < 0.6 * first, $"loss went from {first} to {last}");
        Assert.True(pixels[..64].Average() < -0.4 && pixels[64..].Average() > 0.4, $"{pixels[..64].Average()} and {pixels[64..].Average()}");
        Assert.Equal(pixels, Train().Pixels);
    }

    [Fact]
    public void WordsAreTokens()
    {
        var tokenizer = new WordTokenizer(["a", "seven"], 5);
        Assert.Equal([1, 3, 4, 5, 0], tokenizer.Encode("A, Seven!", out var unknown));
        Assert.Empty(unknown);
        Assert.Equal([1, 2, 4, 4, 5], tokenizer.Encode("purple seven seven seven", out unknown));
        Assert.Equal(["purple"], unknown);
        using var task = new Sd3MiniatureTask(new Sd3MiniatureOptions { Width = 16, Heads = 1, Layers = 1 }, Digits(), 0);
        using var generator = new Generator(1);
        var error = Assert.Throws<ArgumentException>(() => task.Draw(["sevn"], 1, generator));
        Assert.Contains("seven", error.Message, StringComparison.Ordinal);
        Assert.Equal([0x89, (byte)'P'], task.Draw(["seven"], 2, generator).Pictures[0].Png[..2]);
    }

    [Fact]
    public void LossOfTheTransformerFollowsItsOptions()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var config = Reference.PathOf("tiny_sd3/transformer/config.json");
        using var model = new MmDit(SdConfig.Transformer(SdConfig.Read(config), config), new WeightPlace(Generator: new Generator(1)));
        var generator = new Generator(2);
        Tensor x0 = randn([4, 16, 6, 10], generator: generator), noise = randn([4, 16, 6, 10], generator: generator), context = randn([4, 9, 48], generator: generator), pooled = randn([4, 40], generator: generator);
        var table = new RectifiedFlowOptions { UseTrainingTable = true };
        var sigmas = RectifiedFlowLoss.Sigmas(tensor([0.0f, 0.25f, 0.5f, 0.999f]), table);
        // u near 0 is noise: the table falls.
        Reference.Close(tensor([1.0, 0.9, 0.75, 0.0029940119]), sigmas, 1e-6, "levels");
        var v = model.call((x0 * (1 - sigmas.view(-1, 1, 1, 1))) + (noise * sigmas.view(-1, 1, 1, 1)), sigmas * 1000, context, pooled);
        var perItem = (v - (noise - x0)).square().mean([1, 2, 3]);
        Reference.Close(perItem.mean().reshape(1), RectifiedFlowLoss.At(model, x0, noise, sigmas, context, pooled, table).reshape(1), 1e-5, "velocity");
        // Comparing data predictions multiplies by sigma².
        Reference.Close((perItem * sigmas.square()).mean().reshape(1), RectifiedFlowLoss.At(model, x0, noise, sigmas, context, pooled, table with { PredictData = true }).reshape(1), 1e-5, "data");
        Reference.Close(perItem.mean().reshape(1), RectifiedFlowLoss.At(model, x0, noise, sigmas, context, pooled, table with { PredictData = true, Weighting = LossWeighting.InverseSquare }).reshape(1), 1e-4, "weighted data");
    }
}
