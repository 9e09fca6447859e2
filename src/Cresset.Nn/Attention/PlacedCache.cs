using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// A cache whose tensors come from outside and go back there, for one token of each text at a place of its own: nothing is written in place
/// and no size depends on a value, so that a step can be traced into a file.
/// </summary>
internal sealed class PlacedCache : KeyValueCache
{
    private readonly Tensor _isHere;
    private readonly Tensor[] _newKeys;
    private readonly Tensor[] _newValues;

    /// <summary>A step's cache.</summary>
    /// <param name="places">Number of the token in its text, from 0, int64 [N].</param>
    /// <param name="keys">Keys before the step, [N, layers, G, capacity, D]; what lies at later places is not looked at.</param>
    /// <param name="values">Values, of the same shape.</param>
    /// <param name="shape">The shape that both must have.</param>
    public PlacedCache(Tensor places, Tensor keys, Tensor values, long[] shape)
        : base(Layers(keys, shape), Layers(values, shape))
    {
        var all = arange(keys.size(3), device: places.device);
        _isHere = all.eq(places.unsqueeze(1)).unsqueeze(1).unsqueeze(3);
        Seen = all.le(places.unsqueeze(1)).unsqueeze(1).unsqueeze(2);
        (_newKeys, _newValues) = (new Tensor[keys.size(1)], new Tensor[keys.size(1)]);
    }

    private static Tensor[] Layers(Tensor given, long[] shape)
    {
        ArgumentNullException.ThrowIfNull(given);
        return given.shape.SequenceEqual(shape) ? given.unbind(1) : throw Shape.Wrong(given, Shape.Text(shape));
    }

    /// <inheritdoc/>
    internal override Tensor Seen { get; }

    /// <summary>Keys after the step.</summary>
    public Tensor Keys => stack(_newKeys, 1);

    /// <summary>Values after the step.</summary>
    public Tensor Values => stack(_newValues, 1);

    /// <inheritdoc/>
    internal override (Tensor Keys, Tensor Values) Append(int layer, Tensor keys, Tensor values)
    {
        var (before, carried) = Whole(layer);
        // A block frees what it makes.
        return (_newKeys[layer] = where(_isHere, keys, before).DetachFromDisposeScope(),
            _newValues[layer] = where(_isHere, values, carried).DetachFromDisposeScope());
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (!disposing) return;
        foreach (var tensor in _newKeys.Concat(_newValues)) tensor?.Dispose();
    }
}
