using System.Globalization;
using System.Text.Json.Nodes;
using Cresset.Cli.Terminal;
using Cresset.Detection;

namespace Cresset.Cli.Commands;

/// <summary>A score on the terminal, and the exit code of its gates.</summary>
internal sealed class DetectScoreOutput(ScoreSummary score, ProtocolResult result, ScoreSummary? baseline)
{
    /// <summary>The same JSON as that of a report's first part; slices by a field of the images follow as one more list.</summary>
    public void Json(IReadOnlyList<DetectSlice> slices)
    {
        using var buffer = new MemoryStream();
        score.Write(buffer);
        var text = System.Text.Encoding.UTF8.GetString(buffer.ToArray());
        if (slices.Count > 0)
        {
            var root = JsonNode.Parse(text)!.AsObject();
            root["slices_by_field"] = new JsonArray([.. slices.Select(s => new JsonObject
            {
                ["field"] = s.Field,
                ["value"] = s.Value,
                ["images"] = s.Images,
                ["objects"] = s.Objects,
                ["statistics"] = new JsonObject(s.Score.Statistics.Select(v
                    => KeyValuePair.Create(v.Name, double.IsFinite(v.Value) && v.Value != -1 ? (JsonNode?)v.Value : null))),
            })]);
            text = root.ToJsonString(new System.Text.Json.JsonSerializerOptions { WriteIndented = true });
        }
        Console.Out.WriteLine(text);
    }

    public void Print(bool perClass, IReadOnlyList<string> written)
    {
        var interval = score.Intervals.ToDictionary(i => i.Name);
        var before = baseline?.Statistics.ToDictionary(s => s.Name, s => s.Value);
        List<string> columns = ["statistic", "value"];
        if (interval.Count > 0) columns.Add("95 % interval");
        if (before is not null) columns.AddRange(["baseline", "change"]);
        Output.Table(columns, result.Statistics.Select(s =>
        {
            List<string> row = [s.Name, Text(s.Value)];
            if (interval.Count > 0) row.Add(interval.TryGetValue(s.Name, out var i) ? $"{Text(i.Low)} - {Text(i.High)}" : "");
            if (before is not null)
            {
                var old = before.GetValueOrDefault(s.Name, double.NaN);
                row.AddRange([Text(old), s.Value < 0 || double.IsNaN(s.Value - old) ? "-"
                    : (s.Value - old).ToString("+0.000000;-0.000000;0.000000", CultureInfo.InvariantCulture)]);
            }
            return row;
        }));
        if (perClass)
        {
            var at = score.IouThresholds.Count == 0 ? "first IoU" : score.IouThresholds[0].ToString("0.##", CultureInfo.InvariantCulture);
            Output.Table(["class", "objects", "AP", $"AP at {at}"],
                score.Classes.Select(c
                => new[] { c.Name, Text(c.Objects), Text(c.Ap), Text(c.ApByIou.Count == 0 ? double.NaN : c.ApByIou[0]) }));
        }
        foreach (var path in written) Console.Out.WriteLine($"written: {path}");
    }

    /// <summary>Says on the error stream which gates are missed and gives the exit code.</summary>
    public static int Judge(IReadOnlyList<GateVerdict> verdicts)
    {
        var code = ExitCode.Success;
        foreach (var v in verdicts.Where(v => !v.Passed))
        {
            Console.Error.WriteLine($"cresset: gate missed: {v.Finding}; needed: {v.Condition}.");
            code = ExitCode.MissedGate;
        }
        return code;
    }

    /// <summary>As the tool of the protocol prints it: -1 stays -1.</summary>
    private static string Text(double value)
        => double.IsNaN(value) ? "-" : value == Math.Floor(value) && Math.Abs(value) > 1
        ? value.ToString("0", CultureInfo.InvariantCulture) : value.ToString("0.000000", CultureInfo.InvariantCulture);
}
