using Cresset.Data;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>The model file of a run: weights, and in its metadata everything that is needed to use them.</summary>
internal static class ModelFile
{
    public const string Name = "model.safetensors";
    public const string JobKey = "cresset.job";
    public const string OptionsKey = "cresset.model";

    public static Dictionary<string, string> Metadata(string job, IOptionsRecord model, DataFacts facts) => new()
    {
        ["format"] = "pt",
        [JobKey] = job,
        [OptionsKey] = ConfigYaml.Write(OptionsWriter.Write(model)),
        [DataFacts.MetadataKey] = facts.ToJson(),
    };
}
