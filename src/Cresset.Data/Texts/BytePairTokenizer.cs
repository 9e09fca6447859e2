using System.Text;
using Cresset.Numerics;

namespace Cresset.Data;

/// <summary>Byte-level byte-pair encoding: every text has tokens, since each byte has one. Safe from many threads.</summary>
public sealed class BytePairTokenizer : TextTokenizer
{
    private readonly Dictionary<string, int> _numbers;
    private readonly Dictionary<(int Left, int Right), (int Rank, int Joined)> _merges = [];
    private readonly byte[][] _bytes;
    private readonly int[] _ofByte = new int[256];
    private readonly WordCutter _words;
    private readonly string[] _special;

    /// <summary>Takes vocabulary and merges as <see cref="TextFacts"/> holds them.</summary>
    /// <exception cref="InvalidDataException">A byte or the result of a merge is missing, or a token is there twice.</exception>
    public BytePairTokenizer(IReadOnlyList<string> vocabulary, IReadOnlyList<string> merges, string pattern = BytePairs.Gpt2Pattern)
        : this(new TextFacts { Vocabulary = vocabulary, Merges = merges, Pattern = pattern })
    {
    }

    internal BytePairTokenizer(TextFacts facts)
    {
        ArgumentNullException.ThrowIfNull(facts.Vocabulary);
        ArgumentNullException.ThrowIfNull(facts.Merges);
        Facts = facts;
        var (vocabulary, merges) = (facts.Vocabulary, facts.Merges);
        _numbers = new Dictionary<string, int>(vocabulary.Count, StringComparer.Ordinal);
        for (var i = 0; i < vocabulary.Count; i++)
        {
            if (!_numbers.TryAdd(vocabulary[i], i))
                throw new InvalidDataException($"The vocabulary holds '{vocabulary[i]}' twice, as {_numbers[vocabulary[i]]} and {i}.");
        }
        for (var b = 0; b < 256; b++)
        {
            _ofByte[b] = _numbers.TryGetValue(BytePairs.Letters[b].ToString(), out var number) ? number
                : throw new InvalidDataException(
                    $"The vocabulary lacks the byte {b} ('{BytePairs.Letters[b]}'): this is not a byte-level tokenizer.");
        }
        for (var rank = 0; rank < merges.Count; rank++)
        {
            if (merges[rank].Split(' ') is not [var left, var right] || !_numbers.TryGetValue(left, out var l)
                || !_numbers.TryGetValue(right, out var r) || !_numbers.TryGetValue(left + right, out var joined))
            {
                throw new InvalidDataException(
                    $"Merge {rank} is '{merges[rank]}'; needed are two tokens of the vocabulary that together are a third.");
            }
            _merges.TryAdd((l, r), (rank, joined));
        }
        if (facts.Special.FirstOrDefault(s => s.Length == 0 || !_numbers.ContainsKey(s)) is { } lost)
            throw new InvalidDataException($"The special token '{lost}' is not in the vocabulary.");
        foreach (var token in facts.PromptStart.Concat(facts.PromptEnd))
        {
            if (token < 0 || token >= vocabulary.Count)
                throw new InvalidDataException($"Prompts are to get the token {token}; the vocabulary has 0 to {vocabulary.Count - 1}.");
        }
        // The longest first: where two begin alike, it is meant.
        _special = [.. facts.Special.OrderByDescending(s => s.Length)];
        var special = facts.Special.ToHashSet();
        // A special token, and one of another alphabet, is written as it stands.
        _bytes =
            [.. vocabulary.Select(
                t => !special.Contains(t) && t.All(BytePairs.BytesOfLetters.ContainsKey)
                    ? [.. t.Select(c => BytePairs.BytesOfLetters[c])] : Encoding.UTF8.GetBytes(t))];
        _words = new WordCutter(facts.Pattern);
    }

    /// <inheritdoc/>
    public override int Count => _bytes.Length;

    /// <inheritdoc/>
    public override TextFacts Facts { get; }

    /// <summary>
    /// Reads a <c>tokenizer.json</c> of the tokenizers library: byte-level byte-pair encoding (GPT-2, LLaMA 3, Qwen). What stands beside
    /// the file is left alone; <see cref="ReadFolder"/> reads it too.
    /// </summary>
    /// <exception cref="InvalidDataException">It is damaged, or of another kind.</exception>
    public static BytePairTokenizer Read(string path) => Open(TokenizerFile.Read(path), path);

