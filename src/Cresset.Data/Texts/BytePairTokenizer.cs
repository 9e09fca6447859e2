using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Cresset.Data;

/// <summary>Byte-level byte-pair encoding: every text has tokens, since each byte has one. Safe from many threads.</summary>
public sealed class BytePairTokenizer : TextTokenizer
{
    private readonly Dictionary<string, int> _numbers;
    private readonly Dictionary<(int Left, int Right), (int Rank, int Joined)> _merges = [];
    private readonly byte[][] _bytes;
    private readonly int[] _ofByte = new int[256];
    private readonly Regex _words;

    /// <summary>Takes vocabulary and merges as <see cref="TextFacts"/> holds them.</summary>
    /// <exception cref="InvalidDataException">A byte or the result of a merge is missing, or a token is there twice.</exception>
    public BytePairTokenizer(IReadOnlyList<string> vocabulary, IReadOnlyList<string> merges, string pattern = BytePairs.Gpt2Pattern)
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        ArgumentNullException.ThrowIfNull(merges);
        Facts = new TextFacts { Vocabulary = vocabulary, Merges = merges, Pattern = pattern };
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
                    $"The vocabulary lacks the byte {b} ('{BytePairs.Letters[b]}'): this is no byte-level tokenizer.");
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
        // A token of another alphabet is written as it stands: the special tokens of published models.
        _bytes =
            [.. vocabulary.Select(
                t => t.All(BytePairs.BytesOfLetters.ContainsKey) ? [.. t.Select(c => BytePairs.BytesOfLetters[c])]
                    : Encoding.UTF8.GetBytes(t))];
        _words = new Regex(pattern, RegexOptions.CultureInvariant);
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
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            var model = json.RootElement.GetProperty("model");
            if (model.TryGetProperty("type", out var type) && type.GetString() != "BPE")
                throw new InvalidDataException($"{path} holds a tokenizer of the type '{type}'; byte-level BPE can be read.");
            var numbers = model.GetProperty("vocab").EnumerateObject().ToDictionary(p => p.Value.GetInt32(), p => p.Name);
            // Special tokens may stand apart, behind the others.
            if (json.RootElement.TryGetProperty("added_tokens", out var added))
                foreach (var token in added.EnumerateArray())
                    numbers.TryAdd(token.GetProperty("id").GetInt32(), token.GetProperty("content").GetString()!);
            var vocabulary = Enumerable.Range(0, numbers.Keys.Max() + 1)
                .Select(
                    i => numbers.TryGetValue(i, out var text) ? text : throw new InvalidDataException($"{path}: there is no token {i}."))
                    .ToList();
            var merges = model.GetProperty("merges").EnumerateArray()
                .Select(m => m.ValueKind == JsonValueKind.Array ? $"{m[0].GetString()} {m[1].GetString()}" : m.GetString()!).ToList();
            return new BytePairTokenizer(vocabulary, merges, Pattern(json.RootElement, path));
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException
            or ArgumentException)
        {
            throw new InvalidDataException($"{path} is no tokenizer.json of a byte-level byte-pair encoding: {e.Message}", e);
        }
    }

    /// <inheritdoc/>
    public override int[] Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var tokens = new List<int>(text.Length);
        // Words come again and again: each is joined once.
        var known = new Dictionary<string, int[]>(StringComparer.Ordinal);
        foreach (var match in _words.EnumerateMatches(text))
        {
            var word = text.Substring(match.Index, match.Length);
            if (!known.TryGetValue(word, out var found)) known[word] = found = Join(word);
            tokens.AddRange(found);
        }
        return [.. tokens];
    }

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Bytes(int token) => _bytes[token];

    private int[] Join(string word)
    {
        var tokens = Encoding.UTF8.GetBytes(word).Select(b => _ofByte[b]).ToList();
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

    private static string Pattern(JsonElement root, string path)
    {
        if (!root.TryGetProperty("pre_tokenizer", out var pre) || pre.ValueKind == JsonValueKind.Null)
            throw new InvalidDataException($"{path} does not say how words are cut (pre_tokenizer); byte-level BPE does.");
        var steps = pre.GetProperty("type").GetString() == "Sequence" ? pre.GetProperty("pretokenizers").EnumerateArray().ToList() : [pre];
        var pattern = BytePairs.Gpt2Pattern;
        var isByteLevel = false;
        foreach (var step in steps)
        {
            switch (step.GetProperty("type").GetString())
            {
                case "ByteLevel":
                    isByteLevel = true;
                    if (step.TryGetProperty("add_prefix_space", out var blank) && blank.GetBoolean())
                        throw new InvalidDataException(
                            $"{path} puts a blank before every text (add_prefix_space), which is not done here.");
                    break;
                case "Split"
                    when step.GetProperty("pattern").TryGetProperty("Regex", out var regex)
                        && step.GetProperty("behavior").GetString() == "Isolated":
                    pattern = regex.GetString()!;
                    break;
                case var other:
                    throw new InvalidDataException(
                        $"{path} cuts words by '{other}'; ByteLevel and Split by a regular expression can be done.");
            }
        }
        return isByteLevel ? pattern : throw new InvalidDataException($"{path} is not byte-level: its pre_tokenizer has no ByteLevel.");
    }
}
