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
    [InlineData("digits", MiniatureEncoders.Clip)]
    [InlineData("digits", MiniatureEncoders.All)]
    [InlineData("fashion", MiniatureEncoders.Clip)]
    [InlineData("fashion", MiniatureEncoders.All)]
    [InlineData("garments", MiniatureEncoders.Clip)]
    [InlineData("garments", MiniatureEncoders.All)]
    public void EveryWordingOfEveryClassReachesTheEncodersWhole(string data, MiniatureEncoders encoders)
    {
        var (side, classes) = data == "digits" ? (8, DigitsData.Names) : (28, GarmentsData.Names);
        var words = MiniatureWords.Of(new DataFacts { Name = data, Shape = [1, side, side], Classes = classes }, encoders);
        var tokens = new MiniatureTokens(words.Tokenizer, encoders == MiniatureEncoders.All);
        var seen = new Dictionary<string, string>();
        foreach (var (i, prompt) in words.All.Index())
        {
            words.Tokenizer.Encode(prompt, out var unknown);
            Assert.Empty(unknown);
            // Ways to ask for different classes never look the same.
            var name = words.Names[i / words.Ways];
            Assert.Equal(name, seen.TryAdd(string.Join(' ', tokens.Ids(prompt)), name) ? name : seen[string.Join(' ', tokens.Ids(prompt))]);
            if (tokens.ClipL is null) continue;
            var plain = MiniatureTokens.Plain(prompt);
            Assert.Equal(plain, tokens.ClipL.Decode(tokens.ClipL.Encode(plain)[1..^1]).Trim());
            Assert.True(tokens.ClipL.Encode(plain).Count <= tokens.ClipLength);
            Assert.Equal(tokens.T5!.EndId, tokens.T5.EncodePadded(plain, tokens.T5Length, out var dropped)[plain.Split(' ').Length]);
            Assert.Equal(0, dropped);
            Assert.DoesNotContain(2, tokens.T5.Encode(plain));
        }
    }

    [Fact]
    public void AFolderWithTheNameOfAKnownSetKeepsItsOwnWords()
    {
        var facts = new DataFacts { Name = "garments", Shape = [1, 28, 28], Classes = ["cat", "dog"], Captions = ["a cat", "a dog"] };
        Assert.Equal(["a cat", "a dog"], MiniatureWords.Of(facts, MiniatureEncoders.All).All);
        Assert.Null(PictureJudge.Of(facts));
    }

    [Fact]
    public void ATokenizerOfSomeWordsCutsThemAsTheReleasedOneDoes()
    {
        string[] words = ["a", "trouser", "sneaker", "overcoats", "zyzzyva", "ankle", "boot"];
        var (released, small) = (ClipTokenizer.Standard(), ClipTokenizer.Standard().Only(words, 8, padWithZero: true));
        Assert.True(small.Count < 40);
        Assert.Equal((0, small.Count - 1), (small.PadId, small.EndId));
        foreach (var word in words)
        {
            static List<string> Cut(ClipTokenizer tokenizer, string word) =>
                [.. tokenizer.Encode(word).Select(id => tokenizer.Decode([id]))];
            Assert.Equal(Cut(released, word), Cut(small, word));
        }
    }

    [Fact]
    public void ThePipelineReadsPromptsAsTrainingDoes()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var generator = new Generator(3);
        using var model = new Miniature(
            new MiniatureOptions { Width = 16, Heads = 1, Layers = 1, TextWidth = 16, Encoders = MiniatureEncoders.All },
            new WordTokenizer(["an", "ankle", "boot", "bag"], 5), generator);
        string[] prompts = ["an ankle boot", "Bag!", "", "an ankle boot"];
        var (context, pooled) = model.Embed(model.Encode(prompts));
        using var embedding = model.Prompts(prompts);
        Reference.Close(context, embedding.Context, 1e-6, "tokens");
        Reference.Close(pooled, embedding.Pooled, 1e-6, "pooled");
        // Five tokens of both CLIPs side by side, then four of T5.
        Assert.Equal([4L, 9L, 16L], context.shape);
        Assert.True((pooled[0] - pooled[1]).abs().max().ToDouble() > 1e-4);
    }

    [Fact]
    public void ItDrawsInTheLatentsOfTheAutoencoderThatComesWithIt()
    {
        using var vae = VaeFolder.Garments();
        Assert.Equal((1, 2), (vae.Options.ImageChannels, vae.Options.Downscale));
        using var scope = NewDisposeScope();
        using var small = new Sd3MiniatureTask(
            new Sd3MiniatureOptions
            {
                Autoencoder = "garments",
                Encoders = MiniatureEncoders.All,
                PatchSize = 4,
                Width = 16,
                Heads = 1,
                Layers = 1,
                TextWidth = 16,
                DrawSteps = 2
            }, Garments(), 0);
        // 28 pixels are 14 of the latent, which patches of 4 do not divide: a border makes 32 of them and is cut off again.
        Assert.Equal((28, 32), (small.Side, small.Model.Options.PictureSize));
        using var generator = new Generator(1);
        var seen = new List<long[]>();
        var pictures = small.Cropped(
            small.Model.Sample(["sneaker", "an ankle boot"], 3, 2, generator, (_, state) => seen.Add(state.shape)));
        Assert.Equal([2L, 1L, 28L, 28L], pictures.shape);
        Assert.Equal(4, seen.Count);
        Assert.All(seen, shape => Assert.Equal([2L, 1L, 32L, 32L], shape));
    }

    [Fact]
    public void TheEmbeddedAutoencoderIsSmallAndRebuildsPicturesItHasNotSeen()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var vae = VaeFolder.Garments();
        Assert.InRange(vae.parameters().Sum(p => p.numel()) * 2, 1, 1 << 20);
        var pictures = Garments().Reported.Spread(100).Inputs;
        var rebuilt = vae.call((pictures * 2) - 1).add(1).div(2).clamp(0, 1);
        Assert.True((rebuilt - pictures).square().mean().ToDouble() < 0.01, $"{(rebuilt - pictures).square().mean().ToDouble()}");
        var latents = vae.EncodeScaled((pictures * 2) - 1);
        Assert.InRange(latents.mean().ToDouble(), -0.2, 0.2);
        Assert.InRange(latents.std().ToDouble(), 0.8, 1.25);
    }

    [Fact]
    public void TheJudgeOfGarmentsKnowsRealOnes()
    {
        using var scope = NewDisposeScope();
        using var judge = new GarmentsJudge();
        var (_, test) = ImageClassification.Garments();
        using (test)
        {
            var (accepted, distance) = judge.Score(test.Inputs, test.Targets!);
            Assert.InRange(accepted, 0.84, 1);
            var noise = judge.Score(rand([500, 1, 28, 28], generator: new Generator(1)), zeros([500], int64)).Distance;
            Assert.True(noise > 20 * distance, $"real garments {distance}, noise {noise}");
        }
    }

    private static DataSplit Garments() => new GarmentsData().Open(new DataUse(TargetKind.Caption, NeedsPictures: true));

    private static DataSplit Digits() =>
        new DigitsData { Split = new ShareSplit { Validation = 0, Test = 0 } }.Open(new DataUse(TargetKind.Caption, NeedsPictures: true));

    [Fact]
    public void APromptLongerThanTheMiniatureReadsIsRefused()
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
            using var model = new Miniature(new MiniatureOptions { Width = 32, Heads = 2, Layers = 2, TextWidth = 16, ContextLength = 4 },
                tokenizer, generator);
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
        Assert.True(pixels[..64].Average() < -0.4 && pixels[64..].Average() > 0.4,
            $"{pixels[..64].Average()} and {pixels[64..].Average()}");
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
        using var model = new MmDit(SdConfig.Transformer(ConfigJson.Read(config), config), new WeightPlace(Generator: new Generator(1)));
        var generator = new Generator(2);
        Tensor x0 = randn([4, 16, 6, 10], generator: generator), noise = randn([4, 16, 6, 10], generator: generator),
            context = randn([4, 9, 48], generator: generator), pooled = randn([4, 40], generator: generator);
        var table = new RectifiedFlowOptions { UseTrainingTable = true };
        var sigmas = RectifiedFlowLoss.Sigmas(tensor([0.0f, 0.25f, 0.5f, 0.999f]), table);
        // u near 0 is noise: the table falls.
        Reference.Close(tensor([1.0, 0.9, 0.75, 0.0029940119]), sigmas, 1e-6, "levels");
        var v = model.call((x0 * (1 - sigmas.view(-1, 1, 1, 1))) + (noise * sigmas.view(-1, 1, 1, 1)), sigmas * 1000, context, pooled);
        var perItem = (v - (noise - x0)).square().mean([1, 2, 3]);
        Reference.Close(perItem.mean().reshape(1), RectifiedFlowLoss.At(model, x0, noise, sigmas, context, pooled, table).reshape(1), 1e-5,
            "velocity");
        // Comparing data predictions multiplies by sigma².
        Reference.Close((perItem * sigmas.square()).mean().reshape(1),
            RectifiedFlowLoss.At(model, x0, noise, sigmas, context, pooled, table with { PredictData = true }).reshape(1), 1e-5, "data");
        Reference.Close(perItem.mean().reshape(1),
            RectifiedFlowLoss.At(model, x0, noise, sigmas, context, pooled,
                table with { PredictData = true, Weighting = LossWeighting.InverseSquare }).reshape(1), 1e-4, "weighted data");
    }
}