    /// <summary>
    /// The tokenizer of a Hugging Face model as transformers opens it: <c>tokenizer.json</c>, and of <c>tokenizer_config.json</c>,
    /// <c>special_tokens_map.json</c> and <c>added_tokens.json</c> what changes tokens. Where <c>add_bos_token</c> or <c>add_eos_token</c>
    /// is stated it decides what <see cref="TextTokenizer.EncodePrompt"/> puts around a text, and not the template of tokenizer.json.
    /// Templates of conversations (<c>chat_template</c>) are not applied.
    /// </summary>
    /// <param name="folder">Holds tokenizer.json; the others may be missing.</param>
    /// <exception cref="FileNotFoundException">There is no tokenizer.json.</exception>
    /// <exception cref="InvalidDataException">
    /// A file is damaged or asks for what is not done here, files contradict one another, or the vocabulary is larger than the model's
    /// (config.json).
    /// </exception>
    public static BytePairTokenizer ReadFolder(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        var path = Path.Combine(folder, "tokenizer.json");
        if (!File.Exists(path))
            throw new FileNotFoundException(
                $"{path} is missing; needed is the folder of a Hugging Face model with the file of the tokenizers library (save_pretrained "
                    + "of AutoTokenizer writes it).");
        return Open(TokenizerSettings.Apply(TokenizerFile.Read(path), folder), path);
    }

    private static BytePairTokenizer Open(TextFacts facts, string path)
    {
        try
        {
            return new BytePairTokenizer(facts);
        }
        catch (Exception e) when (e is ArgumentException or InvalidDataException)
        {
            throw new InvalidDataException($"{path} is not a tokenizer.json of a byte-level byte-pair encoding: {e.Message}", e);
        }
    }

    /// <inheritdoc/>
    public override int[] Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var tokens = new List<int>(text.Length);
        // Words come again and again: each is joined once.
        var known = new Dictionary<string, int[]>(StringComparer.Ordinal);
        for (var at = 0; at < text.Length;)
        {
            var (start, special) = NextSpecial(text, at);
            var part = text[at..start];
            foreach (var word in _words.Cut(Facts.Composed ? UnicodeComposition.Compose(part) : part))
            {
                if (!known.TryGetValue(word, out var found)) known[word] = found = Join(word);
                tokens.AddRange(found);
            }
            if (special is not null) tokens.Add(_numbers[special]);
            at = start + (special?.Length ?? 0);
        }
        return [.. tokens];
    }

    private (int Start, string? Token) NextSpecial(string text, int from)
    {
        var (start, token) = (text.Length, (string?)null);
        foreach (var special in _special)
        {
            if (text.IndexOf(special, from, StringComparison.Ordinal) is var at and >= 0 && at < start) (start, token) = (at, special);
        }
        return (start, token);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">The vocabulary has no such token.</exception>
    public override ReadOnlySpan<byte> Bytes(int token) => token >= 0 && token < _bytes.Length ? _bytes[token]
        : throw new ArgumentOutOfRangeException(nameof(token), token,
            $"The vocabulary has the tokens 0 to {_bytes.Length - 1}; a model may have room for more, which stand for no text.");

    private int[] Join(string word)
    {
        var bytes = Encoding.UTF8.GetBytes(word);
        if (Facts.WholeWords && _numbers.TryGetValue(string.Concat(bytes.Select(b => BytePairs.Letters[b])), out var whole)) return [whole];
        var tokens = bytes.Select(b => _ofByte[b]).ToList();
        while (true)
        {
            var best = (Rank: int.MaxValue, Joined: -1);
            (int, int) pair = default;
            for (var i = 0; i + 1 < tokens.Count; i++)
            {
                if (_merges.TryGetValue((tokens[i], tokens[i + 1]), out var merge) && merge.Rank < best.Rank)
                    (best, pair) = (merge, (tokens[i], tokens[i + 1]));
            }
            if (best.Joined < 0) return [.. tokens];
            BytePairs.Join(tokens, pair, best.Joined);
        }
    }
}
