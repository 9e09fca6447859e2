using System.Text.Json;
using Cresset.Data;
using Cresset.Numerics;
using Cresset.Runs;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>What a run learned from: noted in its folder when it begins, compared when it goes on or is evaluated.</summary>
internal static class RunData
{
    private const string FileName = "data.json";

    /// <summary>Notes the data of a new run, or says how they differ from those that it began with.</summary>
    public static void Compare(JobContext context, DataSplit data)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(data);
        var path = Path.Combine(context.Folder, FileName);
        if (Read(path) is { } began)
        {
            if (data.Fingerprint.DifferenceFrom(began) is { } difference)
            {
                context.Progress
                    ?.Report(
                        new NoticeReport($"{data.Facts.Name}: {difference}. What comes now is not what an uninterrupted run would bring."));
            }
            return;
        }
        foreach (var note in data.Notes) context.Progress?.Report(new NoticeReport(note));
        if (context.Recorder is NullRunRecorder) return;
        context.Progress?.Report(new NoticeReport($"{data.Facts.Name}: {data.Describe()}."));
        AtomicFile.WriteText(path, JsonSerializer.Serialize(new Noted(data.Fingerprint.ToString(), data.Describe(), data.Notes)));
    }

    private static DataFingerprint? Read(string path)
    {
        if (!File.Exists(path)) return null;
        try
        {
            return DataFingerprint.Parse(JsonSerializer.Deserialize<Noted>(File.ReadAllText(path))?.Fingerprint);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException(
                $"{path} is damaged ({e.Message.Split('.')[0]}); delete it to go on without knowing whether the data are the same.", e);
        }
    }

    private sealed record Noted(string Fingerprint, string Parts, IReadOnlyList<string> Notes);
}
