using System.Text.Json;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>
/// The figures of a study. A study trains many small nets and keeps none of them, so its evaluation is what it measured: the figures lie beside
/// its table and are read back, not computed anew.
/// </summary>
internal static class StudyFigures
{
    private const string FileName = "study.json";

    /// <summary>Writes the figures into the run's folder.</summary>
    public static void Save(JobContext context, IReadOnlyDictionary<string, double> figures)
        => AtomicFile.WriteText(Path.Combine(context.Folder, FileName), JsonSerializer.Serialize(figures));

    /// <summary>The figures of a finished run.</summary>
    /// <exception cref="InvalidDataException">The run ended before its figures were written, or the file is damaged.</exception>
    public static JobOutcome Load(JobContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var path = Path.Combine(context.Folder, FileName);
        if (!File.Exists(path)) throw new InvalidDataException($"{path} is missing: this study did not run to its end. 'cresset train --resume' starts it again.");
        try
        {
            return new JobOutcome(true, JsonSerializer.Deserialize<Dictionary<string, double>>(File.ReadAllText(path)) ?? [], []);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path} is damaged: {e.Message}", e);
        }
    }
}
