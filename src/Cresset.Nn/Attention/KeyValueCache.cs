using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// Keys and values of the tokens that a decoder has seen, so that the next token costs one row and not all again. Owns its tensors.
/// </summary>
public class KeyValueCache : IDisposable
{
    private readonly Tensor[] _keys;
    private readonly Tensor[] _values;
    private (RotaryPositions Rotary, Tensor Cosine, Tensor Sine)? _turns;

    internal KeyValueCache(int layers, long batch, long heads, long capacity, long headWidth, Tensor like)
    {
        Capacity = capacity;
        Tensor Room() => empty([batch, heads, Capacity, headWidth], dtype: like.dtype, device: like.device).DetachFromDisposeScope();
        _keys = [.. Enumerable.Range(0, layers).Select(_ => Room())];
        _values = [.. Enumerable.Range(0, layers).Select(_ => Room())];
    }

    private protected KeyValueCache(Tensor[] keys, Tensor[] values) => (_keys, _values, Capacity) = (keys, values, keys[0].size(2));

    /// <summary>Tokens that have been seen.</summary>
    public long Length { get; internal set; }

    /// <summary>Most tokens.</summary>
    public long Capacity { get; }

    /// <summary>Forgets all tokens.</summary>
    public void Clear() => Length = 0;

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the memory.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (!disposing) return;
        foreach (var tensor in _keys.Concat(_values)) tensor.Dispose();
        _turns?.Cosine.Dispose();
        _turns?.Sine.Dispose();
    }

    /// <summary>Cosines and sines of all places, [capacity, D] each; made once.</summary>
    internal (Tensor Cosine, Tensor Sine) Turns(RotaryPositions rotary)
    {
        if (_turns is not { } turns || turns.Rotary != rotary)
        {
            using var scope = NewDisposeScope();
            var (cosine, sine) = rotary.Tables(0, Capacity, _keys[0].size(3), _keys[0]);
            _turns?.Cosine.Dispose();
            _turns?.Sine.Dispose();
            _turns = turns = (rotary, cosine.DetachFromDisposeScope(), sine.DetachFromDisposeScope());
        }
        return (turns.Cosine, turns.Sine);
    }

    /// <summary>Refuses a cache of other texts or of another model: a copy of one text into rooms for four would fill them all.</summary>
    /// <exception cref="ArgumentException">It does not fit.</exception>
    internal void RefuseUnfit(int layers, long batch, long heads, long headWidth, ScalarType type)
    {
        ObjectDisposedException.ThrowIf(_keys.Length > 0 && _keys[0].IsInvalid, this);
        var (own, wanted) = (_keys[0].shape, (long[])[batch, heads, Capacity, headWidth]);
        if (_keys.Length == layers && own.AsSpan().SequenceEqual(wanted) && _keys[0].dtype == type) return;
        throw new ArgumentException(
            $"The cache is for {_keys.Length} layers of [{string.Join(", ", own)}] in {_keys[0].dtype}; these texts need {layers} of "
                + $"[{string.Join(", ", wanted)}] in {type}. Make one for them (NewCache(batch)).");
    }

    /// <summary>What of the cache a new token sees, [N, 1, 1, capacity]; null for all that <see cref="Append"/> returns.</summary>
    internal virtual Tensor? Seen => null;

    /// <summary>Puts the rows of new tokens [N, G, L, D] behind those of <see cref="Length"/>; returns all, as views.</summary>
    internal virtual (Tensor Keys, Tensor Values) Append(int layer, Tensor keys, Tensor values)
    {
        var count = keys.size(2);
        using (var room = _keys[layer].narrow(2, Length, count)) room.copy_(keys);
        using (var room = _values[layer].narrow(2, Length, count)) room.copy_(values);
        return (_keys[layer].narrow(2, 0, Length + count), _values[layer].narrow(2, 0, Length + count));
    }

    /// <summary>All room of a layer's keys and values, [N, G, capacity, D] each.</summary>
    internal (Tensor Keys, Tensor Values) Whole(int layer) => (_keys[layer], _values[layer]);
}
