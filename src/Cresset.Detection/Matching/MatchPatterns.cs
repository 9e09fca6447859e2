using System.Runtime.CompilerServices;

namespace Cresset.Detection;

/// <summary>
/// The different bits that detections have, each once: of millions of detections a few hundred differ. A pattern holds a word of hit bits
/// for every layer, then one of ignore bits for every layer; number 0 has none set.
/// </summary>
internal sealed class MatchPatterns(int layers)
{
    private readonly int _width = 2 * layers;
    private ulong[] _words = new ulong[2 * layers * 16];
    private int[] _table = new int[64];
    private int _count = 1;
    private int _last;

    public ulong Hits(int pattern, int layer) => _words[(pattern * _width) + layer];

    public ulong Ignored(int pattern, int layer) => _words[(pattern * _width) + layers + layer];

    /// <summary>All words, <c>[pattern * 2 * layers + ...]</c>.</summary>
    public ReadOnlySpan<ulong> Words => _words;

    /// <summary>The number of a pattern, which is kept when it is new.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public int NumberOf(ReadOnlySpan<ulong> hits, ReadOnlySpan<ulong> ignored)
    {
        ulong any = 0;
        for (var l = 0; l < layers; l++) any |= hits[l] | ignored[l];
        if (any == 0) return 0;
        if (Is(_last, hits, ignored)) return _last;
        ulong hash = 0;
        for (var l = 0; l < layers; l++) hash = (((hash ^ hits[l]) * 0x9E3779B97F4A7C15) ^ ignored[l]) * 0xBF58476D1CE4E5B9;
        for (var slot = (int)(hash >> 33) & (_table.Length - 1); ; slot = (slot + 1) & (_table.Length - 1))
        {
            var number = _table[slot];
            if (number == 0) return _last = Add(slot, hits, ignored);
            if (Is(number, hits, ignored)) return _last = number;
        }
    }

    private bool Is(int pattern, ReadOnlySpan<ulong> hits, ReadOnlySpan<ulong> ignored)
    {
        var words = _words.AsSpan(pattern * _width, _width);
        return words[..layers].SequenceEqual(hits) && words[layers..].SequenceEqual(ignored);
    }

    private int Add(int slot, ReadOnlySpan<ulong> hits, ReadOnlySpan<ulong> ignored)
    {
        if ((_count + 1) * _width > _words.Length) Array.Resize(ref _words, _words.Length * 2);
        hits.CopyTo(_words.AsSpan(_count * _width));
        ignored.CopyTo(_words.AsSpan((_count * _width) + layers));
        _table[slot] = _count;
        if (2 * ++_count > _table.Length) Rehash();
        return _count - 1;
    }

    private void Rehash()
    {
        _table = new int[_table.Length * 2];
        for (var number = 1; number < _count; number++)
        {
            ulong hash = 0;
            for (var l = 0; l < layers; l++) hash = (((hash ^ Hits(number, l)) * 0x9E3779B97F4A7C15) ^ Ignored(number,
                l)) * 0xBF58476D1CE4E5B9;
            var slot = (int)(hash >> 33) & (_table.Length - 1);
            while (_table[slot] != 0) slot = (slot + 1) & (_table.Length - 1);
            _table[slot] = number;
        }
    }
}
