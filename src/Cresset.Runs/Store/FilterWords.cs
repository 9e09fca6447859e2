using System.Text;

namespace Cresset.Runs;

/// <summary>A word of a condition; from <paramref name="Plain"/> on it stood in quotes, where nothing has a meaning of its own.</summary>
/// <param name="Text">Without its quotes.</param>
/// <param name="Plain">Letters before the first quote.</param>
internal sealed record FilterWord(string Text, int Plain)
{
    public bool IsQuoted => Plain < Text.Length || Text.Length == 0;
}

/// <summary>The words of a condition, one after the other: parentheses by themselves, <c>lr &lt; 1e-3</c> as one.</summary>
internal sealed class FilterWords
{
    // Conditions come from strangers too (an address that was sent): parentheses are followed by recursion.
    private const int Most = 200;
    private readonly List<FilterWord> _words;
    private int _at;

    /// <exception cref="ArgumentException">A quote is not closed, or there are too many words.</exception>
    public FilterWords(string text)
    {
        _words = [.. Joined(Split(text))];
        if (_words.Count > Most) throw new ArgumentException($"The condition has {_words.Count} words; allowed: {Most}.");
    }

    /// <summary>The word that is looked at; null at the end.</summary>
    public FilterWord? Next => _at < _words.Count ? _words[_at] : null;

    public void Move() => _at++;

    /// <summary>Whether the next word is this one, not in quotes.</summary>
    public bool Is(string word) => Next is { IsQuoted: false } next && next.Text.Equals(word, StringComparison.OrdinalIgnoreCase);

    /// <summary>Goes past the next word if it is this one.</summary>
    public bool Take(string word)
    {
        if (!Is(word)) return false;
        Move();
        return true;
    }

    private static List<FilterWord> Split(string text)
    {
        var (words, word, plain, inQuotes) = (new List<FilterWord>(), new StringBuilder(), -1, false);
        void End()
        {
            if (word.Length > 0 || plain >= 0) words.Add(new FilterWord(word.ToString(), plain < 0 ? word.Length : plain));
            word.Clear();
            plain = -1;
        }
        foreach (var c in text)
        {
            if (c == '"')
            {
                inQuotes = !inQuotes;
                if (plain < 0) plain = word.Length;
            }
            else if (!inQuotes && char.IsWhiteSpace(c)) End();
            else if (!inQuotes && c is '(' or ')')
            {
                End();
                words.Add(new FilterWord(c.ToString(), 1));
            }
            else word.Append(c);
        }
        if (inQuotes) throw new ArgumentException($"'{text}': a quote is not closed.");
        End();
        return words;
    }

    // "lr < 1e-3" is one condition as "lr<1e-3" is.
    private static IEnumerable<FilterWord> Joined(List<FilterWord> words)
    {
        for (var i = 0; i < words.Count; i++)
        {
            var word = words[i];
            while (i + 1 < words.Count && !word.IsQuoted && !IsParenthesis(word) && !IsParenthesis(words[i + 1])
                && (IsOperator(words[i + 1]) || EndsInOperator(word)))
            {
                var next = words[++i];
                word = new FilterWord(word.Text + next.Text, word.Text.Length + next.Plain);
            }
            yield return word;
        }
    }

    private static bool IsParenthesis(FilterWord word) => word is { IsQuoted: false, Text: "(" or ")" };

    private static bool IsOperator(FilterWord word) =>
        !word.IsQuoted && RunFilter.Operator(word.Text, out var sign) == 0 && sign.Length == word.Text.Length;

    private static bool EndsInOperator(FilterWord word) =>
        RunFilter.Operator(word.Text, out var sign) is >= 0 and var at && at + sign.Length == word.Text.Length;
}
