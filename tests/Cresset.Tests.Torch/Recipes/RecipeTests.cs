using Cresset.Recipes;
using Cresset.Training;
using Xunit;

namespace Cresset.Tests.Torch.Recipes;

public sealed class RecipeTests
{
    private static readonly RecipeCatalog Catalog = new();

    public static TheoryData<string> Names() => [.. RecipeCatalog.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void BuiltInRecipesResolveAndSurviveBeingWrittenOut(string name)
    {
        // Fine-tuning works on files of the user's own: the recipe cannot name them.
        var resolved = Catalog.Find(name).Resolve(name == "sd3-lora" ? ["model.checkpoint=model", "model.pictures=pictures"] : []);
        Assert.False(string.IsNullOrWhiteSpace(resolved.Summary));
        var again = Recipe.Parse(resolved.ToYaml(), "again", name, Catalog.Parts).Resolve();
        Assert.Equal(resolved.Flatten(), again.Flatten());
        Assert.Equal(resolved.ToYaml(), again.ToYaml());
        // The list reads lines where it can; the reader of YAML says the same.
        var recipe = Catalog.Find(name);
        Assert.Equal(new RecipeHeading(recipe.Name, recipe.Subject, recipe.Job.Name, recipe.Summary), Catalog.Heading(name));
        Assert.NotNull(RecipeHeading.OfPlainLines(name, recipe.Yaml));
    }

    [Theory]
    [InlineData("summary: 'quoted'\nsubject: a\njob: b")]
    [InlineData("summary: \"with \\\" inside\"\nsubject: a\njob: b")]
    [InlineData("summary: a # remark\nsubject: a\njob: b")]
    [InlineData("summary: |\n  a\nsubject: a\njob: b")]
    [InlineData("summary: a\nsummary: c\nsubject: a\njob: b")]
    [InlineData("summary: a\njob: b")]
    public void WhatIsMoreThanPlainLinesIsLeftToTheReaderOfYaml(string yaml) => Assert.Null(RecipeHeading.OfPlainLines("x", yaml));

    [Fact]
    public void OverridesWinWithAndWithoutTheirSection()
    {
        var resolved = Catalog.Find("digits-classifier")
            .Resolve(["trainer.steps=123", "seed=9", "learning-rate=1e-4", "precision=bfloat16"]);
        var trainer = (TrainerOptions)resolved.Options["trainer"];
        Assert.Equal((123, 9UL, Precision.Bfloat16), (trainer.Steps, trainer.Seed, trainer.Precision));
        Assert.Equal(1e-4, ((OptimizationOptions)resolved.Options["optimization"]).Optimizer.LearningRate);
    }

    [Theory]
    [InlineData("trainer.stepps=5", "command line: unknown key 'trainer.stepps'. Did you mean 'steps'?")]
    [InlineData("stepps=5",
        "unknown key 'stepps'. Did you mean 'trainer.steps'? steps is Optimizer steps: a whole number, default 1000, allowed: at least 1.")]
    [InlineData("trainer.batchsize=5", "Did you mean 'batch_size'? batch_size is ")]
    [InlineData("trainer.batchsize=5", "a whole number, default 64, allowed: ")]
    [InlineData("trainr.steps=5", "unknown key 'trainr.steps'. Did you mean 'trainer.steps'?")]
    [InlineData("trainer.steps=many", "trainer.steps is 'many'; expected a whole number.")]
    [InlineData("trainer.steps=0", "trainer.steps is 0; allowed: at least 1.")]
    [InlineData("trainer.steps=2.5", "expected a whole number")]
    [InlineData("model.dropout=1", "model.dropout is 1; allowed: [0, 1).")]
    [InlineData("optimization.optimizer=adamm", "optimization.optimizer: unknown optimizer 'adamm'. Did you mean 'adam'?")]
    [InlineData("precision=half", "trainer.precision is 'half'; allowed: float32, bfloat16")]
    [InlineData("steps", "is not an override; write key=value")]
    [InlineData("trainer.keep_best=maybe", "expected true or false")]
    [InlineData("trainer.seed=-1", "expected a whole number from 0 up")]
    public void WrongOverridesAreRefusedWithTheFix(string text, string message)
    {
        var error = Assert.Throws<ConfigException>(() => Catalog.Find("digits-classifier").Resolve([text]));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("job: digits-clasifier\n", "r.yaml, line 1: unknown job 'digits-clasifier'. Did you mean 'digits-classifier'?")]
    [InlineData("summary: x\n", "the key 'job' is missing")]
    [InlineData("", "the recipe is empty")]
    [InlineData("- a\n- b\n", "a recipe is a map")]
    [InlineData("job: digits-classifier\ntrainer:\n  steps: 5\n  stepz: 7\n",
        "r.yaml, line 4: unknown key 'trainer.stepz'. Did you mean 'steps'?")]
    [InlineData("job: digits-classifier\ntrainer:\n  steps: -5\n", "r.yaml, line 3: trainer.steps is -5; allowed: at least 1.")]
    [InlineData("job: digits-classifier\ntrainer: 5\n", "r.yaml, line 2: 'trainer' must be a map")]
    [InlineData("job: digits-classifier\noptimisation:\n  x: 1\n", "unknown section 'optimisation'. Did you mean 'optimization'?")]
    [InlineData("job: digits-classifier\ntrainer:\n  steps: [1, 2]\n", "trainer.steps is a list; expected a whole number.")]
    [InlineData("job: [\n", "this is not valid YAML")]
    [InlineData("job: digits-classifier\njob: digits-classifier\n", "r.yaml, line 2: column 1: the key 'job' is given t")]
    public void WrongRecipesNameFileLineAndFix(string yaml, string message)
    {
        var error = Assert.Throws<ConfigException>(() => Recipe.Parse(yaml, "r.yaml", "r", Catalog.Parts).Resolve());
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AllProblemsAreListedAtOnce()
    {
        var error = Assert.Throws<ConfigException>(
            () => Recipe.Parse("job: digits-classifier\ntrainer:\n  steps: -5\n  batch_size: 0\n", "r.yaml", "r", Catalog.Parts).Resolve());
        Assert.Contains("line 3: trainer.steps", error.Message, StringComparison.Ordinal);
        Assert.Contains("line 4: trainer.batch_size", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("digits-clasifier", "there is no recipe 'digits-clasifier'. Did you mean 'digits-classifier'?")]
    [InlineData("missing.yaml", "there is no recipe file 'missing.yaml'")]
    public void UnknownRecipesNameTheNearest(string name, string message)
        => Assert.Contains(message, Assert.Throws<ConfigException>(() => Catalog.Find(name)).Message, StringComparison.Ordinal);
}
