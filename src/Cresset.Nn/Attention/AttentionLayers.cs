using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Keys of the layers of an attention, see <see cref="LayerKeys"/>.</summary>
/// <param name="Query">Queries; of all three where <paramref name="Together"/>.</param>
/// <param name="Key">Keys.</param>
/// <param name="Value">Values.</param>
/// <param name="Output">What joins the heads.</param>
/// <param name="QueryNorm">Norm of each head's queries.</param>
/// <param name="KeyNorm">Norm of each head's keys.</param>
/// <param name="Together">Queries, keys and values are one matrix, in this order.</param>
internal sealed record AttentionKeys(string Query, string Key, string Value, string Output, string QueryNorm = "", string KeyNorm = "",
    bool Together = false);

/// <summary>Sizes of an attention.</summary>
internal sealed record AttentionSizes(long Width, long Heads)
{
    /// <summary>Width of what is looked at.</summary>
    public long Context { get; init; } = Width;

    /// <summary>Heads of keys and values.</summary>
    public long KeyHeads { get; init; } = Heads;

    /// <summary>Width of a head.</summary>
    public long HeadWidth { get; init; } = Width / Heads;

    public bool QkvBias { get; init; } = true;

    public bool OutputBias { get; init; } = true;

    /// <summary>What the root-mean-square norm of each head's queries and keys adds; null has no such norm.</summary>
    public double? HeadNorm { get; init; }
}

/// <summary>
/// The layers of an attention and what stands between them: tokens to heads of queries, keys and values, and the mixed heads back to
/// tokens.
/// Every attention of Cresset consists of these and <see cref="Attention.ScaledDotProduct"/>.
/// </summary>
internal sealed class AttentionLayers
{
    private readonly nn.Module _owner;
    private readonly AttentionSizes _sizes;
    private readonly AttentionKeys _keys;
    private readonly WeightPlace _place;
    private readonly Projection _query;
    private readonly Projection? _key;
    private readonly Projection? _value;
    private readonly RmsNorm? _queryNorm;
    private readonly RmsNorm? _keyNorm;
    private Projection? _output;

    /// <summary>Makes the layers of queries, keys and values and registers them on <paramref name="owner"/>.</summary>
    public AttentionLayers(nn.Module owner, AttentionSizes sizes, AttentionKeys keys, WeightPlace? place = null)
    {
        (_owner, _sizes, _keys, _place) = (owner, sizes, keys, place ?? WeightPlace.Cpu);
        long queries = sizes.Heads * sizes.HeadWidth, shared = sizes.KeyHeads * sizes.HeadWidth;
        _query = LayerKeys.Add(owner, keys.Query,
            new Projection(sizes.Width, keys.Together ? queries + (2 * shared) : queries, sizes.QkvBias, _place));
        if (!keys.Together)
        {
            _key = LayerKeys.Add(owner, keys.Key, new Projection(sizes.Context, shared, sizes.QkvBias, _place));
            _value = LayerKeys.Add(owner, keys.Value, new Projection(sizes.Context, shared, sizes.QkvBias, _place));
        }
        if (sizes.HeadNorm is not { } eps) return;
        _queryNorm = LayerKeys.Add(owner, keys.QueryNorm, new RmsNorm(sizes.HeadWidth, eps, place: _place));
        _keyNorm = LayerKeys.Add(owner, keys.KeyNorm, new RmsNorm(sizes.HeadWidth, eps, place: _place));
    }

    /// <summary>True where the weights stay packed.</summary>
    public bool IsPacked => _query.IsQuantized;

    /// <summary>Makes queries; keys and values too where those have no layers.</summary>
    public Projection Query => _query;

    /// <summary>Makes keys.</summary>
    public Projection? Key => _key;

    /// <summary>Makes values.</summary>
    public Projection? Value => _value;

    /// <summary>Joins the heads.</summary>
    public Projection Joining => _output!;

    /// <summary>Norm of each head's queries.</summary>
    public RmsNorm? QueryNorm => _queryNorm;

    /// <summary>Norm of each head's keys.</summary>
    public RmsNorm? KeyNorm => _keyNorm;

    /// <summary>The linear maps, in the order in which they are drawn.</summary>
    public IEnumerable<Projection> Projections => new[] { _query, _key, _value, _output }.OfType<Projection>();

    /// <summary>Makes the layer that joins the heads.</summary>
    public AttentionLayers WithOutput()
    {
        _output = LayerKeys.Add(_owner, _keys.Output,
            new Projection(_sizes.Heads * _sizes.HeadWidth, _sizes.Width, _sizes.OutputBias, _place));
        return this;
    }

    /// <summary>
    /// Tokens [N, L, width] and what they look at, [N, S, context] (null: themselves), to [N, heads, L, D], [N, key heads, S, D] and [N,
    /// key heads, S, D].
    /// </summary>
    public (Tensor Query, Tensor Key, Tensor Value) Heads(Tensor input, Tensor? context = null)
    {
        Tensor q, k, v;
        if (_keys.Together)
        {
            var all = Attention.SplitHeads(_query.call(input), _sizes.Heads + (2 * _sizes.KeyHeads));
            q = all.narrow(1, 0, _sizes.Heads);
            k = all.narrow(1, _sizes.Heads, _sizes.KeyHeads);
            v = all.narrow(1, _sizes.Heads + _sizes.KeyHeads, _sizes.KeyHeads);
        }
        else
        {
            var seen = context ?? input;
            q = Attention.SplitHeads(_query.call(input), _sizes.Heads);
            k = Attention.SplitHeads(_key!.call(seen), _sizes.KeyHeads);
            v = Attention.SplitHeads(_value!.call(seen), _sizes.KeyHeads);
        }
        return _queryNorm is null ? (q, k, v) : (_queryNorm.call(q), _keyNorm!.call(k), v);
    }

    /// <summary>Mixed heads [N, heads, L, D] to tokens [N, L, width].</summary>
    public Tensor Output(Tensor heads) => Joined(Attention.MergeHeads(heads));

    /// <summary>Heads that stand side by side already, [N, L, heads * D], to tokens [N, L, width].</summary>
    public Tensor Joined(Tensor tokens) => _output!.call(tokens);
}
