using System.Text;
using System.Text.Json;
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
        // A special token, and one of another alphabet, is written as it stands.
        _bytes =
            [.. vocabulary.Select(
                t => !facts.Special.Contains(t) && t.All(BytePairs.BytesOfLetters.ContainsKey)
                    ? [.. t.Select(c => BytePairs.BytesOfLetters[c])] : Encoding.UTF8.GetBytes(t))];
        _words = new WordCutter(facts.Pattern);
    }

    /// <inheritdoc/>
    public override int Count => _bytes.Length;

    /// <inheritdoc/>
    public override TextFacts Facts { get; }

    /// <summary>Reads a <c>tokenizer.json</c> of the tokenizers library: byte-level byte-pair encoding (GPT-2, LLaMA 3, Qwen).</summary>
    /// <exception cref="InvalidDataException">It is damaged, or of another kind.</exception>
    public static BytePairTokenizer Read(string path)
    {
        try
        {
            var bytes = File.ReadAllBytes(path);
            using var json = JsonDocument.Parse(bytes is [0xEF, 0xBB, 0xBF, ..] ? bytes.AsMemory(3) : bytes);
            var model = json.RootElement.GetProperty("model");
            if (model.TryGetProperty("type", out var type) && type.GetString() != "BPE")
                throw new InvalidDataException($"{path} holds a tokenizer of the type '{type}'; byte-level BPE can be read.");
            var numbers = model.GetProperty("vocab").EnumerateObject().ToDictionary(p => p.Value.GetInt32(), p => p.Name);
            // Special tokens may stand apart, behind the others.
            var special = new List<string>();
            if (json.RootElement.TryGetProperty("added_tokens", out var added) && added.ValueKind != JsonValueKind.Null)
            {
                foreach (var token in added.EnumerateArray())
                {
                    special.Add(token.GetProperty("content").GetString()!);
                    numbers.TryAdd(token.GetProperty("id").GetInt32(), special[^1]);
                }
            }
            var vocabulary = Enumerable.Range(0, numbers.Keys.Max() + 1)
                .Select(
                    i => numbers.TryGetValue(i, out var text) ? text : throw new InvalidDataException($"{path}: there is no token {i}."))
                    .ToList();
            var merges = model.GetProperty("merges").EnumerateArray()
                .Select(m => m.ValueKind == JsonValueKind.Array ? $"{m[0].GetString()} {m[1].GetString()}" : m.GetString()!).ToList();
            RefuseWhatIsNotDone(model, path);
            var (start, end) = PromptTemplate.Read(json.RootElement, path);
            return new BytePairTokenizer(new TextFacts
            {
                Vocabulary = vocabulary,
                Merges = merges,
                Pattern = Pattern(json.RootElement, path),
                Special = special,
                WholeWords = model.TryGetProperty("ignore_merges", out var ignores) && ignores.ValueKind == JsonValueKind.True,
                Composed = IsComposed(json.RootElement, path),
                PromptStart = start,
                PromptEnd = end,
            });
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException
            or ArgumentException)
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
    public override ReadOnlySpan<byte> Bytes(int token) => _bytes[token];

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

    private static void RefuseWhatIsNotDone(JsonElement model, string path)
    {
        foreach (var name in new[] { "dropout", "continuing_subword_prefix", "end_of_word_suffix" })
        {
            if (model.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null
                && value is not { ValueKind: JsonValueKind.String } && value.GetRawText() is not ("0" or "0.0"))
                throw new InvalidDataException($"{path}: {name} is {value.GetRawText()}, which is not done here.");
            if (value.ValueKind == JsonValueKind.String && value.GetString()!.Length > 0)
                throw new InvalidDataException($"{path}: {name} is '{value}', which is not done here.");
        }
    }

    private static bool IsComposed(JsonElement root, string path)
    {
        if (!root.TryGetProperty("normalizer", out var normalizer) || normalizer.ValueKind == JsonValueKind.Null) return false;
        var steps = normalizer.GetProperty("type").GetString() == "Sequence"
            ? normalizer.GetProperty("normalizers").EnumerateArray().ToList() : [normalizer];
        foreach (var step in steps)
        {
            if (step.GetProperty("type").GetString() is var kind && kind != "NFC")
                throw new InvalidDataException($"{path} changes texts by '{kind}' first (normalizer); NFC can be done.");
        }
        return steps.Count > 0;
    }

    private static string Pattern(JsonElement root, string path)
    {
        if (!root.TryGetProperty("pre_tokenizer", out var pre) || pre.ValueKind == JsonValueKind.Null)
            throw new InvalidDataException($"{path} does not say how words are cut (pre_tokenizer); byte-level BPE does.");
        var steps = pre.GetProperty("type").GetString() == "Sequence" ? pre.GetProperty("pretokenizers").EnumerateArray().ToList() : [pre];
        string? pattern = null;
        bool isByteLevel = false, cuts = false;
        foreach (var step in steps)
        {
            switch (step.GetProperty("type").GetString())
            {
                case "ByteLevel":
                    isByteLevel = true;
                    if (step.TryGetProperty("add_prefix_space", out var blank) && blank.GetBoolean())
                        throw new InvalidDataException(
                            $"{path} puts a blank before every text (add_prefix_space), which is not done here.");
                    cuts = !step.TryGetProperty("use_regex", out var uses) || uses.GetBoolean();
                    break;
                case "Split"
                    when step.GetProperty("pattern").TryGetProperty("Regex", out var regex)
                        && step.GetProperty("behavior").GetString() == "Isolated"
                        && !(step.TryGetProperty("invert", out var invert) && invert.GetBoolean()):
                    if (pattern is not null)
                        throw new InvalidDataException($"{path} cuts words by several expressions, one after the other; one can be done.");
                    pattern = regex.GetString()!;
                    break;
                case var other:
                    throw new InvalidDataException(
                        $"{path} cuts words by '{other}'; ByteLevel and Split by a regular expression (Isolated) can be done.");
            }
        }
        if (!isByteLevel) throw new InvalidDataException($"{path} is not byte-level: its pre_tokenizer has no ByteLevel.");
        if (pattern is not null && cuts)
            throw new InvalidDataException(
                $"{path} cuts words by an expression and by that of GPT-2 after it (ByteLevel with use_regex); one can be done.");
        // Without either a text is one word.
        return pattern ?? (cuts ? BytePairs.Gpt2Pattern : @"[\s\S]+");
    }
}
