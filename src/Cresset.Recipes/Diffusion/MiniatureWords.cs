using Cresset.Data;
using Cresset.Diffusion;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>The closed language of what draws from words: a name for each class and the ways to ask for one.</summary>
/// <param name="Names">The classes.</param>
/// <param name="Patterns">Ways to ask; <c>{0}</c> is the name, <c>{a}</c> the article before it.</param>
/// <param name="Tokenizer">Knows every word of every way.</param>
internal sealed record MiniatureWords(IReadOnlyList<string> Names, IReadOnlyList<string> Patterns, WordTokenizer Tokenizer)
{
    private static readonly string[] Digits = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    private static readonly string[] DigitPatterns = ["a handwritten {0}", "{0}", "the digit {0}", "a {0}"];
    private static readonly string[] Garments = ["t-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag",
        "ankle boot"];
    private static readonly string[] GarmentPatterns = ["{a}{0}", "{0}"];

    // What runs of the first versions learned; their models know exactly these words, in this order.
    private static readonly string[] EarlierGarments = ["tshirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker",
        "bag", "boot"];
    private static readonly string[] EarlierGarmentPatterns = ["a photo of a {0}", "{0}", "a {0}", "the {0}"];
    private static readonly string[] EarlierWords = ["a", "the", "handwritten", "digit", "photo", "of"];

    /// <summary>Ways to ask for a class.</summary>
    public int Ways => Patterns.Count;

    /// <summary>Every way to ask for the first class, then for the second, and so on.</summary>
    public IEnumerable<string> All => Names.SelectMany(name => Patterns.Select(pattern => Fill(pattern, name)));

    /// <summary>The words for a data set.</summary>
    public static MiniatureWords Of(DataFacts facts, MiniatureEncoders encoders)
    {
        var isWhole = encoders == MiniatureEncoders.All;
        (string[] Names, string[] Patterns) language = facts.KnownSet() switch
        {
            "digits" => (Digits, DigitPatterns),
            "garments" => (Garments, GarmentPatterns),
            "fashion" => isWhole ? (Garments, GarmentPatterns) : (EarlierGarments, EarlierGarmentPatterns),
            _ => ([.. facts.Captions!], ["{0}"]),
        };
        var (names, patterns) = language;
        var prompts = names.SelectMany(name => patterns.Select(pattern => WordTokenizer.WordsOf(Fill(pattern, name)))).ToList();
        // Room for start, end and every word of the longest, since a cut prompt would lose its noun.
        var longest = prompts.Max(words => words.Count) + 2;
        return isWhole
            ? new(names, patterns, new WordTokenizer([.. prompts.SelectMany(words => words).Distinct()], longest))
            : new(names, patterns,
                new WordTokenizer([.. EarlierWords.Concat(prompts.SelectMany(words => words)).Distinct()],
                    Math.Max(new MiniatureOptions().ContextLength, longest)));
    }

    /// <summary>The first way to ask for a class.</summary>
    public string Prompt(int index) => Fill(Patterns[0], Names[index]);

    /// <summary>Refuses a prompt that would lose words.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="model">What reads it, for the message.</param>
    /// <exception cref="ArgumentException">It is too long, or holds a word that is not known.</exception>
    public void Check(string prompt, string model)
    {
        var words = WordTokenizer.WordsOf(prompt).Count;
        if (words > Tokenizer.ContextLength - 2)
            throw new ArgumentException(
                $"The prompt \"{prompt}\" has {words} words; the {model} reads at most {Tokenizer.ContextLength - 2}. Ask for example for "
                    + $"\"{Prompt(Names.Count - 1)}\".", nameof(prompt));
        Tokenizer.Encode(prompt, out var unknown);
        if (unknown.Count > 0)
            throw new ArgumentException(
                $"The {model} does not know the word \"{unknown[0]}\".{NearestName.Suggest(unknown[0], Tokenizer.Words)} It knows: "
                    + $"{string.Join(", ", Tokenizer.Words)}.", nameof(prompt));
    }

    /// <summary>What stands beside a row of drawn pictures.</summary>
    public string Label(int index) => Names[index];

    private static string Fill(string pattern, string name)
    {
        var article = name.EndsWith('s') && !name.EndsWith("ss", StringComparison.Ordinal) ? ""
            : name.Length > 0 && "aeiou".Contains(name[0], StringComparison.Ordinal) ? "an " : "a ";
        return pattern.Replace("{a}", article, StringComparison.Ordinal).Replace("{0}", name, StringComparison.Ordinal);
    }
}
