using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>What a finished job brought, in <c>outcome.json</c> of its run.</summary>
internal static class StoredOutcome
{
    private const string FileName = "outcome.json", EarlierName = "study.json";
    private static readonly JsonSerializerOptions Format = new()
    {
        WriteIndented = true,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals
    };

    /// <summary>What identifies the settings of a recipe: equal texts do equal work.</summary>
    public static string Fingerprint(ResolvedRecipe recipe) =>
        Convert.ToHexStringLower(
            SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', recipe.Flatten().Select(f => $"{f.Key}={f.Value}")))));

    public static void Save(JobContext context, JobOutcome outcome)
    {
        var pictures = outcome.Pictures.Select(p => Path.GetRelativePath(context.Folder, p).Replace('\\', '/')).ToList();
        var content = new Content(Fingerprint(context.Recipe), new(outcome.Metrics), pictures, outcome.Table);
        AtomicFile.WriteText(Path.Combine(context.Folder, FileName), JsonSerializer.Serialize(content, Format));
    }

    /// <summary>
    /// The outcome of a finished run, or null when it has not come to its end, or (where that is asked) not with these settings.
    /// </summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public static JobOutcome? Of(JobContext context, bool sameRecipe)
    {
        var path = Path.Combine(context.Folder, FileName);
        if (!File.Exists(path)) return sameRecipe ? null : OfEarlierVersion(context);
        try
        {
            if (JsonSerializer.Deserialize<Content>(File.ReadAllText(path),
                Format) is not { Metrics: { } metrics, Pictures: { } pictures } content)
                throw new InvalidDataException($"{path} lacks the figures.");
            if (sameRecipe && content.Fingerprint != Fingerprint(context.Recipe)) return null;
            return new JobOutcome(true, metrics,
                [.. pictures.Select(p => Path.GetFullPath(Path.Combine(context.Folder, p))).Where(File.Exists)])
            { Table = content.Table };
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path} is damaged: {e.Message}", e);
        }
    }

    // Earlier versions kept the figures of some studies in a file of their own, and those of others in the store alone.
    private static JobOutcome? OfEarlierVersion(JobContext context)
    {
        var path = Path.Combine(context.Folder, EarlierName);
        if (!File.Exists(path)) return context.Summary.Count > 0 ? new JobOutcome(true, context.Summary, []) : null;
        try
        {
            return new JobOutcome(true, JsonSerializer.Deserialize<Dictionary<string, double>>(File.ReadAllText(path), Format) ?? [], []);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path} is damaged: {e.Message}", e);
        }
    }

    private sealed record Content(string Fingerprint, Dictionary<string, double> Metrics, List<string> Pictures, string? Table);
}
