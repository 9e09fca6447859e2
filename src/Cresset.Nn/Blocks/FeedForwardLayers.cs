using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Keys of the layers of a feed-forward block, see <see cref="LayerKeys"/>.</summary>
internal sealed record FeedForwardKeys(string Gate, string Up, string Down, string Activation)
{
    /// <summary>Hugging Face's LLaMA.</summary>
    public static FeedForwardKeys Llama { get; } = new("gate_proj", "up_proj", "down_proj", "act");

    /// <summary>The same in a block that has them under <paramref name="key"/>.</summary>
    public FeedForwardKeys Under(string key) => new($"{key}.{Gate}", $"{key}.{Up}", $"{key}.{Down}", $"{key}.{Activation}");
}

/// <summary>
/// The layers of a feed-forward block: (act(x W) * (x V)) W2, or act(x V) W2 when not gated. <see cref="FeedForward"/> is these alone;
/// blocks of transformers hold them beside an attention.
/// </summary>
internal sealed class FeedForwardLayers
{
    private readonly FeedForwardOptions _options;
    private readonly nn.Module _owner;
    private readonly nn.Module<Tensor, Tensor> _activation;
    private readonly FusedFunction? _fused;

    /// <summary>Makes the layers and registers them on <paramref name="owner"/>.</summary>
    public FeedForwardLayers(nn.Module owner, long dim, FeedForwardOptions options, FeedForwardKeys keys, WeightPlace? place = null)
    {
        (_owner, _options, Hidden, place) = (owner, options, options.HiddenFor(dim), place ?? WeightPlace.Cpu);
        if (options.Gated) Gate = LayerKeys.Add(owner, keys.Gate, new Projection(dim, Hidden, options.Bias, place));
        Up = LayerKeys.Add(owner, keys.Up, new Projection(dim, Hidden, options.Bias, place));
        Down = LayerKeys.Add(owner, keys.Down, new Projection(Hidden, dim, options.Bias, place));
        _activation = LayerKeys.Add(owner, keys.Activation, options.Activation.Build());
        _fused = options.Gated && options.Activation is CatalogActivation known ? FusedFunction.Find(known.Text) : null;
    }

    /// <summary>Width between.</summary>
    public long Hidden { get; }

    /// <summary>silu(x W) * (x V), not clamped.</summary>
    public bool IsSwiGlu => Gate is not null && !_options.Clamped && ReferenceEquals(_fused, FusedFunction.Silu);

    public Projection? Gate { get; }

    public Projection Up { get; }

    public Projection Down { get; }

    /// <summary>Memory for the gated product, written again each step.</summary>
    public ActivationBuffers? Buffers { get; set; }

    /// <summary>Is shown what stands between the layers, [..., hidden], before dropout; null for nobody.</summary>
    public Action<Tensor>? Watching { get; set; }

    /// <summary>[..., dim] to [..., dim].</summary>
    public Tensor Apply(Tensor input)
    {
        using var scope = NewDisposeScope();
        var hidden = Activated(input);
        Watching?.Invoke(hidden);
        if (_options.Dropout > 0) hidden = nn.functional.dropout(hidden, _options.Dropout, _owner.training);
        return Down.call(hidden).MoveToOuterDisposeScope();
    }

    private Tensor Activated(Tensor x)
    {
        if (Gate is null) return _activation.call(Up.call(x));
        if (_options.Clamped) return GatedUnits.ClampedSwiGlu(Gate.call(x), Up.call(x));
        var (gate, value) = (Gate.call(x), Up.call(x));
        return _fused is { } fused ? fused.Gate(gate, value, Buffers) : _activation.call(gate) * value;
    }
}
