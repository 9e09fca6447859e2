using System.Text.Json;
using Cresset.Numerics;

namespace Cresset.Diffusion;

/// <summary>
/// T5's tokenizer (Raffel et al. 2020): a unigram model, the sentinel tokens <c>&lt;extra_id_0&gt;</c>... behind its pieces and an end
/// token, with the reference's ids in both its legacy and its later way of treating text after special tokens.
/// </summary>
public sealed class T5Tokenizer
{
    private const int MostSentinels = 1_000_000;
    private const string End = "</s>", Pad = "<pad>", Unknown = "<unk>";

    private readonly UnigramTokenizer _pieces;
    private readonly bool _legacy;
    private readonly int _unknownLength;
    private readonly int _sentinels;
    private readonly Dictionary<string, int> _special = [];

    private T5Tokenizer(UnigramTokenizer pieces, bool legacy, int sentinels)
    {
        (_pieces, _legacy, _sentinels) = (pieces, legacy, sentinels);
        var next = pieces.Count + sentinels;
        foreach (var token in new[] { End, Unknown, Pad })
        {
            var id = pieces.IdOf(token);
            // Tokens that the model lacks are numbered after the sentinels.
            _special[token] = id != pieces.UnknownId || token == Unknown ? id : next++;
        }
        for (var i = 0; i < sentinels; i++) _special[$"<extra_id_{i}>"] = pieces.Count + sentinels - 1 - i;
        _unknownLength = pieces.Pieces(Unknown).Count;
    }

    /// <summary>Id of the end token.</summary>
    public int EndId => _special[End];

    /// <summary>Id of padding.</summary>
    public int PadId => _special[Pad];

    /// <summary>Reads a SentencePiece file.</summary>
    /// <param name="path">The file (spiece.model).</param>
    /// <param name="legacy">Whether text after a special token begins a new sentence, as in the released T5 checkpoints.</param>
    /// <param name="sentinels">Number of sentinel tokens.</param>
    /// <exception cref="InvalidDataException">The file is missing or no unigram model.</exception>
    public static T5Tokenizer FromFile(string path, bool legacy = true, int sentinels = 100) => FromFile(path, legacy, sentinels, null);

