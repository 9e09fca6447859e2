using Cresset.Data;
using Cresset.Plots;
using Cresset.Recipes;
using Cresset.Runs;

namespace Cresset.Samples.Snippets;

/// <summary>docs/own-data.md.</summary>
internal static class DataSnippets
{
    public static void OwnPictures()
    {
        var folder = Directory.CreateTempSubdirectory("cresset-photos-").FullName;
        try
        {
            Draw(folder);
            Look(folder);
            using var store = RunStore.Open(Path.Combine(folder, "runs"));
            var recipe = Recipe.Parse("job: classifier", "sample", "photos", BuiltInParts.Catalog);
            var result = new RecipeRunner(store,
                new RecipeCatalog()).Train(recipe.Resolve([$"data={folder}", "data.size=16", "steps=40", "batch_size=8", "model.width=8"]));
            Ask(result.Folder, folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Look(string folder)
    {
        using var data = new FolderData { Path = folder, Size = 32 }.Open(new DataUse(TargetKind.Class, NeedsPictures: true));
        foreach (var note in data.Notes) Console.WriteLine(note);
        Console.WriteLine($"{data.Describe()}; classes: {string.Join(", ", data.Facts.Classes)}");
    }

    private static void Ask(string run, string folder)
    {
        using var model = TrainedModel.Open(run);
        foreach (var answer in model.Predict(Path.Combine(folder, "cat", "0.png")))
            Console.WriteLine($"{answer.Input}: {answer.Class} ({answer.Probability:P0})");
    }

    // Two classes that differ by their colours.
    private static void Draw(string folder)
    {
        foreach (var (name, red) in new[] { ("cat", 0.9f), ("dog", 0.2f) })
        {
            for (var i = 0; i < 12; i++)
            {
                var values = Enumerable.Range(0, 3 * 24 * 24).Select(k => k < 24 * 24 ? red : (k + (i * 7)) % 24 / 24f).ToArray();
                Picture.FromPlanes(values, 3, 24, 24).Save(Path.Combine(folder, name, $"{i}.png"));
            }
        }
    }
}
