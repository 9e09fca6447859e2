using Cresset.Recipes;
using Cresset.Runs;
using Xunit;

namespace MyApp.Tests;

public sealed class RingsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("rings-").FullName;

    [Fact]
    public void TheRecipeLearnsTheRings()
    {
        var parts = BuiltInParts.Catalog.With(typeof(RingsJob).Assembly);
        var path = Path.Combine(AppContext.BaseDirectory, "rings.yaml");
        var recipe = Recipe.Parse(File.ReadAllText(path), path, "rings", parts);
        using var store = RunStore.Open(_folder);

        var result = new RecipeRunner(store, new RecipeCatalog(parts)).Train(recipe.Resolve(["seed=1"]),
            cancellation: TestContext.Current.CancellationToken);

        Assert.True(result.Outcome.Metrics["accuracy"] > 0.95, $"accuracy {result.Outcome.Metrics["accuracy"]}");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
