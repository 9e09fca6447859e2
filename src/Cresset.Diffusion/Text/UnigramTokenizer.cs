using System.Text;

namespace Cresset.Diffusion;

/// <summary>
/// SentencePiece's unigram tokenizer (Kudo 2018): of all ways to cut the normalized text into known pieces, the one with the greatest sum
/// of log-probabilities. Ids equal the reference's, neighbouring unknown characters joined into one.
/// </summary>
internal sealed class UnigramTokenizer
{
    private const float UnknownPenalty = 10;
    private static readonly byte[] Space = [0xE2, 0x96, 0x81];

    private readonly SentencePieceModel _model;
    private readonly Dictionary<long, int> _trie = [];
    private readonly Dictionary<int, int> _trieIds = [];
    private readonly Dictionary<string, int> _ids = [];
    private readonly int[] _byteIds = new int[256];
    private readonly List<byte[]> _userDefined = [];
    private readonly float _unknownScore;
    private readonly float _bestScore;

    private UnigramTokenizer(SentencePieceModel model)
    {
        _model = model;
        Array.Fill(_byteIds, -1);
        float worst = float.MaxValue, best = float.MinValue;
        for (var id = 0; id < model.Pieces.Count; id++)
        {
            var (text, score, kind) = model.Pieces[id];
            _ids.TryAdd(text, id);
            if (kind == SentencePieceModel.PieceKind.Byte) _byteIds[Convert.ToByte(text[3..5], 16)] = id;
            if (kind == SentencePieceModel.PieceKind.Normal) (worst, best) = (Math.Min(worst, score), Math.Max(best, score));
            if (kind == SentencePieceModel.PieceKind.UserDefined) _userDefined.Add(Encoding.UTF8.GetBytes(text));
            if (kind is SentencePieceModel.PieceKind.Normal or SentencePieceModel.PieceKind.UserDefined)
                Insert(Encoding.UTF8.GetBytes(text), id);
        }
        _unknownScore = worst - UnknownPenalty;
        _bestScore = best;
        _userDefined.Sort((a, b) => b.Length.CompareTo(a.Length));
        AddDummyPrefix = model.AddDummyPrefix;
    }

    /// <summary>Number of pieces.</summary>
    public int Count => _model.Pieces.Count;

    /// <summary>Id of what no piece covers.</summary>
    public int UnknownId => _model.UnknownId;

    /// <summary>Id of the end of a sequence, or -1.</summary>
    public int EndId => _model.EndId;

    /// <summary>Id of padding, or -1.</summary>
    public int PadId => _model.PadId;

    internal bool AddDummyPrefix { get; init; }

    /// <summary>The SentencePiece file.</summary>
    internal byte[] Content => _model.Content;

    /// <summary>Reads a SentencePiece file (spiece.model).</summary>
    /// <exception cref="InvalidDataException">The file is not a unigram model; the message has the byte offset.</exception>
    public static UnigramTokenizer FromFile(string path)
    {
        if (!File.Exists(path)) throw new InvalidDataException($"The SentencePiece model {path} is not there.");
        return new UnigramTokenizer(SentencePieceModel.Read(path));
    }

    /// <summary>A tokenizer of a model that was put together in memory.</summary>
    internal static UnigramTokenizer Of(SentencePieceModel model) => new(model);

    internal static UnigramTokenizer FromFile(string path, bool addDummyPrefix) =>
        new(SentencePieceModel.Read(path)) { AddDummyPrefix = addDummyPrefix };

    /// <summary>Ids of the text's pieces.</summary>
    public List<int> Encode(string text) => [.. Pieces(text).Select(p => p.Id)];

    /// <summary>The pieces with their texts; the mark U+2581 stands for a space.</summary>
    public List<(string Text, int Id)> Pieces(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var bytes = Normalize(Encoding.UTF8.GetBytes(text));
        var result = new List<(string Text, int Id)>();
        foreach (var (start, end, id) in BestPath(bytes))
        {
            var piece = Encoding.UTF8.GetString(bytes, start, end - start);
            if (id != UnknownId)
            {
                result.Add((piece, id));
            }
            else if (_model.ByteFallback)
            {
                for (var i = start; i < end; i++)
                    result.Add(($"<0x{bytes[i]:X2}>", _byteIds[bytes[i]] < 0 ? UnknownId : _byteIds[bytes[i]]));
            }
            else if (result.Count > 0 && result[^1].Id == UnknownId)
            {
                result[^1] = (result[^1].Text + piece, UnknownId);
            }
            else
            {
                result.Add((piece, UnknownId));
            }
        }
        return result;
    }

