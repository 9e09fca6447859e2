using System.Text.Json;
using Cresset.Distributed;
using Cresset.Runs;

namespace Cresset.Recipes;

public sealed partial class RecipeRunner
{
    // Rank 0 tells the others what run it is, and for one that goes on the recipe, which they cannot know.
    private void Lead(Run run, ResolvedRecipe recipe)
    {
        if (Ranks.Size > 1) Ranks.BroadcastText(JsonSerializer.Serialize(new Led(run.Id, run.Folder, recipe.Name, recipe.ToYaml())));
    }

    private RecipeResult Follow(ResolvedRecipe? recipe, CancellationToken cancellation)
    {
        // All open their data at the same time: none waits for another one's.
        using var prepared = recipe is null ? null : Prepare(recipe, null, cancellation);
        var led = JsonSerializer.Deserialize<Led>(Ranks.BroadcastText(null))!;
        recipe ??= Recipe.Parse(led.Recipe, "the recipe of rank 0", led.Name, catalog.Parts).Resolve();
        var context = new JobContext(recipe, NullRunRecorder.Instance, led.Folder, null, cancellation)
        {
            Ranks = Ranks,
            Prepared = prepared
        };
        return new RecipeResult(led.Id, led.Folder, recipe.Job.Run(context));
    }

    private sealed record Led(string Id, string Folder, string Name, string Recipe);
}
