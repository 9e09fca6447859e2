using System.Globalization;
using System.Text.RegularExpressions;

namespace Cresset.Recipes;

/// <summary>Values of a range: <c>log:1e-4..1e-2:5</c> at equal ratios, <c>lin:0..1:5</c> at equal distances.</summary>
internal static partial class SweepRange
{
    private const int Most = 1000;

    /// <summary>The values of a range, or the text itself when it is none.</summary>
    /// <exception cref="ArgumentException">It begins like a range and is not one.</exception>
    public static IEnumerable<string> Of(string value, string setting)
    {
        if (!value.StartsWith("log:", StringComparison.Ordinal) && !value.StartsWith("lin:", StringComparison.Ordinal)) return [value];
        var match = Range().Match(value);
        if (!match.Success || !Number(match, 2, out var first) || !Number(match, 3, out var last)
            || !int.TryParse(match.Groups[4].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var count))
            throw new ArgumentException(
                $"'{setting}': '{value}' is not a range; write log:1e-4..1e-2:5 or lin:0..1:5 (from, to, how many).");
        var isLog = match.Groups[1].Value == "log";
        if (count is < 2 or > Most) throw new ArgumentException($"'{setting}': '{value}' asks for {count} values; allowed: 2 to {Most}.");
        if (isLog && !(first > 0 && last > 0))
            throw new ArgumentException($"'{setting}': '{value}' needs ends above 0; use lin: for others.");
        return Enumerable.Range(0, count)
            .Select(i => Text(i == 0 ? first : i == count - 1 ? last : At(first, last, (double)i / (count - 1), isLog)));
    }

    // Nine digits: what a reader can take in, and the same text on every machine.
    private static string Text(double value) => value.ToString("G9", CultureInfo.InvariantCulture);

    private static double At(double first, double last, double share, bool isLog)
        => isLog ? Math.Exp(Math.Log(first) + (share * (Math.Log(last) - Math.Log(first)))) : first + (share * (last - first));

    private static bool Number(Match match, int group, out double number)
        => double.TryParse(match.Groups[group].Value, NumberStyles.Float, CultureInfo.InvariantCulture, out number)
            && double.IsFinite(number);

    [GeneratedRegex(@"^(log|lin):(.+?)\.\.(.+?):(\d+)$")]
    private static partial Regex Range();
}
