using System.Globalization;

namespace Cresset.Runs;

/// <summary>
/// A condition on runs in words: <c>lr&lt;1e-3 and tag:good</c>, <c>accuracy>=0.9 or status:running</c>, <c>not archived:true</c>.
/// <c>and</c> binds tighter than <c>or</c>; a
/// word by itself is looked for in id, name, kind, note and tags. A key is a setting, a final figure or a series; the end of a setting's
/// key will do.
/// </summary>
internal sealed class RunFilter
{
    private static readonly string[] Operators = ["<=", ">=", "!=", "==", "<", ">", "=", "~"];
    private static readonly Dictionary<string, string> Short = new(StringComparer.Ordinal)
    {
        ["lr"] = "learning_rate",
        ["batch"] = "batch_size"
    };
    private readonly List<List<(bool Negated,
        Func<RunInfo, IReadOnlyDictionary<string, string>, IReadOnlyDictionary<string, double>, bool> Test)>> _alternatives = [];

    private RunFilter()
    {
    }

    /// <exception cref="ArgumentException">The text is not a condition.</exception>
    public static RunFilter Parse(string text)
    {
        var filter = new RunFilter();
        var words = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        var (all, negated, expects) =
            (new List<(bool, Func<RunInfo, IReadOnlyDictionary<string, string>, IReadOnlyDictionary<string, double>, bool>)>(), false,
                true);
        foreach (var word in Joined(words))
        {
            switch (word)
            {
                case "and" or "or" when expects:
                    throw new ArgumentException($"'{text}': '{word}' has nothing before it; write for example lr<1e-3 and tag:good.");
                case "and":
                    expects = true;
                    continue;
                case "or":
                    filter._alternatives.Add(all);
                    (all, expects) = ([], true);
                    continue;
                case "not":
                    negated = !negated;
                    continue;
                default:
                    all.Add((negated, Term(word, text)));
                    (negated, expects) = (false, false);
                    continue;
            }
        }
        if (expects || negated)
            throw new ArgumentException($"'{text}' ends where a condition is expected; write for example lr<1e-3 and tag:good.");
        filter._alternatives.Add(all);
        return filter;
    }

    public bool Accepts(RunInfo run, IReadOnlyDictionary<string, string> config, IReadOnlyDictionary<string, double> figures)
        => _alternatives.Any(all => all.All(term => term.Test(run, config, figures) != term.Negated));

    // "lr < 1e-3" is one condition as "lr<1e-3" is.
    private static IEnumerable<string> Joined(string[] words)
    {
        for (var i = 0; i < words.Length; i++)
        {
            var word = words[i];
            while (i + 1 < words.Length
                && (Operators.Contains(words[i + 1]) || Operators.Any(o => word.EndsWith(o, StringComparison.Ordinal)))) word += words[++i];
            yield return word;
        }
    }

    private static Func<RunInfo, IReadOnlyDictionary<string, string>, IReadOnlyDictionary<string, double>, bool> Term(string word,
        string whole)
    {
        var at = Enumerable.Range(0, word.Length).FirstOrDefault(i => Operators.Any(o => word.AsSpan(i).StartsWith(o)), -1);
        if (at > 0)
        {
            var sign = Operators.First(o => word.AsSpan(at).StartsWith(o));
            var (key, wanted) = (word[..at], word[(at + sign.Length)..]);
            if (wanted.Length == 0) throw new ArgumentException($"'{whole}': '{word}' lacks a value.");
            if (sign is "<" or ">" or "<=" or ">=" && !double.TryParse(wanted, NumberStyles.Float, CultureInfo.InvariantCulture, out _))
                throw new ArgumentException($"'{whole}': '{wanted}' is not a number.");
            return (_, config, figures) => Values(key, config, figures).Any(value => Holds(value, sign, wanted));
        }
        if (word.IndexOf(':', StringComparison.Ordinal) is > 0 and var colon)
        {
            var (field, wanted) = (word[..colon], word[(colon + 1)..]);
            return field switch
            {
                "tag" => (run, _, _) => run.Tags.Contains(wanted),
                "name" => (run, _, _) => run.Name == wanted,
                "kind" => (run, _, _) => run.Kind == wanted,
                "status" when Enum.TryParse<RunStatus>(wanted, ignoreCase: true, out var status) => (run, _, _) => run.Status == status,
                "status" =>
                    throw new ArgumentException(
                        $"'{whole}': status is '{wanted}'; allowed: "
                            + $"{string.Join(", ", Enum.GetNames<RunStatus>().Select(n => n.ToLowerInvariant()))}."),
                "archived" when bool.TryParse(wanted, out var archived) => (run, _, _) => run.Archived == archived,
                _ => throw new ArgumentException(
                    $"'{whole}': '{field}:' is not known; allowed: tag:, name:, kind:, status:, archived:true, and KEY=VALUE for settings "
                        + $"and figures."),
            };
        }
        return (run, _, _) => run.Tags.Append(run.Id).Append(run.Name).Append(run.Kind).Append(run.Note)
            .Any(t => t.Contains(word, StringComparison.OrdinalIgnoreCase));
    }

    private static IEnumerable<string> Values(string key, IReadOnlyDictionary<string, string> config,
        IReadOnlyDictionary<string, double> figures)
    {
        var name = Short.GetValueOrDefault(key, key);
        if (figures.TryGetValue(key, out var figure)) return [figure.ToString("R", CultureInfo.InvariantCulture)];
        if (config.TryGetValue(key, out var exact)) return [exact];
        return config.Where(c => c.Key.EndsWith("." + name, StringComparison.Ordinal)).Select(c => c.Value);
    }

    private static bool Holds(string value, string sign, string wanted)
    {
        if (sign == "~") return value.Contains(wanted, StringComparison.OrdinalIgnoreCase);
        var numbers = double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var left)
            & double.TryParse(wanted, NumberStyles.Float, CultureInfo.InvariantCulture, out var right);
        return sign switch
        {
            "=" or "==" => numbers ? left == right : string.Equals(value, wanted, StringComparison.OrdinalIgnoreCase),
            "!=" => numbers ? left != right : !string.Equals(value, wanted, StringComparison.OrdinalIgnoreCase),
            "<" => numbers && left < right,
            ">" => numbers && left > right,
            "<=" => numbers && left <= right,
            _ => numbers && left >= right,
        };
    }
}
