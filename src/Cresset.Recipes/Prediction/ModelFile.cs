using Cresset.Data;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>The model file of a run: weights, and in its metadata everything that is needed to use them.</summary>
internal static class ModelFile
{
    public const string Name = "model.safetensors";
    public const string JobKey = "cresset.job";
    public const string OptionsKey = "cresset.model";
    public const string RecipeKey = "cresset.recipe";
    public const string RecipeFile = "config.yaml";
    public const string PolicyName = "policy-best.safetensors";
    public const string SolvedName = "policy.json";

    public static Dictionary<string, string> Metadata(string job, IOptionsRecord model, DataFacts facts) => new()
    {
        ["format"] = "pt",
        [JobKey] = job,
        [OptionsKey] = ConfigYaml.Write(OptionsWriter.Write(model)),
        [DataFacts.MetadataKey] = facts.ToJson(),
    };

    /// <summary>The file of a run's folder that answers: its model, its policy, or the tokenizer of a prior.</summary>
    /// <exception cref="InvalidDataException">Runs of this job answer nothing.</exception>
    public static string In(string folder, PartCatalog parts)
    {
        string[] files = [Path.Combine("tokenizer", Name), Name, PolicyName, SolvedName];
        if (files.Select(f => Path.Combine(folder, f)).FirstOrDefault(File.Exists) is { } found) return found;
        // A study keeps no model: to wait for its end would be no use.
        var model = Path.Combine(folder, Name);
        if (JobBeside(model, parts) is { } name
            && parts.Find(Recipe.JobKind, name)?.Create() is IJob job and not IPredictingJob and not IAnswersThroughAnother)
            throw NoAnswers(folder, job);
        return model;
    }

    /// <summary>The job that the recipe beside a model names; null where there is none.</summary>
    public static string? JobBeside(string file, PartCatalog parts)
    {
        var recipe = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(file))!, RecipeFile);
        return File.Exists(recipe) ? new RecipeCatalog(parts).Read(recipe, "the run").Job.Name : null;
    }

    /// <summary>Why a job answers nothing, and what can be had of it.</summary>
    public static InvalidDataException NoAnswers(string path, IJob job)
        => new($"{path}: runs of the job '{job.Name}' give no answers to files. "
            + $"{(job.Samples is { } drawn ? $"'cresset sample' gives {drawn}, " : "")}'cresset eval' gives {job.Evaluates}.");
}
