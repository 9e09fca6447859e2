using Cresset.Data;
using Cresset.Numerics;
using Cresset.Tensors;

namespace Cresset.Recipes;

/// <summary>A job whose trained models answer: a class, a number, a mask, a picture, an action, codes.</summary>
internal interface IPredictingJob
{
    /// <summary>Makes the model, without its weights where the predictor loads them.</summary>
    Predictor Open(StoredModel stored);
}

/// <summary>A model's file and what its metadata say.</summary>
internal sealed class StoredModel(string file, SafetensorsFile source, IJob job, PartCatalog parts)
{
    public string File => file;

    public SafetensorsFile Source => source;

    public PartCatalog Parts => parts;

    public IReadOnlyDictionary<string, string> Metadata => source.Metadata;

    /// <summary>What the model learned from.</summary>
    /// <exception cref="InvalidDataException">The file does not say.</exception>
    public DataFacts Facts => Metadata.TryGetValue(DataFacts.MetadataKey, out var json) ? DataFacts.Parse(json, file) : throw Unsaid();

    /// <summary>The options of the model; those of earlier versions are read as a recipe's are.</summary>
    public T Model<T>()
        where T : class, IOptionsRecord, new()
    {
        var recipe = new ConfigMap(new ConfigSource(file, 0));
        recipe.Set("model", ConfigNode.Parse(Metadata.GetValueOrDefault(ModelFile.OptionsKey, "{}"), file));
        if (job is IUpgradesRecipes upgrading) upgrading.Upgrade(recipe);
        return (T)new OptionsBinder(parts).Bind(new T(), recipe["model"]!, "model", new ConfigSource(file, 0));
    }

    /// <summary>The whole recipe, for models that need more than one section; a file of an earlier version has it beside it.</summary>
    public ResolvedRecipe Recipe()
    {
        if (Metadata.TryGetValue(ModelFile.RecipeKey, out var yaml))
            return Cresset.Recipes.Recipe.Parse(yaml, file, job.Name, parts).Resolve();
        var beside = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(file))!, ModelFile.RecipeFile);
        return System.IO.File.Exists(beside) ? new RecipeCatalog(parts).Read(beside, job.Name).Resolve() : throw Unsaid();
    }

    private InvalidDataException Unsaid() => new($"{file} does not say how it is used: it comes from an earlier version. Train it again.");
}
