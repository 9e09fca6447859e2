using System.Globalization;

namespace Cresset.Runs;

/// <summary>
/// A condition on runs in words: <c>lr&lt;1e-3 and tag:good</c>, <c>(accuracy>=0.9 or status:running) and not tag:"to be redone"</c>.
/// <c>and</c> (or nothing) binds tighter than <c>or</c>, parentheses tighter still; a word by itself is looked for in id, name, kind, note
/// and tags. A key is a setting, a final figure or a series; the end of a setting's key will do. What stands in quotes is taken as it is.
/// </summary>
internal sealed class RunFilter
{
    private const string Example = "write for example lr<1e-3 and tag:good.";
    private static readonly string[] Operators = ["<=", ">=", "!=", "==", "<", ">", "=", "~"];
    private static readonly Dictionary<string, string> Short = new(StringComparer.Ordinal)
    {
        ["lr"] = "learning_rate",
        ["batch"] = "batch_size"
    };
    private readonly HashSet<string> _keys = [];
    private readonly Test _test;

    private RunFilter(string text)
    {
        var words = new FilterWords(text);
        _test = Alternatives(words, text);
        if (words.Next is not null) throw new ArgumentException($"'{text}': ')' closes nothing; {Example}");
    }

    private delegate bool Test(RunInfo run, IReadOnlyDictionary<string, string> config, IReadOnlyDictionary<string, double> figures);

    /// <summary>The settings, figures and series that it compares.</summary>
    public IReadOnlyCollection<string> Keys => _keys;

    /// <exception cref="ArgumentException">The text is not a condition.</exception>
    public static RunFilter Parse(string text) => new(text);

    public bool Accepts(RunInfo run, IReadOnlyDictionary<string, string> config, IReadOnlyDictionary<string, double> figures)
        => _test(run, config, figures);

    /// <summary>Whether a run has what a condition calls <paramref name="key"/>.</summary>
    public static bool Has(string key, IReadOnlyDictionary<string, string> config, IReadOnlyDictionary<string, double> figures)
        => Values(key, config, figures).Any();

    private Test Alternatives(FilterWords words, string whole)
    {
        var all = new List<Test> { Together(words, whole) };
        while (words.Take("or")) all.Add(Together(words, whole));
        return all is [var one] ? one : (run, config, figures) => all.Exists(test => test(run, config, figures));
    }

    private Test Together(FilterWords words, string whole)
    {
        var all = new List<Test> { Single(words, whole) };
        while (words.Take("and") || (words.Next is not null && !words.Is("or") && !words.Is(")"))) all.Add(Single(words, whole));
        return all is [var one] ? one : (run, config, figures) => all.TrueForAll(test => test(run, config, figures));
    }

    private Test Single(FilterWords words, string whole)
    {
        if (words.Take("not"))
        {
            var inner = Single(words, whole);
            return (run, config, figures) => !inner(run, config, figures);
        }
        if (words.Take("("))
        {
            var inner = Alternatives(words, whole);
            return words.Take(")") ? inner : throw new ArgumentException($"'{whole}': a '(' is not closed; {Example}");
        }
        if (words.Next is not { } word) throw new ArgumentException($"'{whole}' ends where a condition is expected; {Example}");
        if (words.Is("and") || words.Is("or") || words.Is(")"))
            throw new ArgumentException($"'{whole}': '{word.Text}' has nothing before it; {Example}");
        words.Move();
        return Term(word, whole);
    }

    private Test Term(FilterWord word, string whole)
    {
        var text = word.Text;
        var plain = text.AsSpan(0, word.Plain);
        if (Operator(plain, out var sign) is > 0 and var at)
        {
            var (key, wanted) = (text[..at], text[(at + sign.Length)..]);
            if (wanted.Length == 0) throw new ArgumentException($"'{whole}': '{text}' lacks a value.");
            if (sign is "<" or ">" or "<=" or ">=" && !double.TryParse(wanted, NumberStyles.Float, CultureInfo.InvariantCulture, out _))
                throw new ArgumentException($"'{whole}': '{wanted}' is not a number.");
            _keys.Add(key);
            return (_, config, figures) => Values(key, config, figures).Any(value => Holds(value, sign, wanted));
        }
        if (plain.IndexOf(':') is > 0 and var colon)
        {
            var (field, wanted) = (text[..colon], text[(colon + 1)..]);
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
            .Any(t => t.Contains(text, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>Where the first operator of a word stands, and which; -1 without one.</summary>
    internal static int Operator(ReadOnlySpan<char> word, out string sign)
    {
        for (var i = 0; i < word.Length; i++)
        {
            foreach (var one in Operators)
            {
                if (!word[i..].StartsWith(one)) continue;
                sign = one;
                return i;
            }
        }
        sign = "";
        return -1;
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
