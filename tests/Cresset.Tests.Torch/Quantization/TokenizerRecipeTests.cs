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
    public void Recipes_train_evaluate_and_give_a_tokenizer_back(string name)
    {
        var folder = Directory.CreateTempSubdirectory("cresset-vq");
        try
        {
            using var store = RunStore.Open(folder.FullName);
            var runner = new RecipeRunner(store, new RecipeCatalog());
            List<string> overrides = ["trainer.steps=26", "trainer.evaluate_every=0"];
            var isPrior = name is "pixelcnn-digits" or "maskgit-digits";
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
            if (name == "maskgit-digits") Assert.Contains("MaskGIT", Assert.Throws<InvalidDataException>(() => CodePriorRun.Open(store, result.RunId)).Message);
            else CodePriorRun.Open(store, result.RunId).Dispose();
            var sampled = runner.Sample(result.RunId, new SampleRequest(Count: 3, Seed: 1, Conditions: ["3", "7"]));
            Assert.True(File.Exists(Assert.Single(sampled.Outcome.Pictures)));
            Assert.True(sampled.Outcome.Metrics["codes_per_second"] > 0);
            Assert.Contains("allowed: 0 to 9", Assert.Throws<ArgumentException>(() => runner.Sample(result.RunId, new SampleRequest(Conditions: ["ten"]))).Message);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData("vqgan-digits")]
    [InlineData("pixelcnn-digits")]
    public void Runs_of_the_first_version_are_read_and_its_restart_option_is_explained_in_recipes(string name)
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
            Assert.All(new RecipeRunner(store, new RecipeCatalog()).Evaluate(name).Outcome.Metrics.Values, value => Assert.True(double.IsFinite(value)));
            TokenizerRun.Open(store, name).Dispose();
            var section = name == "vqgan-digits" ? "model" : "tokenizer";
            var message = Assert.Throws<ConfigException>(() => new RecipeCatalog().Find(name).Resolve([$"{section}.restart_threshold=2"])).Message;
            Assert.Contains("write restart_share: 0", message, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void A_recipe_of_each_quantizer_builds_and_rebuilds_its_bits()
    {
        using var generator = new Generator(1);
        foreach (var kind in Enum.GetValues<TokenizerQuantizer>())
        {
            using var scope = NewDisposeScope();
            using var model = new TokenizerOptions { Quantizer = kind, Codes = 16, Width = 8, LatentWidth = 8 }.Build(1, generator);
            var codes = model.Encode(rand([2, 1, 8, 8], generator: generator));
            Assert.Equal(kind == TokenizerQuantizer.Residual ? [2, 2, 2, 2] : new long[] { 2, 2, 2 }, codes[0].shape);
        }
    }
}