    private static T5Tokenizer FromFile(string path, bool legacy, int sentinels, int? longest)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sentinels);
        var pieces = UnigramTokenizer.FromFile(path);
        return new T5Tokenizer(legacy ? pieces : UnigramTokenizer.FromFile(path, addDummyPrefix: false), legacy,
            sentinels)
        { Longest = longest };
    }

    /// <summary>A tokenizer that knows these words alone, without sentinels.</summary>
    /// <param name="words">The words.</param>
    /// <param name="longest">Tokens the model that reads it was trained with.</param>
    internal static T5Tokenizer OfWords(IEnumerable<string> words, int longest) =>
        new(UnigramTokenizer.Of(SentencePieceModel.OfWords(words)), legacy: true, sentinels: 0) { Longest = longest };

    /// <summary>Most tokens that the model reads (model_max_length); null where the tokenizer does not say.</summary>
    public int? Longest { get; private init; }

    /// <summary>Number of ids.</summary>
    internal int Count => _pieces.Count;

    /// <summary>Reads spiece.model and, if there, tokenizer_config.json (legacy, extra_ids).</summary>
    /// <exception cref="InvalidDataException">A file is missing or damaged.</exception>
    public static T5Tokenizer FromFolder(string folder)
    {
        var config = Path.Combine(folder, "tokenizer_config.json");
        var (legacy, sentinels) = (true, 100);
        int? longest = null;
        if (File.Exists(config))
        {
            var root = ConfigJson.Read(config);
            legacy = ConfigJson.Flag(root, "legacy", legacy);
            sentinels = ConfigJson.Int(root, "extra_ids", sentinels);
            if (sentinels is < 0 or > MostSentinels)
                throw new InvalidDataException($"{config}: extra_ids is {sentinels}; allowed are 0 to {MostSentinels}.");
            // Tokenizers without a bound of their own write a number beyond all integers.
            if (ConfigJson.Number(root, "model_max_length", 0) is > 0 and <= int.MaxValue and var bound) longest = (int)bound;
        }
        return FromFile(Path.Combine(folder, "spiece.model"), legacy, sentinels, longest);
    }

    /// <summary>Writes spiece.model and tokenizer_config.json.</summary>
    public void Save(string folder)
    {
        Directory.CreateDirectory(folder);
        AtomicFile.WriteBytes(Path.Combine(folder, "spiece.model"), _pieces.Content);
        var config = new Dictionary<string, object>
        {
            ["extra_ids"] = _sentinels,
            ["legacy"] = _legacy,
            ["tokenizer_class"] = "T5Tokenizer"
        };
        if (Longest is { } most) config["model_max_length"] = most;
        AtomicFile.WriteText(Path.Combine(folder, "tokenizer_config.json"), JsonSerializer.Serialize(config));
    }

    /// <summary>Ids with the end token, neither cut nor padded.</summary>
    public List<int> Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var ids = new List<int>();
        var parts = Split(_legacy || text.Length == 0 ? text : '\u2581' + text.Replace('\u2581', ' '));
        for (var i = 0; i < parts.Count; i++)
        {
            var (part, special) = parts[i];
            if (special)
            {
                // Later behaviour: a lone space mark before a special token is dropped.
                if (!_legacy && i == 1 && ids.Count == 1 && parts[0].Text == "\u2581") ids.Clear();
                ids.Add(_special[part]);
            }
            else
            {
                ids.AddRange(Chunk(part));
            }
        }
        ids.Add(EndId);
        return ids;
    }

    /// <summary>
    /// Exactly <paramref name="length"/> ids: cut before a closing end token or padded. <paramref name="dropped"/> tokens found no room.
    /// </summary>
    public int[] EncodePadded(string text, int length, out int dropped)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        var ids = Encode(text);
        dropped = Math.Max(0, ids.Count - length);
        var padded = new int[length];
        Array.Fill(padded, PadId);
        for (var i = 0; i < Math.Min(ids.Count, length); i++) padded[i] = ids[i];
        if (dropped > 0) padded[^1] = EndId;
        return padded;
    }

    private IEnumerable<int> Chunk(string text)
    {
        if (_legacy || !(text.StartsWith('\u2581') || text.StartsWith(' '))) return _pieces.Encode(text);
        // A leading space survives the model's trimming only behind another token, which is then cut off.
        var pieces = _pieces.Pieces(Unknown + text);
        return (pieces.Count >= _unknownLength ? pieces.Skip(_unknownLength) : pieces).Select(p => p.Id);
    }

    private List<(string Text, bool Special)> Split(string text)
    {
        var parts = new List<(string Text, bool Special)>();
        var start = 0;
        for (var at = 0; at < text.Length;)
        {
            var token = text[at] == '<'
                ? _special.Keys.Where(k => string.CompareOrdinal(text, at, k, 0, k.Length) == 0).MaxBy(k => k.Length) : null;
            if (token is null)
            {
                at++;
                continue;
            }
            if (at > start) parts.Add((text[start..at], false));
            parts.Add((token, true));
            start = at += token.Length;
        }
        if (start < text.Length) parts.Add((text[start..], false));
        // Sentinels take the white space on both sides with them.
        for (var i = 0; i < parts.Count; i++)
        {
            if (!parts[i].Special || !parts[i].Text.StartsWith("<extra", StringComparison.Ordinal)) continue;
            if (i > 0 && !parts[i - 1].Special) parts[i - 1] = (parts[i - 1].Text.TrimEnd(), false);
            if (i + 1 < parts.Count && !parts[i + 1].Special) parts[i + 1] = (parts[i + 1].Text.TrimStart(), false);
        }
        return [.. parts.Where(p => p.Text.Length > 0)];
    }
}
