using System.Text.Json;
using System.Text.Json.Serialization;
using Cresset.Data;
using Cresset.Numerics;
using Cresset.Runs;
using Cresset.Tensors;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>
/// What a run learned from: noted in its folder when it begins, compared when it goes on or is evaluated, and enough to draw from its model
/// without the examples.
/// </summary>
internal static class RunData
{
    private const string FileName = "data.json";

    /// <summary>Notes the data of a new run, or says how they differ from those that it began with.</summary>
    /// <exception cref="DataMismatchException">The run has weights, and they would mean something else with these data.</exception>
    public static void Compare(JobContext context, DataSplit data)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(data);
        var path = Path.Combine(context.Folder, FileName);
        var noted = Read(path);
        if (noted is not null)
        {
            var hasWeights = HasWeights(context.Folder);
            if (hasWeights && FactsOf(noted, path) is { } facts && data.Facts.DifferenceFrom(facts) is { } other)
            {
                throw new DataMismatchException($"{data.Facts.Name}: {other}. The run's weights would mean something else with them: bring "
                    + "back the data of then, or begin a new run (trainer.init_from=RUN takes its weights). 'cresset predict' asks the "
                    + "model as it is about any file.");
            }
            if (hasWeights && data.Fingerprint.DifferenceFrom(noted.Data) is { } difference)
            {
                var meaning = context.Recorder is NullRunRecorder
                    ? $"Judged are {data.Reported.Count} examples of a division of their own: some may be ones that the model learned from"
                    : "What comes now is not what an uninterrupted run would bring";
                context.Progress?.Report(new NoticeReport($"{data.Facts.Name}: {difference}. {meaning}."));
            }
            if (hasWeights || data.Fingerprint == noted.Data) return;
        }
        if (context.Recorder is not NullRunRecorder) Note(context, data, path);
        else if (noted is null) Tell(context, data.Notes);
    }

    /// <summary>Notes the data of a study's first cell; those of later ones must be the same.</summary>
    /// <exception cref="DataMismatchException">They are others.</exception>
    public static void RequireSame(JobContext context, DataSplit data, bool hasBegun)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(data);
        var path = Path.Combine(context.Folder, FileName);
        if (Read(path)?.Data is { } began)
        {
            if (data.Fingerprint.DifferenceFrom(began) is not { } difference) return;
            if (hasBegun)
                throw new DataMismatchException($"{data.Facts.Name}: {difference}. What was measured before cannot be compared with what "
                    + "these would bring: bring back the data of then, or begin a new run.");
        }
        Note(context, data, path);
    }

    /// <summary>
    /// The data of a run as it noted them, opened only when an example is asked for; null for a run of an earlier version, which noted too
    /// little.
    /// </summary>
    /// <param name="context">The run.</param>
    /// <param name="open">Opens the data.</param>
    public static DataSplit? Kept(JobContext context, Func<DataSplit> open)
    {
        ArgumentNullException.ThrowIfNull(context);
        var path = Path.Combine(context.Folder, FileName);
        if (Read(path) is not { } noted || (FactsOf(noted, path) ?? FactsOfModel(context.Folder)) is not { } facts) return null;
        var (hasValidation, hasTest) = noted.Facts is not null ? (noted.HasValidation, noted.HasTest)
            : (!noted.Parts.Contains(" 0 to choose by", StringComparison.Ordinal),
                !noted.Parts.Contains(" 0 to be tested on", StringComparison.Ordinal));
        var opened = new Lazy<DataSplit>(() =>
        {
            var data = open();
            try
            {
                Compare(context, data);
                return data;
            }
            catch
            {
                data.Dispose();
                throw;
            }
        });
        return new DataSplit(facts, new LateExamples(opened, data => data.Train, owns: true),
            hasValidation ? new LateExamples(opened, data => data.Validation!) : null,
            hasTest ? new LateExamples(opened, data => data.Test!) : null, noted.Data);
    }

    /// <summary>What tells the data of a run from others, or what keeps it from being known; neither where it noted none.</summary>
    public static (DataFingerprint? Print, string? Problem) FingerprintOf(string folder)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            return (Read(path)?.Data, null);
        }
        catch (InvalidDataException)
        {
            return (null, $"{path} is damaged");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return (null, $"{path} cannot be read ({e.Message.TrimEnd('.')})");
        }
    }

    private static void Tell(JobContext context, IEnumerable<string> notes)
    {
        foreach (var note in notes) context.Progress?.Report(new NoticeReport(note));
    }

    private static void Note(JobContext context, DataSplit data, string path)
    {
        Tell(context, data.Notes);
        context.Progress?.Report(new NoticeReport($"{data.Facts.Name}: {data.Describe()}."));
        using var known = JsonDocument.Parse(data.Facts.ToJson());
        AtomicFile.WriteText(path, JsonSerializer.Serialize(new Noted(data.Fingerprint.ToString(), data.Describe(), data.Notes,
            known.RootElement, data.Validation is not null, data.Test is not null)));
    }

    // Those of the run, or of a stage that came before.
    private static bool HasWeights(string folder) => Directory.GetDirectories(folder).Prepend(folder)
        .Any(stage => new CheckpointFolder(Path.Combine(stage, "checkpoints")).List().Count > 0);

    private static DataFacts? FactsOf(Noted noted, string path) =>
        noted.Facts is { } facts ? DataFacts.Parse(facts.GetRawText(), path) : null;

    // Earlier versions noted no facts; their finished models have them.
    private static DataFacts? FactsOfModel(string folder)
    {
        var path = Path.Combine(folder, ModelFile.Name);
        if (!File.Exists(path)) return null;
        using var file = SafetensorsFile.Open(path);
        return file.Metadata.TryGetValue(DataFacts.MetadataKey, out var json) ? DataFacts.Parse(json, path) : null;
    }

    private static Noted? Read(string path)
    {
        if (!File.Exists(path)) return null;
        try
        {
            // An empty note is damage too: taken for none, the data of today would pass for those of then.
            if (JsonSerializer.Deserialize<Noted>(File.ReadAllText(path)) is { Parts: not null } noted
                && DataFingerprint.Parse(noted.Fingerprint) is not null) return noted;
        }
        catch (JsonException)
        {
            // Told below.
        }
        throw new InvalidDataException($"{path} is damaged and does not say what the run learned from; delete it to go on with the data as "
            + "they are now, without knowing whether they are the same.");
    }

    private sealed record Noted(string Fingerprint, string Parts, IReadOnlyList<string> Notes, JsonElement? Facts = null,
        bool HasValidation = false, bool HasTest = false)
    {
        [JsonIgnore]
        public DataFingerprint Data => DataFingerprint.Parse(Fingerprint)!;
    }
}
