using Cresset.Quantization;
using Cresset.Recipes;
using Cresset.Runs;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

public class TokenizerRecipeTests
{
    [Theory]
    [InlineData("vqvae-digits")]
    [InlineData("pixelcnn-digits")]
    [InlineData("vqgan-digits")]
    [InlineData("vqvae2-digits")]
    [InlineData("maskgit-digits")]
    [InlineData("var-digits")]
    [InlineData("transformer-vqvae2-digits")]
    public void RecipesTrainEvaluateAndGiveATokenizerBack(string name)
    {
        var folder = Directory.CreateTempSubdirectory("cresset-vq");
        try
        {
            using var store = RunStore.Open(folder.FullName);
            var runner = new RecipeRunner(store, new RecipeCatalog());
            List<string> overrides = ["trainer.steps=26", "trainer.evaluate_every=0"];
            var isPrior = name is "pixelcnn-digits" or "maskgit-digits" or "var-digits" or "transformer-vqvae2-digits";
            if (isPrior) overrides.AddRange(["tokenizer_trainer.steps=30", "tokenizer_trainer.evaluate_every=0"]);
            if (name == "vqgan-digits") overrides.Add("model.adversarial_start=10");
            var result = runner.Train(new RecipeCatalog().Find(name).Resolve(overrides));
            Assert.True(result.Outcome.Completed);
            Assert.All(result.Outcome.Metrics.Values, value => Assert.True(double.IsFinite(value)));
            Assert.NotEmpty(result.Outcome.Pictures);
            var evaluated = runner.Evaluate(result.RunId);
            Assert.Equal(result.Outcome.Metrics.First().Value, evaluated.Outcome.Metrics.First().Value, 1e-5);
            using var tokenizer = TokenizerRun.Open(store, result.RunId);
            using var scope = NewDisposeScope();
            var codes = tokenizer.Encode(rand([2, 1, 8, 8]));
            Assert.Equal(2 * tokenizer.Positions.Aggregate(1L, (a, b) => a * b), codes.Length);
            Assert.Equal([2L, 1, 8, 8], tokenizer.Decode(codes).shape);
            if (!isPrior) return;
            using var prior = CodePriorRun.Open(store, result.RunId);
            if (name == "maskgit-digits") Assert.Contains("MaskGIT", Assert.Throws<InvalidDataException>(() => prior.Prior).Message);
            else Assert.InRange(prior.Prior.CodebookSize, 32, 64);
            var sampled = runner.Sample(result.RunId, new SampleRequest(Count: 3, Seed: 1, Conditions: ["3", "7"]));
            Assert.True(File.Exists(Assert.Single(sampled.Outcome.Pictures)));
            Assert.True(sampled.Outcome.Metrics["codes_per_second"] > 0);
            Assert.Contains("allowed: 0 to 9",
                Assert.Throws<ArgumentException>(() => runner.Sample(result.RunId, new SampleRequest(Conditions: ["ten"]))).Message);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData("vqgan-digits")]
    [InlineData("pixelcnn-digits")]
    public void RunsOfTheFirstVersionAreReadAndItsRestartOptionIsExplainedInRecipes(string name)
    {
        var folder = Directory.CreateTempSubdirectory("cresset-vq");
        try
        {
            foreach (var file in Directory.EnumerateFiles(Repository.Reference("earlier/store"), "*", SearchOption.AllDirectories))
            {
                var target = Path.Combine(folder.FullName, Path.GetRelativePath(Repository.Reference("earlier/store"), file));
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Copy(file, target);
            }
            using var store = RunStore.Open(folder.FullName);
            Assert.All(new RecipeRunner(store, new RecipeCatalog()).Evaluate(name).Outcome.Metrics.Values,
                value => Assert.True(double.IsFinite(value)));
            TokenizerRun.Open(store, name).Dispose();
            var section = name == "vqgan-digits" ? "model" : "tokenizer";
            var message = Assert.Throws<ConfigException>(
                () => new RecipeCatalog().Find(name).Resolve([$"{section}.restart_threshold=2"])).Message;
            Assert.Contains("write restart_share: 0", message, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void ARecipeNamesEveryQuantizerOfTheCatalog()
    {
        var parts = BuiltInParts.Catalog.Of("quantizer");
        Assert.True(parts.Count >= 9);
        foreach (var name in parts.Select(p => p.Name))
        {
            var options = (TokenizerOptions)new RecipeCatalog().Find("vqvae-digits")
                .Resolve([$"quantizer={name}", "model.width=8", "latent_width=8", .. Scales(name)]).Options["model"];
            using var scope = NewDisposeScope();
            using var generator = new Generator(1);
            using var model = options.Build(1, generator);
            Assert.Equal(8, model.Quantizers[0].Width);
            var codes = model.Encode(rand([2, 1, 8, 8], generator: generator));
            if (model.Quantizers[0].Scales.Count > 0) Assert.Equal([2L, 5], codes[0].shape);
            else Assert.Equal(model.Quantizers[0].CodebookSizes.Count, codes[0].dim() == 3 ? 1 : codes[0].size(3));
            Assert.Equal([2L, 1, 8, 8], model.Decode(codes).shape);
            Assert.True(model.BitsPerItem(64) > 0);
            // Without a width of the latent vectors, the quantizer's own counts.
            using var own = (options with { LatentWidth = 0 }).Build(1, generator);
            using var alone = options.Quantizer.Build(generator);
            Assert.Equal(alone.Width, own.Quantizers[0].Width);
        }
    }

    // They end with the side of the maps, two.
    private static string[] Scales(string quantizer) => quantizer == "next-scale" ? ["quantizer.scales=[1, 2]"] : [];

    [Fact]
    public void ARecipeNamesEveryPriorOfTheCatalog()
    {
        foreach (var part in BuiltInParts.Catalog.Of("prior"))
        {
            var options =
                (CodePriorOptions)Recipe.Parse($"job: code-prior\nmodel: {{kind: {part.Name}, width: 8, layers: 1}}", "prior.yaml", "prior",
                    BuiltInParts.Catalog).Resolve().Options["model"];
            Assert.Equal(part.Type, options.GetType());
            using var scope = NewDisposeScope();
            using var generator = new Generator(1);
            using var model = options.Build(16, 10, 2, 2, generator);
            Assert.Equal((16, 10), (model.CodebookSize, model.Classes));
            Assert.Equal([3L, 2, 2], model.Sample(3, 2, 2, 1, zeros(3, ScalarType.Int64), new()).shape);
        }
    }

    [Theory]
    [InlineData("tokenizer.quantizer={kind: lfq, bits: 40}", "a prior has a logit for each, at most 1,048,576")]
    [InlineData("tokenizer.architecture=vq_vae2", "a prior of kind pixel-cnn needs a tokenizer with one map of codes; use vq-vae")]
    [InlineData("tokenizer.quantizer=next-scale", "a prior of kind pixel-cnn finds no neighbours; use next-scale, transformer or mask-git")]
    public void ATokenizerWithoutAPriorIsRefusedBeforeItIsTrained(string setting, string message)
    {
        var (key, value) = (setting.Split('=')[0], setting[(setting.IndexOf('=', StringComparison.Ordinal) + 1)..]);
        var recipe = Recipe.Parse($"job: code-prior\ntokenizer: {{{key.Split('.')[1]}: {value}}}", "prior.yaml", "prior",
            BuiltInParts.Catalog).Resolve();
        Assert.Contains(message, Assert.Throws<ArgumentException>(() => new CodePriorJob().Check(recipe)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "tokenizer.quantizer is vector. Use tokenizer.quantizer=next-scale")]
    [InlineData("tokenizer: {quantizer: next-scale}", "a prior of kind next-scale predicts codes whole", ", factors: 2")]
    public void APriorOverScalesNeedsThem(string tokenizer, string message, string model = "")
    {
        var recipe = Recipe.Parse($"job: code-prior\nmodel: {{kind: next-scale{model}}}\n{tokenizer}", "prior.yaml", "prior",
            BuiltInParts.Catalog).Resolve();
        Assert.Contains(message, Assert.Throws<ArgumentException>(() => new CodePriorJob().Check(recipe)).Message,
            StringComparison.Ordinal);
    }
}
