using System.IO.Compression;
using System.Text;
using System.Text.Json;

namespace Cresset.Diffusion;

/// <summary>
/// CLIP's byte-pair tokenizer (Radford et al. 2021) with exactly the reference's ids. The released vocabulary of 49,408 tokens is built in
/// (<see cref="Standard"/>); <see cref="FromFolder"/> reads another from vocab.json and merges.txt.
/// </summary>
public sealed class ClipTokenizer
{
    private const int MostTokens = 10_000_000;
    private const string StartText = "<|startoftext|>", EndText = "<|endoftext|>", WordEnd = "</w>";
    private static readonly string[] Contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];
    private static readonly string[] ByteSymbols = MakeByteSymbols();

    private readonly Dictionary<string, int> _ids;
    private readonly string[] _texts;
    private readonly BytePairMerges _merges;
    private readonly IReadOnlyList<(string Left, string Right)> _pairs;

    private ClipTokenizer(Dictionary<string, int> ids, IReadOnlyList<(string Left, string Right)> merges, int? padId)
    {
        _ids = ids;
        _merges = new BytePairMerges(merges);
        _pairs = merges;
        _texts = new string[ids.Values.Max() + 1];
        foreach (var (text, id) in ids) _texts[id] = text;
        StartId = Special(StartText);
        EndId = Special(EndText);
        PadId = padId ?? EndId;
    }

    /// <summary>Id of the start token (49406 in the released vocabulary).</summary>
    public int StartId { get; }

    /// <summary>Id of the end token (49407), which also stands for symbols outside the vocabulary.</summary>
    public int EndId { get; }

    /// <summary>
    /// Id that fills up to the context length: the end token for CLIP-L, 0 ("!") for CLIP-G. As in transformers, where padding is a special
    /// token, its text in a prompt becomes this id and separates words: "a!b" is a, 0, b for CLIP-G.
    /// </summary>
    public int PadId { get; init; }

    /// <summary>Tokens a prompt may have, start and end included.</summary>
    public int ContextLength { get; init; } = 77;

    /// <summary>How prompts are cleaned.</summary>
    public ClipTextCleaning Cleaning { get; init; } = ClipTextCleaning.Repair;

    /// <summary>Size of the vocabulary.</summary>
    public int Count => _texts.Length;

    /// <summary>
    /// The released vocabulary. <paramref name="padWithZero"/> as CLIP-G wants it; otherwise CLIP-L's padding with the end token.
    /// </summary>
    public static ClipTokenizer Standard(bool padWithZero = false, ClipTextCleaning cleaning = ClipTextCleaning.Repair)
    {
        using var stream = new GZipStream(EmbeddedData.Open("clip_bpe.txt.gz"), CompressionMode.Decompress);
        using var reader = new StreamReader(stream, Encoding.UTF8);
        // 49,408 = 256 bytes + 256 bytes at a word's end + merges + 2; the file holds many more merges than CLIP uses.
        var merges = ReadMerges(reader, 49408 - 512 - 2);
        var ids = new Dictionary<string, int>();
        foreach (var symbol in ByteSymbols.OrderBy(SymbolOrder)) ids.Add(symbol, ids.Count);
        foreach (var symbol in ByteSymbols.OrderBy(SymbolOrder)) ids.Add(symbol + WordEnd, ids.Count);
        foreach (var (left, right) in merges) ids.Add(left + right, ids.Count);
        ids.Add(StartText, ids.Count);
        ids.Add(EndText, ids.Count);
        return new ClipTokenizer(ids, merges, padWithZero ? 0 : null) { Cleaning = cleaning };
    }

    /// <summary>
    /// This tokenizer cut down to the tokens of these words, counted anew: the padding of CLIP-G is 0 and the end token the largest id, as
    /// in the released one.
    /// Other words become the end token.
    /// </summary>
    /// <param name="words">The words, lower case.</param>
    /// <param name="contextLength">Tokens a prompt may have, start and end included.</param>
    /// <param name="padWithZero">As CLIP-G wants it.</param>
    internal ClipTokenizer Only(IEnumerable<string> words, int contextLength, bool padWithZero)
    {
        var needed = words.SelectMany(Encode).Where(id => id != StartId && id != EndId).Distinct().Order().Select(id => _texts[id])
            .ToList();
        var ids = new Dictionary<string, int> { ["!"] = 0 };
        foreach (var token in needed) ids.TryAdd(token, ids.Count);
        ids.Add(StartText, ids.Count);
        ids.Add(EndText, ids.Count);
        // A token has one pair that makes it: only these pairs, and those that make their parts, are ever joined in these words.
        var parts = needed.ToHashSet();
        var merges = new List<(string Left, string Right)>();
        foreach (var (left, right) in _pairs.Reverse())
        {
            if (!parts.Contains(left + right)) continue;
            parts.Add(left);
            parts.Add(right);
            merges.Add((left, right));
        }
        merges.Reverse();
        return new ClipTokenizer(ids, merges, padWithZero ? 0 : null) { ContextLength = contextLength };
    }

    /// <summary>
    /// Reads vocab.json and merges.txt, or tokenizer.json where they are not there, and, if there, tokenizer_config.json (for the padding
    /// token).
    /// </summary>
    /// <exception cref="InvalidDataException">A file is missing or not in the layout expected.</exception>
    public static ClipTokenizer FromFolder(string folder)
    {
        string vocabulary = Path.Combine(folder, "vocab.json"), mergesPath = Path.Combine(folder, "merges.txt"),
            config = Path.Combine(folder, "tokenizer_config.json"), one = Path.Combine(folder, "tokenizer.json");
        var isOne = File.Exists(one) && !(File.Exists(vocabulary) && File.Exists(mergesPath));
        if (isOne) vocabulary = one;
        foreach (var path in isOne ? [one] : new[] { vocabulary, mergesPath })
        {
            if (!File.Exists(path))
                throw new InvalidDataException($"A CLIP tokenizer needs {path} (or tokenizer.json), which is not there.");
        }
        try
        {
            var (ids, merges) = isOne ? ReadOne(one)
                : (JsonSerializer.Deserialize<Dictionary<string, int>>(File.ReadAllText(vocabulary)) ?? [], ReadMerges(mergesPath));
            if (ids.Count == 0) throw new InvalidDataException($"{vocabulary} holds no tokens.");
            int? pad = null;
            var length = 77;
            if (File.Exists(config))
            {
                var root = ConfigJson.Read(config);
                var text = root.TryGetProperty("pad_token", out var token) && token.ValueKind == JsonValueKind.Object
                    ? ConfigJson.Text(token, "content") : ConfigJson.Text(root, "pad_token");
                if (text is not null)
                    pad = ids.TryGetValue(text, out var id) ? id
                        : throw new InvalidDataException($"{config}: pad_token is \"{text}\", which {vocabulary} does not hold.");
                // Tokenizers without a bound of their own write a number beyond all integers.
                if (ConfigJson.Number(root, "model_max_length", 77) is >= 2 and <= 4096 and var bound) length = (int)bound;
            }
            if (ids.FirstOrDefault(p => p.Value < 0 || p.Value > MostTokens) is { Key: not null } wrong)
                throw new InvalidDataException($"{vocabulary}: the id of '{wrong.Key}' is {wrong.Value}; ids are 0 to {MostTokens}.");
            return new ClipTokenizer(ids, merges, pad) { ContextLength = length };
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{vocabulary} is not valid JSON of texts and their ids: {error.Message}", error);
        }
        catch (Exception error) when (error is InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new InvalidDataException($"{vocabulary} is not in the layout of a tokenizer: {error.Message}", error);
        }
    }

    /// <summary>Writes vocab.json, merges.txt and tokenizer_config.json.</summary>
    public void Save(string folder)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "vocab.json"), JsonSerializer.Serialize(_ids));
        File.WriteAllLines(Path.Combine(folder, "merges.txt"), ["#version: 0.2", .. _pairs.Select(p => $"{p.Left} {p.Right}")]);
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"),
            JsonSerializer.Serialize(new
            {
                bos_token = StartText,
                eos_token = EndText,
                unk_token = EndText,
                pad_token = _texts[PadId],
                do_lower_case = true,
                model_max_length = ContextLength,
                tokenizer_class = "CLIPTokenizer"
            }));
    }

    /// <summary>Token ids between start and end tokens, neither cut nor padded.</summary>
    public List<int> Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var ids = new List<int> { StartId };
        // The prompt is cut before it is cleaned: what cleaning makes of "&#33;" is an ordinary exclamation mark.
        var pieces = PadId == EndId || PadId == StartId ? [text] : text.Split(_texts[PadId]);
        for (var i = 0; i < pieces.Length; i++)
        {
            if (i > 0) ids.Add(PadId);
            foreach (var word in Words(TextCleaning.Clean(pieces[i], Cleaning))) AddWord(word, ids);
        }
        ids.Add(EndId);
        return ids;
    }

    /// <summary>
    /// Exactly <see cref="ContextLength"/> ids: the first tokens, the end token, padding. <paramref name="dropped"/> is the number of
    /// tokens that found no room.
    /// </summary>
    public int[] EncodePadded(string text, out int dropped)
    {
        var ids = Encode(text);
        dropped = Math.Max(0, ids.Count - ContextLength);
        var padded = new int[ContextLength];
        Array.Fill(padded, PadId);
        for (var i = 0; i < Math.Min(ids.Count, ContextLength); i++) padded[i] = ids[i];
        if (dropped > 0) padded[^1] = EndId;
        return padded;
    }

    /// <summary>The text of the ids: words end in a space, as in the reference.</summary>
    public string Decode(IEnumerable<int> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var bytes = new List<byte>();
        foreach (var id in ids)
        {
            if (id < 0 || id >= _texts.Length || _texts[id] is null)
                throw new ArgumentOutOfRangeException(nameof(ids), id, $"The vocabulary has ids 0 to {_texts.Length - 1}.");
            var text = _texts[id];
            if (id == StartId || id == EndId)
            {
                bytes.AddRange(Encoding.UTF8.GetBytes(text));
                continue;
            }
            var end = text.EndsWith(WordEnd, StringComparison.Ordinal);
            foreach (var c in end ? text[..^WordEnd.Length] : text) bytes.Add((byte)Array.IndexOf(ByteSymbols, c.ToString()));
            if (end) bytes.Add((byte)' ');
        }
        return Encoding.UTF8.GetString([.. bytes]);
    }

    private void AddWord(string word, List<int> ids)
    {
        if (word is StartText or EndText)
        {
            ids.Add(_ids[word]);
            return;
        }
        var symbols = Encoding.UTF8.GetBytes(word).Select(b => ByteSymbols[b]).ToArray();
        symbols[^1] += WordEnd;
        foreach (var token in _merges.Apply(symbols)) ids.Add(_ids.GetValueOrDefault(token, EndId));
    }

    // The reference's pattern, scanned by code point: special tokens | contractions | letters+ | one number | others+.
    private static IEnumerable<string> Words(string text)
    {
        var at = 0;
        while (at < text.Length)
        {
            if (Starts(text, at, StartText) || Starts(text, at, EndText))
            {
                var special = Starts(text, at, StartText) ? StartText : EndText;
                yield return special;
                at += special.Length;
                continue;
            }
            if (Array.Find(Contractions, c => Starts(text, at, c)) is { } contraction)
            {
                yield return contraction;
                at += contraction.Length;
                continue;
            }
            var rune = Rune.GetRuneAt(text, at);
            var start = at;
            at += rune.Utf16SequenceLength;
            if (TextCleaning.IsSpace(rune)) continue;
            if (!Rune.IsNumber(rune))
            {
                var letters = Rune.IsLetter(rune);
                while (at < text.Length && Rune.GetRuneAt(text, at) is var other && Continues(other, letters))
                    at += other.Utf16SequenceLength;
            }
            yield return text[start..at];
        }
    }

    private static bool Continues(Rune rune, bool letters)
        => letters ? Rune.IsLetter(rune) : !Rune.IsLetter(rune) && !Rune.IsNumber(rune) && !TextCleaning.IsSpace(rune);

    private static bool Starts(string text, int at, string part) => string.CompareOrdinal(text, at, part, 0, part.Length) == 0;

    private int Special(string text) => _ids.TryGetValue(text, out var id) ? id
        : throw new InvalidDataException($"The CLIP vocabulary has no {text} token.");

    private static List<(string Left, string Right)> ReadMerges(string path)
    {
        using var reader = new StreamReader(path, Encoding.UTF8);
        return ReadMerges(reader, int.MaxValue);
    }

    // The one file of the tokenizers library: its merges are "a b" or, since version 0.20, ["a", "b"]; its special tokens stand apart too.
    private static (Dictionary<string, int> Ids, List<(string Left, string Right)> Merges) ReadOne(string path)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(path));
        if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("model", out var model)
            || model.ValueKind != JsonValueKind.Object
            || !model.TryGetProperty("vocab", out var vocab) || vocab.ValueKind != JsonValueKind.Object
            || !model.TryGetProperty("merges", out var pairs) || pairs.ValueKind != JsonValueKind.Array)
        {
            throw new InvalidDataException($"{path} holds no byte-pair model (model.vocab and model.merges).");
        }
        var ids = vocab.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetInt32());
        if (document.RootElement.TryGetProperty("added_tokens", out var added) && added.ValueKind == JsonValueKind.Array)
        {
            foreach (var token in added.EnumerateArray())
                ids[token.GetProperty("content").GetString()!] = token.GetProperty("id").GetInt32();
        }
        var merges = new List<(string Left, string Right)>();
        foreach (var pair in pairs.EnumerateArray())
        {
            var parts = pair.ValueKind == JsonValueKind.Array ? [.. pair.EnumerateArray().Select(p => p.GetString()!)]
                : pair.GetString()!.Split(' ');
            if (parts.Length != 2) throw new InvalidDataException($"{path}: the merge '{pair}' has {parts.Length} parts instead of two.");
            merges.Add((parts[0], parts[1]));
        }
        return (ids, merges);
    }

    private static List<(string Left, string Right)> ReadMerges(TextReader reader, int most)
    {
        var merges = new List<(string Left, string Right)>();
        while (merges.Count < most && reader.ReadLine() is { } line)
        {
            if (line.Length == 0 || (merges.Count == 0 && (line.StartsWith("#version", StringComparison.Ordinal) || line.StartsWith('"'))))
                continue;
            var parts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (parts.Length == 0) continue;
            if (parts.Length != 2)
                throw new InvalidDataException($"Merge {merges.Count + 1} is '{line}'; needed are two tokens with a blank between them.");
            merges.Add((parts[0], parts[1]));
        }
        return merges;
    }

    // Printable bytes stand for themselves, the others for the code points from 256 on (GPT-2).
    private static string[] MakeByteSymbols()
    {
        var symbols = new string[256];
        var extra = 256;
        for (var b = 0; b < 256; b++)
        {
            symbols[b] = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF) ? ((char)b).ToString()
                : ((char)extra++).ToString();
        }
        return symbols;
    }

    // In the vocabulary the printable bytes come first.
    private static int SymbolOrder(string symbol) => symbol[0];
}
