using System.Text;

namespace Cresset.Diffusion;

/// <summary>
/// Whole words as tokens, for the miniature's closed language. Ids: 0 padding, 1 start, 2 unknown, then the words, the end token last.
/// </summary>
public sealed class WordTokenizer
{
    private readonly Dictionary<string, int> _ids = [];

    /// <summary>Makes a tokenizer for these words (lower case, no repeats).</summary>
    public WordTokenizer(IReadOnlyList<string> words, int contextLength = 8)
    {
        ArgumentNullException.ThrowIfNull(words);
        ArgumentOutOfRangeException.ThrowIfLessThan(contextLength, 2);
        Words = words;
        ContextLength = contextLength;
        foreach (var word in words)
        {
            if (!_ids.TryAdd(word, 3 + _ids.Count)) throw new ArgumentException($"The word \"{word}\" is there twice.", nameof(words));
        }
    }

    /// <summary>The known words.</summary>
    public IReadOnlyList<string> Words { get; }

    /// <summary>Tokens a prompt has, start, end and padding included.</summary>
    public int ContextLength { get; }

    /// <summary>Number of ids.</summary>
    public int Count => _ids.Count + 4;

    /// <summary>The end token: the largest id.</summary>
    public int EndId => Count - 1;

    /// <summary>The ids of a prompt; unknown words are reported and stand as one token.</summary>
    public int[] Encode(string prompt, out IReadOnlyList<string> unknown)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        var ids = new int[ContextLength];
        var strange = new List<string>();
        var at = 0;
        ids[at++] = 1;
        foreach (var word in Split(prompt))
        {
            if (!_ids.TryGetValue(word, out var id))
            {
                id = 2;
                strange.Add(word);
            }
            if (at < ContextLength - 1) ids[at++] = id;
        }
        ids[at] = EndId;
        unknown = strange;
        return ids;
    }

    /// <summary>The words of a prompt as the tokenizer sees them: letters and digits, lower case.</summary>
    public static IReadOnlyList<string> WordsOf(string prompt)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        return [.. Split(prompt)];
    }

    private static IEnumerable<string> Split(string prompt)
    {
        var word = new StringBuilder();
        foreach (var c in prompt + " ")
        {
            if (char.IsLetterOrDigit(c)) word.Append(char.ToLowerInvariant(c));
            else if (word.Length > 0)
            {
                yield return word.ToString();
                word.Clear();
            }
        }
    }
}
