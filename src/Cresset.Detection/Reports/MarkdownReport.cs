using System.Globalization;
using System.Text;

namespace Cresset.Detection;

/// <summary>A score as Markdown for a pull request or the summary of a build.</summary>
public static class MarkdownReport
{
    private const int ClassesShown = 10;

    /// <summary>The text: statistics with intervals and changes, gates, the classes that changed most, or the worst without a
    /// baseline.</summary>
    public static string Make(ScoreSummary score, IReadOnlyList<GateVerdict>? verdicts = null, ScoreSummary? baseline = null)
    {
        ArgumentNullException.ThrowIfNull(score);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"### Detection: {score.Protocol}, {score.IouType}\n\n");
        text.Append(CultureInfo.InvariantCulture,
            $"{score.Images:N0} images, {score.Objects:N0} objects, {score.Detections:N0} detections.\n\n");
        Gates(text, verdicts ?? []);
        Statistics(text, score, baseline);
        Classes(text, score, baseline);
        return text.ToString();
    }

    private static void Gates(StringBuilder text, IReadOnlyList<GateVerdict> verdicts)
    {
        if (verdicts.Count == 0) return;
        text.Append("| gate | result |\n|---|---|\n");
        foreach (var v in verdicts) text.Append($"| {Cell(v.Condition)} | {(v.Passed ? "met" : "**missed**")}: {Cell(v.Finding)} |\n");
        text.Append('\n');
    }

    private static void Statistics(StringBuilder text, ScoreSummary score, ScoreSummary? baseline)
    {
        var intervals = score.Intervals.ToDictionary(i => i.Name);
        var before = baseline?.Statistics.ToDictionary(s => s.Name, s => s.Value);
        text.Append("| statistic | value |").Append(intervals.Count > 0 ? " 95 % interval |" : "")
            .Append(before is not null ? " baseline | change |" : "").Append('\n');
        text.Append("|---|---:|").Append(intervals.Count > 0 ? "---:|" : "").Append(before is not null ? "---:|---:|" : "").Append('\n');
        foreach (var s in score.Statistics)
        {
            text.Append($"| {Cell(s.Name)} | {Number(s.Value)} |");
            if (intervals.Count > 0) text.Append(intervals.TryGetValue(s.Name, out var i) ? $" {Number(i.Low)} to {Number(i.High)} |"
                : " |");
            if (before is not null)
            {
                var old = before.GetValueOrDefault(s.Name, double.NaN);
                text.Append($" {Number(old)} | {Signed(s.Value - old)} |");
            }
            text.Append('\n');
        }
        text.Append('\n');
    }

    private static void Classes(StringBuilder text, ScoreSummary score, ScoreSummary? baseline)
    {
        var scored = score.Classes.Where(c => double.IsFinite(c.Ap)).ToArray();
        if (baseline is null)
        {
            if (scored.Length < 2) return;
            text.Append("| lowest classes | objects | AP |\n|---|---:|---:|\n");
            foreach (var c in scored.OrderBy(c => c.Ap).ThenBy(c => c.Id)
                .Take(ClassesShown)) text.Append($"| {Cell(c.Name)} | {Count(c.Objects)} | {Number(c.Ap)} |\n");
            return;
        }
        var old = baseline.Classes.GroupBy(c => c.Id).ToDictionary(g => g.Key, g => g.First().Ap);
        var changed = scored.Select(c => (Class: c, Before: old.GetValueOrDefault(c.Id, double.NaN)))
            .Where(c => double.IsFinite(c.Before) && c.Class.Ap != c.Before)
            .OrderByDescending(c => Math.Abs(c.Class.Ap - c.Before)).ThenBy(c => c.Class.Id).ToArray();
        if (changed.Length == 0)
        {
            text.Append("No class changed.\n");
            return;
        }
        text.Append("| largest changes | objects | AP | baseline | change |\n|---|---:|---:|---:|---:|\n");
        foreach (var (c, before) in changed.Take(ClassesShown)) text.Append(
            $"| {Cell(c.Name)} | {Count(c.Objects)} | {Number(c.Ap)} | {Number(before)} | {Signed(c.Ap - before)} |\n");
        if (changed.Length > ClassesShown) text.Append(CultureInfo.InvariantCulture,
            $"\n{changed.Length - ClassesShown} further classes changed less.\n");
    }

    private static string Number(double value) => double.IsFinite(value) ? value.ToString("0.0000", CultureInfo.InvariantCulture) : "-";

    private static string Count(double value) => double.IsFinite(value) ? value.ToString("0.##", CultureInfo.InvariantCulture) : "-";

    private static string Signed(double value)
        => double.IsFinite(value) ? value.ToString("+0.0000;-0.0000;0.0000", CultureInfo.InvariantCulture) : "-";

    /// <summary>Names come from files: nothing in them may end a cell or a line, or become HTML or a link.</summary>
    private static string Cell(string text)
    {
        var cell = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            if (c < ' ') cell.Append(' ');
            else if (c is '<') cell.Append("&lt;");
            else if (c is '>') cell.Append("&gt;");
            else if (c is '&') cell.Append("&amp;");
            else if (c is '|' or '\\' or '`' or '*' or '_' or '[' or ']' or '~' or '@' or '#') cell.Append('\\').Append(c);
            else cell.Append(c);
        }
        return cell.ToString();
    }
}
