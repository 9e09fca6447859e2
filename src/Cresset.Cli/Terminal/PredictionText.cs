using System.Globalization;
using System.Text;
using System.Text.Json;
using Cresset.Recipes;

namespace Cresset.Cli.Terminal;

/// <summary>Answers as CSV and JSON. A picture is told by the file it was written to.</summary>
internal static class PredictionText
{
    private static readonly JsonSerializerOptions Readable = new()
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping
    };

    /// <summary>A list of objects; what an answer does not have is left out.</summary>
    /// <param name="answers">The answers.</param>
    /// <param name="files">Files of their pictures; null for none.</param>
    public static string Json(IReadOnlyList<Prediction> answers, IReadOnlyList<string?> files) => JsonSerializer.Serialize(
        answers.Select((a, i) =>
        {
            var all = new Dictionary<string, object?>
            {
                ["input"] = a.Input,
                ["picture"] = files[i],
                ["class"] = a.Class,
                ["probability"] = a.Probability,
                ["probabilities"] = a.Probabilities
            };
            if (a.Value is { } value) all[a.ValueName] = value;
            foreach (var (name, number) in a.Values ?? new Dictionary<string, double>()) all[name] = number;
            (all["anomaly_score"], all["anomaly"], all["shares"]) = (a.AnomalyScore, a.IsAnomaly, a.Shares);
            all["action"] = a.Action is [var single] ? single : a.Action;
            (all["shape"], all["codes"]) = (a.CodesShape, a.Codes);
            return all.Where(p => p.Value is not null).ToDictionary();
        }),
        Readable) + Environment.NewLine;

    /// <summary>A table (RFC 4180) whose columns are those that any answer has; codes stand in one cell.</summary>
    /// <param name="answers">The answers.</param>
    /// <param name="files">Files of their pictures; null for none.</param>
    public static string Csv(IReadOnlyList<Prediction> answers, IReadOnlyList<string?> files)
    {
        var columns = new List<(string Name, Func<int, string> Cell)> { ("input", i => answers[i].Input) };
        void Add(string name, Func<Prediction, string?> cell)
        {
            if (answers.Any(a => cell(a) is not null)) columns.Add((name, i => cell(answers[i]) ?? ""));
        }
        if (files.Any(f => f is not null)) columns.Add(("picture", i => files[i] ?? ""));
        Add("class", a => a.Class);
        Add("probability", a => Number(a.Probability));
        Add(answers.FirstOrDefault(a => a.Value is not null)?.ValueName ?? "value", a => Number(a.Value));
        foreach (var name in Names(answers, a => a.Values))
            Add(name, a => Number(a.Values is { } values && values.TryGetValue(name, out var v) ? v : null));
        Add("anomaly_score", a => Number(a.AnomalyScore));
        Add("anomaly", a => a.IsAnomaly is { } alarm ? alarm ? "yes" : "no" : null);
        foreach (var name in Names(answers, a => a.Probabilities ?? a.Shares))
            Add(name, a => Number((a.Probabilities ?? a.Shares) is { } shares && shares.TryGetValue(name, out var v) ? v : null));
        var sizes = answers.Select(a => a.Action?.Count ?? 0).Max();
        for (var k = 0; k < sizes; k++)
        {
            var place = k;
            Add(sizes == 1 ? "action" : $"action_{k}", a => a.Action is { } action && action.Count > place ? Number(action[place]) : null);
        }
        Add("shape", a => a.CodesShape is { } shape ? string.Join('x', shape) : null);
        Add("codes", a => a.Codes is { } codes ? string.Join(' ', codes) : null);
        var text = new StringBuilder();
        text.AppendJoin(',', columns.Select(c => Cell(c.Name))).Append('\n');
        for (var i = 0; i < answers.Count; i++) text.AppendJoin(',', columns.Select(c => Cell(c.Cell(i)))).Append('\n');
        return text.ToString();
    }

    private static IEnumerable<string> Names(IReadOnlyList<Prediction> answers,
        Func<Prediction, IReadOnlyDictionary<string, double>?> numbers)
        => answers.Select(numbers).FirstOrDefault(n => n is not null)?.Keys ?? [];

    private static string? Number(double? value) => value?.ToString("G7", CultureInfo.InvariantCulture);

    private static string Cell(string text) =>
        text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
