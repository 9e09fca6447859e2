using Cresset.Data;
using Cresset.Recipes;
using Cresset.Runs;
using Cresset.Tensors;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Recipes;

/// <summary>What is asked for when sampling is what comes, in every format, for every job that draws samples.</summary>
public sealed class SampleTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-sample-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void ATextWithoutALineEndIsLearnedAndWritten()
    {
        var text = Path.Combine(_folder, "line.txt");
        File.WriteAllText(text, string.Concat(Enumerable.Repeat("one line and no end. ", 6)).Trim());
        using var store = RunStore.Open(Path.Combine(_folder, "runs"));
        var runner = new RecipeRunner(store, new RecipeCatalog());
        var recipe = "job: language-model\nmodel: {layers: 1, heads: 2, width: 8, context: 4}\ntrainer: {steps: 1, batch_size: 2}\n"
            + $"data: {{kind: text, path: {text}}}\n";
        var run = runner.Train(Recipe.Parse(recipe, "test.yaml", "test", BuiltInParts.Catalog).Resolve());
        var drawn = runner.Sample(run.RunId, new SampleRequest(1, 1, [], 1, Path.Combine(_folder, "out")) { Length = 12 }).Outcome.Pictures;
        Assert.Equal(12, File.ReadAllText(Assert.Single(drawn)).Length);
    }

    [Theory]
    [InlineData("job: plane-flow\nmodel: {transforms: 1, width: 8}", "5 2", true, "")]
    [InlineData("job: digits-flow\nmodel: {transforms: 1, width: 8}", "5 1 8 8", true, "")]
    [InlineData("job: density\nmodel: {transforms: 1, width: 8}\ndata: {kind: csv, path: table.csv}", "5 2", true, "")]
    [InlineData("job: density\nmodel: {family: glow, transforms: 1, width: 8}", "5 1 8 8", true, "")]
    [InlineData("job: flow-matching\nmodel: {width: 8, digits: true, solver: {tolerance: 0.1}}", "10 1 8 8", false, "3 7")]
    [InlineData("job: sd3-miniature\nmodel: {width: 16, heads: 1, layers: 1, draw_steps: 2, final_draws: 100}", "10 1 8 8", false,
        "three seven")]
    [InlineData(
        "job: sd3-miniature\nmodel: {autoencoder: garments, encoders: all, patch_size: 1, width: 16, heads: 1, layers: 1, draw_steps: 2, "
            + "final_draws: 100}", "10 1 8 8", false, "three seven")]
    [InlineData("job: code-prior\nmodel: {width: 8, layers: 2}\ntokenizer: {width: 8}\ntokenizer_trainer: {steps: 1}", "10 1 8 8", true,
        "3 7")]
    public void CountSeedTemperatureAndClassesAreObeyedOrRefused(string yaml, string shape, bool hasTemperature, string classes)
    {
        var table = Path.Combine(_folder, "table.csv");
        File.WriteAllText(table, "a,b\n" + string.Concat(Enumerable.Range(0, 40).Select(i => $"{i % 7},{i % 5 * 10}\n")));
        using var store = RunStore.Open(Path.Combine(_folder, "runs"));
        var runner = new RecipeRunner(store, new RecipeCatalog());
        var text = $"{yaml.Replace("table.csv", table, StringComparison.Ordinal)}\ntrainer: {{steps: 1, batch_size: 16}}\n";
        var run = runner.Train(Recipe.Parse(text, "test.yaml", "test", BuiltInParts.Catalog).Resolve());
        string[] asked = classes.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        List<string> Draw(SampleFormat format, ulong seed = 1, double temperature = 1, string[]? conditions = null)
            => [.. runner.Sample(run.RunId,
                new SampleRequest(5, seed, conditions ?? asked, temperature,
                    Path.Combine(_folder, "out")) { Format = format }).Outcome.Pictures];

        using var scope = NewDisposeScope();
        var npy = Assert.Single(Draw(SampleFormat.Npy));
        var values = NpyFile.Read(npy);
        Assert.Equal(shape.Split(' ').Select(long.Parse), values.shape);
        // The same draw is the same file; another seed leaves it as it is.
        Assert.Equal(npy, Assert.Single(Draw(SampleFormat.Npy)));
        var other = Assert.Single(Draw(SampleFormat.Npy, seed: 2));
        Assert.NotEqual(npy, other);
        Assert.False(Same(values, NpyFile.Read(other)));
        using (var file = SafetensorsFile.Open(Assert.Single(Draw(SampleFormat.Safetensors))))
        {
            Assert.True(Same(values, file.Read("samples")));
            Assert.Equal(asked.Length > 0, file.Metadata.ContainsKey("labels"));
        }
        var lines = File.ReadAllLines(Assert.Single(Draw(SampleFormat.Csv)));
        Assert.Equal(values.size(0) + 1, lines.Length);
        if (yaml.Contains("table.csv", StringComparison.Ordinal)) Assert.Equal("a,b", lines[0]);
        if (asked.Length > 0)
            Assert.All(asked, a => Assert.Equal(5, lines.Count(line => line.StartsWith(a + ",", StringComparison.Ordinal))));
        Assert.All(Draw(SampleFormat.Png), p => Assert.True(File.Exists(p)));
        if (values.dim() == 4) Assert.EndsWith(".gif", Assert.Single(Draw(SampleFormat.Gif)), StringComparison.Ordinal);
        else Assert.Contains("make no animation", Assert.Throws<ArgumentException>(() => Draw(SampleFormat.Gif)).Message,
            StringComparison.Ordinal);
        if (hasTemperature)
        {
            Assert.False(Same(values, NpyFile.Read(Assert.Single(Draw(SampleFormat.Npy, temperature: 0.5)))));
        }
        else
        {
            Assert.Contains("has no temperature, and 0.5 was asked for",
                Assert.Throws<ArgumentException>(() => Draw(SampleFormat.Npy, temperature: 0.5)).Message, StringComparison.Ordinal);
        }
        var nonsense = Assert.Throws<ArgumentException>(() => Draw(SampleFormat.Npy, conditions: ["nonsense"])).Message;
        Assert.Contains("nonsense", nonsense, StringComparison.Ordinal);
        Assert.DoesNotContain(Directory.GetFiles(Path.Combine(_folder, "out")), f => Path.GetFileName(f).StartsWith('.'));
    }

    private static bool Same(Tensor one, Tensor other) => one.shape.SequenceEqual(other.shape) && one.eq(other).all().item<bool>();
}
