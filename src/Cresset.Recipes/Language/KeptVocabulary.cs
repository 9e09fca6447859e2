using System.Text.Json;
using Cresset.Data;
using Cresset.Numerics;
using Cresset.Runs;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>What a run keeps of its text when it begins: enough to write with its model, and to export it, without the text.</summary>
/// <param name="Headline">The figure that chose the best checkpoint.</param>
/// <param name="Facts">How a text becomes tokens.</param>
internal sealed record KeptVocabulary(HeadlineMetric Headline, DataFacts Facts)
{
    private const string FileName = "vocabulary.json";

    /// <summary>That of a run; null where it was begun by an earlier version, which kept none.</summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public static KeptVocabulary? Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path)) return null;
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllText(path));
            var facts = DataFacts.Parse(json.RootElement.GetProperty("data").GetRawText(), path);
            return facts.Text is null ? throw new InvalidDataException($"{path} does not say how a text becomes tokens.")
                : new(new HeadlineMetric(json.RootElement.GetProperty("headline").GetString()!, HigherIsBetter: false), facts);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new InvalidDataException(
                $"{path} is damaged ({e.Message.Split('.')[0]}); delete it to take the vocabulary from the text again.", e);
        }
    }

    /// <summary>Keeps the vocabulary of a run that begins; of one that has weights already the text must still give the same.</summary>
    /// <exception cref="InvalidDataException">The weights belong to other tokens.</exception>
    public void Keep(JobContext context)
    {
        var path = Path.Combine(context.Folder, FileName);
        if (Read(context.Folder) is { } kept && context.Checkpoints.List().Count > 0)
        {
            if (JsonSerializer.Serialize(kept.Facts.Text) == JsonSerializer.Serialize(Facts.Text)) return;
            throw new InvalidDataException(
                $"{Facts.Name} gives other tokens than the run began with ({path}), so its weights would mean something else: give the "
                    + "text of then, or begin a new run.");
        }
        if (context.Recorder is NullRunRecorder) return;
        AtomicFile.WriteText(path, $"{{\"headline\":{JsonSerializer.Serialize(Headline.Name)},\"data\":{Facts.ToJson()}}}");
    }

    /// <summary>A text of which nothing but the vocabulary is there.</summary>
    public DataSplit WithoutText() => new(Facts, new NoText(), null, null, new DataFingerprint(0, "", "vocabulary"));

    private sealed class NoText : IDataset
    {
        public int Count => 0;

        public IPreparedBatch Prepare(BatchRequest request) =>
            throw new InvalidOperationException("The text is not there: this model was opened to write and to be exported.");
    }
}
