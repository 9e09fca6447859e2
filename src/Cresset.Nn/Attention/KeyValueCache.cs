using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// Keys and values of the tokens that a decoder has seen, so that the next token costs one row and not all again. Owns its tensors.
/// </summary>
public sealed class KeyValueCache : IDisposable
{
    private readonly Tensor[] _keys;
    private readonly Tensor[] _values;

    internal KeyValueCache(int layers, long batch, long heads, long capacity, long headWidth, Tensor like)
    {
        Capacity = capacity;
        Tensor Room() => empty([batch, heads, Capacity, headWidth], dtype: like.dtype, device: like.device).DetachFromDisposeScope();
        _keys = [.. Enumerable.Range(0, layers).Select(_ => Room())];
        _values = [.. Enumerable.Range(0, layers).Select(_ => Room())];
    }

    /// <summary>Tokens that have been seen.</summary>
    public long Length { get; internal set; }

    /// <summary>Most tokens.</summary>
    public long Capacity { get; }

    /// <summary>Forgets all tokens.</summary>
    public void Clear() => Length = 0;

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        foreach (var tensor in _keys.Concat(_values)) tensor.Dispose();
    }

    /// <summary>Puts the rows of new tokens [N, G, L, D] behind those of <see cref="Length"/>; returns all, as views.</summary>
    internal (Tensor Keys, Tensor Values) Append(int layer, Tensor keys, Tensor values)
    {
        var count = keys.size(2);
        using (var room = _keys[layer].narrow(2, Length, count)) room.copy_(keys);
        using (var room = _values[layer].narrow(2, Length, count)) room.copy_(values);
        return (_keys[layer].narrow(2, 0, Length + count), _values[layer].narrow(2, 0, Length + count));
    }
}
