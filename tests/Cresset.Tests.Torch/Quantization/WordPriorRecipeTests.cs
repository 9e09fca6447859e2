using Cresset.Numerics;
using Cresset.Quantization;
using Cresset.Recipes;
using Cresset.Runs;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

/// <summary>A recipe whose prior is told words: trained, gone on with, asked, coded with and exported.</summary>
public sealed class WordPriorRecipeTests : IDisposable
{
    private static readonly string[] Short = ["tokenizer_trainer.steps=20", "tokenizer_trainer.evaluate_every=0",
        "trainer.evaluate_every=0", "model.width=16"];

    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-words-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static ResolvedRecipe Words(params string[] more) =>
        new RecipeCatalog().Find("transformer-digits-words").Resolve([.. Short, .. more]);

    [Fact]
    public void ARunIsAskedInWordsAndCodesFiles()
    {
        using var store = RunStore.Open(_folder);
        var runner = new RecipeRunner(store, new RecipeCatalog());
        var result = runner.Train(Words("trainer.steps=8"));
        Assert.InRange(result.Outcome.Metrics["accepted"], 0, 1);
        Assert.Equal(result.Outcome.Metrics["accepted"], runner.Evaluate(result.RunId).Outcome.Metrics["accepted"], 1e-9);

        string Drawn(string folder, double? guidance, params string[] prompts) => Assert.Single(runner.Sample(result.RunId,
            new SampleRequest(Count: 2, Seed: 1, Conditions: prompts, OutputFolder: Path.Combine(_folder, folder))
            {
                Guidance = guidance,
                Format = SampleFormat.Safetensors
            }).Outcome.Pictures);
        using (var file = SafetensorsFile.Open(Drawn("a", null, "a handwritten seven", "Zero!")))
        {
            using var scope = NewDisposeScope();
            Assert.Equal([4L, 1, 8, 8], file.Read("samples").shape);
            Assert.Equal("""["a handwritten seven","a handwritten seven","Zero!","Zero!"]""", file.Metadata["labels"]);
        }
        // The recipe's guidance is 1: said again it changes nothing, another one does.
        Assert.Equal(File.ReadAllBytes(Drawn("b", null, "seven")), File.ReadAllBytes(Drawn("c", 1, "seven")));
        Assert.NotEqual(File.ReadAllBytes(Drawn("d", null, "seven", "two")), File.ReadAllBytes(Drawn("e", 6, "seven", "two")));
        Assert.NotEmpty(runner.Sample(result.RunId, new SampleRequest(Count: 1)).Outcome.Pictures);

        void Refused(string said, SampleRequest request) => Assert.Contains(said,
            Assert.Throws<ArgumentException>(() => runner.Sample(result.RunId, request)).Message, StringComparison.Ordinal);
        Refused("The prior does not know the word \"sevn\". Did you mean 'seven'?", new(Conditions: ["a sevn"]));
        Refused("The prompt \"\" has no words; ask for example for \"a handwritten zero\"", new(Conditions: [""]));
        Refused("The prompt \" ?! \" has no words", new(Conditions: ["seven", " ?! "]));
        Refused("has 4 words; the prior reads at most 3", new(Conditions: ["a handwritten digit seven"]));
        Refused("--guidance is -1; allowed: 0 (none) or more", new() { Guidance = -1 });

        using var prior = CodePriorRun.Open(store, result.RunId);
        using (NewDisposeScope())
        {
            var codes = prior.Prior.Sample(5, 4, 4, 1, full([5, prior.Prior.Captions!.MaxLength], 3L, dtype: ScalarType.Int64));
            var values = codes.data<long>().ToArray();
            using var stream = new MemoryStream();
            new PackedCodes([5, 4, 4], [32], values, "w").Write(stream, new PriorCoder(prior.Prior));
            Assert.Equal(values, PackedCodes.Parse(stream.ToArray(), "w.cvq", new PriorCoder(prior.Prior)).Codes);
            var picture = rand([1, 1, 8, 8]);
            Assert.Equal([2L, 1, 8, 8], prior.Complete(picture, (row, _) => row < 2, 2, null, 1, 1, "a handwritten two").shape);
            Assert.Contains("give a prompt such as \"a handwritten zero\"", Assert.Throws<ArgumentException>(
                () => prior.Complete(picture, (row, _) => row < 2, 2, null, 1, 1)).Message, StringComparison.Ordinal);
            Assert.Contains("has no classes", Assert.Throws<ArgumentException>(
                () => prior.Complete(picture, (row, _) => row < 2, 2, 3, 1, 1, "two")).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void ARunOfWordsGoesOnBitForBit()
    {
        using var store = RunStore.Open(_folder);
        var runner = new RecipeRunner(store, new RecipeCatalog());
        var whole = runner.Train(Words("trainer.steps=10", "trainer.checkpoint_every=5"));
        var begun = runner.Train(Words("trainer.steps=5", "trainer.checkpoint_every=5"));
        Assert.True(runner.Resume(begun.RunId, ["trainer.steps=10"]).Outcome.Completed);
        using SafetensorsFile one = SafetensorsFile.Open(Path.Combine(whole.Folder, "model.safetensors")),
            two = SafetensorsFile.Open(Path.Combine(begun.Folder, "model.safetensors"));
        Assert.Contains("text.tok.weight", one.Entries.Keys);
        using var scope = NewDisposeScope();
        foreach (var key in one.Entries.Keys) Golden.Same(one.Read(key), two.Read(key), key);
    }

    [Fact]
    public void WrongUseIsSaidInALine()
    {
        using var store = RunStore.Open(_folder);
        var runner = new RecipeRunner(store, new RecipeCatalog());
        var byClass = runner.Train(new RecipeCatalog().Find("transformer-digits-words")
            .Resolve([.. Short, "trainer.steps=2", "model.condition=class", "model.guidance=0"]));
        void Refused(string said, SampleRequest request) => Assert.Contains(said,
            Assert.Throws<ArgumentException>(() => runner.Sample(byClass.RunId, request)).Message, StringComparison.Ordinal);
        Refused("this prior is told classes, not words (model.condition); allowed: 0 to 9", new(Conditions: ["a boot"]));
        Refused("--guidance is 2; this prior never saw pictures of which it was told nothing", new() { Guidance = 2 });
        using (var prior = CodePriorRun.Open(store, byClass.RunId))
        using (NewDisposeScope())
        {
            Assert.Contains("told no captions", Assert.Throws<ArgumentException>(
                () => prior.Complete(rand([1, 1, 8, 8]), (row, _) => row < 2, 1, 3, 1, 1, "two")).Message, StringComparison.Ordinal);
        }
        var free = runner.Train(new RecipeCatalog().Find("transformer-digits-words")
            .Resolve([.. Short, "trainer.steps=2", "model.condition=none", "model.guidance=0"]));
        Assert.Contains("is told nothing of a picture", Assert.Throws<ArgumentException>(
            () => runner.Sample(free.RunId, new(Conditions: ["seven"]))).Message, StringComparison.Ordinal);
        Assert.Contains("0 while the condition's dropout is 0", Assert.Throws<ConfigException>(
            () => Words("model.condition=none")).Message, StringComparison.Ordinal);
        Assert.Contains("draws without guidance", Assert.Throws<ArgumentException>(
            () => new SampleRequest { Guidance = 2 }.RefuseGuidance("density")).Message, StringComparison.Ordinal);
        // Sounds have no captions, and a picture without one is named.
        var sound = Recipe.Parse("job: code-prior\ndata: tones\nmodel: {kind: transformer, condition: text}\n"
            + "tokenizer: {architecture: signal-vq-vae}", "a.yaml", "a", BuiltInParts.Catalog);
        Assert.Contains("sounds have no captions", Assert.ThrowsAny<Exception>(() => new CodePriorJob().Check(sound.Resolve())).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("by_class: true", "class", 0)]
    [InlineData("by_class: false", "none", 0)]
    [InlineData("class_dropout: 0.2", "class", 0.2)]
    [InlineData("by_class: true, class_dropout: 0.2", "class", 0.2)]
    [InlineData("by_class: false, class_dropout: 0.2", "none", 0)]
    [InlineData("condition: text, class_dropout: 0.2", "text", 0.2)]
    public void EarlierKeysSayTheCondition(string model, string name, double hidden)
    {
        var recipe = Recipe.Parse($"job: code-prior\nmodel: {{kind: transformer, {model}}}", "a.yaml", "a",
            BuiltInParts.Catalog);
        var condition = ((CodePriorOptions)recipe.Resolve().Options["model"]).Condition;
        Assert.Equal(name, PartCatalog.NameOf(condition.GetType()));
        Assert.Equal(hidden, condition.Hidden);
        // On the command line, where what was in the file gives way.
        var now = (CodePriorOptions)recipe.Resolve(["by_class=false"]).Options["model"];
        Assert.IsType<NoCondition>(now.Condition);
    }

    [Fact]
    public void TwoConditionsAtOnceAreRefused()
    {
        foreach (var (model, said) in new[]
        {
            ("by_class: true, condition: text", "model.by_class and model.condition (text) are two conditions at once"),
            ("by_class: false, condition: {kind: class}", "are two conditions at once"),
            ("by_class: perhaps", "model.by_class is 'perhaps'; expected true or false"),
        })
        {
            Assert.Contains(said, Assert.Throws<ConfigException>(
                () => Recipe.Parse($"job: code-prior\nmodel: {{{model}}}", "a.yaml", "a", BuiltInParts.Catalog).Resolve())
                .Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("pixel-cnn")]
    [InlineData("mask-git")]
    [InlineData("delayed-transformer")]
    [InlineData("next-scale")]
    public void EveryKindOfPriorIsToldWords(string kind)
    {
        using var store = RunStore.Open(_folder);
        var runner = new RecipeRunner(store, new RecipeCatalog());
        List<string> more = ["trainer.steps=2", $"model={{kind: {kind}, width: 16, condition: {{kind: text, layers: 2}}, guidance: 1}}"];
        if (kind == "next-scale")
            more.Add("tokenizer.quantizer={kind: next-scale, scales: [1, 2, 3, 4], codebook: {size: 32, width: 16}}");
        if (kind == "delayed-transformer")
            more.Add("tokenizer.quantizer={kind: residual, stages: 2, stage: {kind: vector, codebook: {size: 32, width: 16}}}");
        var result = runner.Train(new RecipeCatalog().Find("transformer-digits-words").Resolve([.. Short[..3], .. more]));
        Assert.InRange(result.Outcome.Metrics["accepted"], 0, 1);
        Assert.NotEmpty(runner.Sample(result.RunId, new SampleRequest(Count: 1, Conditions: ["the digit two"])).Outcome.Pictures);
    }
}