    /// <summary>The id of a piece, special ones included, or the unknown id.</summary>
    public int IdOf(string piece) => _ids.GetValueOrDefault(piece, UnknownId);

    /// <summary>The text of the ids: pieces joined, marks as spaces, control pieces left out.</summary>
    public string Decode(IEnumerable<int> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var bytes = new List<byte>();
        foreach (var id in ids)
        {
            if (id < 0 || id >= Count) throw new ArgumentOutOfRangeException(nameof(ids), id, $"The vocabulary has ids 0 to {Count - 1}.");
            var (text, _, kind) = _model.Pieces[id];
            if (kind == SentencePieceModel.PieceKind.Byte) bytes.Add(Convert.ToByte(text[3..5], 16));
            else if (kind == SentencePieceModel.PieceKind.Unknown) bytes.AddRange(" \u2047 "u8);
            else if (kind != SentencePieceModel.PieceKind.Control) bytes.AddRange(Encoding.UTF8.GetBytes(text));
        }
        var joined = Encoding.UTF8.GetString([.. bytes]).Replace('\u2581', ' ');
        return AddDummyPrefix && joined.StartsWith(' ') ? joined[1..] : joined;
    }

    internal byte[] Normalize(ReadOnlySpan<byte> text)
    {
        var result = new List<byte>(text.Length + 8);
        ReadOnlySpan<byte> space = " "u8;
        if (_model.RemoveExtraSpace)
        {
            while (text.Length > 0 && Next(text, out var skipped).SequenceEqual(space)) text = text[skipped..];
        }
        if (text.Length == 0) return [];
        var mark = _model.EscapeSpace ? Space : [(byte)' '];
        if (AddDummyPrefix) result.AddRange(mark);
        var afterSpace = _model.RemoveExtraSpace;
        while (text.Length > 0)
        {
            var part = Next(text, out var consumed);
            while (afterSpace && part.StartsWith(space)) part = part[1..];
            foreach (var b in part)
            {
                if (b == ' ') result.AddRange(mark);
                else result.Add(b);
            }
            // A part that vanished altogether leaves the state as it was.
            if (part.Length > 0) afterSpace = _model.RemoveExtraSpace && part[^1] == ' ';
            text = text[consumed..];
        }
        if (_model.RemoveExtraSpace)
        {
            while (result.Count >= mark.Length
                && System.Runtime.InteropServices.CollectionsMarshal.AsSpan(result)[^mark.Length..].SequenceEqual(mark))
                result.RemoveRange(result.Count - mark.Length, mark.Length);
        }
        return [.. result];
    }

    // Symbols the user defined are taken as they stand.
    private ReadOnlySpan<byte> Next(ReadOnlySpan<byte> text, out int consumed)
    {
        foreach (var symbol in _userDefined)
        {
            if (!text.StartsWith(symbol)) continue;
            consumed = symbol.Length;
            return text[..consumed];
        }
        return _model.Map.Next(text, out consumed);
    }

    private void Insert(byte[] bytes, int id)
    {
        var node = 0;
        foreach (var b in bytes)
        {
            var key = ((long)node << 8) | b;
            if (!_trie.TryGetValue(key, out var next)) _trie[key] = next = _trie.Count + 1;
            node = next;
        }
        _trieIds.TryAdd(node, id);
    }

    // Viterbi over byte positions, in single precision and with strict improvement as in the reference, so ties fall alike.
    private List<(int Start, int End, int Id)> BestPath(byte[] text)
    {
        var best = new (float Score, int Start, int Id)[text.Length + 1];
        Array.Fill(best, (0f, -1, -1));
        for (var start = 0; start < text.Length;)
        {
            var here = best[start].Score;
            System.Text.Rune.DecodeFromUtf8(text.AsSpan(start), out _, out var length);
            var single = false;
            var node = 0;
            for (var end = start; end < text.Length;)
            {
                if (!_trie.TryGetValue(((long)node << 8) | text[end], out node)) break;
                end++;
                if (!_trieIds.TryGetValue(node, out var id)) continue;
                var (_, score, kind) = _model.Pieces[id];
                if (kind == SentencePieceModel.PieceKind.UserDefined) score = (float)(((end - start) * _bestScore) - 0.1);
                if (best[end].Start < 0 || here + score > best[end].Score) best[end] = (here + score, start, id);
                single |= end - start == length;
            }
            if (!single && (best[start + length].Start < 0 || here + _unknownScore > best[start + length].Score))
                best[start + length] = (here + _unknownScore, start, UnknownId);
            start += length;
        }
        var path = new List<(int Start, int End, int Id)>();
        for (var end = text.Length; end > 0; end = best[end].Start) path.Add((best[end].Start, end, best[end].Id));
        path.Reverse();
        return path;
    }
}
