using System.Collections.Frozen;
using System.Text;

namespace Cresset.Data;

/// <summary>
/// Byte-level byte-pair encoding (Sennrich et al. 2016; Radford et al. 2019): learning the merges, and the letters that bytes are written
/// as.
/// </summary>
public static class BytePairs
{
    /// <summary>GPT-2's words: endings such as 's, letters, numbers or signs with the blank before them, and blanks.</summary>
    public const string Gpt2Pattern = @"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    /// <summary>The letter of each byte: itself where it prints, else one from U+0100 on, so that tokens can be written in JSON.</summary>
    internal static char[] Letters { get; } = MakeLetters();

    /// <summary>The byte of each letter.</summary>
    internal static FrozenDictionary<char, byte> BytesOfLetters { get; } = Enumerable.Range(0, 256)
        .ToFrozenDictionary(b => Letters[b], b => (byte)b);

    /// <summary>
    /// Learns a vocabulary of <paramref name="size"/> tokens: the 256 bytes, then one token for each merge of the commonest pair of
    /// neighbours within a word. Of equally common pairs the one that comes first in the order of its tokens is taken, so that the result
    /// depends on the text alone.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="size">Tokens, at least 256; fewer come out where no pair occurs twice.</param>
    /// <param name="pattern">Cuts the text into words.</param>
    /// <param name="cancellation">Stops the work.</param>
    public static BytePairTokenizer Learn(string text, int size, string pattern = Gpt2Pattern, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 256);
        var words = Words(text, pattern);
        var vocabulary = Enumerable.Range(0, 256).Select(b => Letters[b].ToString()).ToList();
        var merges = new List<string>();
        // How often each pair of neighbours occurs, and in which words.
        var pairs = new Dictionary<(int Left, int Right), (long Count, HashSet<int> Words)>();
        for (var w = 0; w < words.Count; w++) Count(w, 1);
        while (vocabulary.Count < size)
        {
            cancellation.ThrowIfCancellationRequested();
            var best = (Left: -1, Right: -1);
            long most = 1;
            foreach (var (pair, (count, _)) in pairs)
            {
                if (count > most || (count == most && best.Left >= 0 && pair.CompareTo(best) < 0)) (best, most) = (pair, count);
            }
            if (best.Left < 0) break;
            var joined = vocabulary.Count;
            vocabulary.Add(vocabulary[best.Left] + vocabulary[best.Right]);
            merges.Add($"{vocabulary[best.Left]} {vocabulary[best.Right]}");
            foreach (var w in pairs[best].Words.ToArray())
            {
                Count(w, -1);
                Join(words[w].Tokens, best, joined);
                Count(w, 1);
            }
            pairs.Remove(best);
        }
        return new BytePairTokenizer(vocabulary, merges, pattern);

        void Count(int word, int sign)
        {
            var (tokens, times) = words[word];
            for (var i = 0; i + 1 < tokens.Count; i++)
            {
                var pair = (tokens[i], tokens[i + 1]);
                if (!pairs.TryGetValue(pair, out var entry)) entry = (0, []);
                entry.Count += sign * times;
                if (sign > 0) entry.Words.Add(word);
                if (entry.Count == 0) pairs.Remove(pair);
                else pairs[pair] = entry;
            }
        }
    }

    /// <summary>Joins each such pair, from the left.</summary>
    internal static void Join(List<int> tokens, (int Left, int Right) pair, int joined)
    {
        var to = 0;
        for (var from = 0; from < tokens.Count; from++, to++)
        {
            if (from + 1 < tokens.Count && tokens[from] == pair.Left && tokens[from + 1] == pair.Right)
            {
                tokens[to] = joined;
                from++;
            }
            else
            {
                tokens[to] = tokens[from];
            }
        }
        tokens.RemoveRange(to, tokens.Count - to);
    }

    private static List<(List<int> Tokens, long Times)> Words(string text, string pattern)
    {
        var counts = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var word in new WordCutter(pattern).Cut(text))
        {
            counts[word] = counts.GetValueOrDefault(word) + 1;
        }
        return [.. counts.OrderBy(c => c.Key, StringComparer.Ordinal)
            .Select(c => (Encoding.UTF8.GetBytes(c.Key).Select(b => (int)b).ToList(), c.Value))];
    }

    private static char[] MakeLetters()
    {
        var letters = new char[256];
        var next = 256;
        for (var b = 0; b < 256; b++)
            letters[b] = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF) ? (char)b : (char)next++;
        return letters;
    }
}
