using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Keys of a block's layers, see <see cref="LayerKeys"/>.</summary>
internal sealed record TransformerKeys(string AttentionNorm, AttentionKeys Attention, string FeedForwardNorm, FeedForwardKeys FeedForward);

/// <summary>How a block is built.</summary>
/// <param name="Attention">Sizes of its attention.</param>
/// <param name="FeedForward">Its feed-forward part.</param>
/// <param name="Keys">Under which keys its layers stand.</param>
internal sealed record TransformerBlockOptions(AttentionSizes Attention, FeedForwardOptions FeedForward, TransformerKeys Keys)
{
    /// <summary>Root-mean-square norms in place of layer norms.</summary>
    public bool RootMeanSquare { get; init; }

    public double NormEpsilon { get; init; } = 1e-5;

    /// <summary>Multiplies the scores; null takes 1 / sqrt(head width).</summary>
    public double? Scale { get; init; }

    /// <summary>Dropout of what is added to the stream.</summary>
    public double Dropout { get; init; }
}

/// <summary>
/// x + attention(norm(x)), then x + feed-forward(norm(x)): [N, L, width] to the same shape. The block of the decoder transformer, of CLIP's
/// and
/// T5's text encoders and of the priors over codes.
/// </summary>
internal sealed class TransformerBlock : nn.Module<Tensor, Tensor>
{
    private readonly TransformerBlockOptions _options;
    // No field has a module's type: the layers are registered under their keys.
    private readonly (nn.Module<Tensor, Tensor> Attention, nn.Module<Tensor, Tensor> FeedForward) _norms;
    private readonly AttentionLayers _attention;
    private readonly FeedForwardLayers _feedForward;

    public TransformerBlock(TransformerBlockOptions options, WeightPlace? place = null)
        : base(nameof(TransformerBlock))
    {
        _options = options;
        place ??= WeightPlace.Cpu;
        var width = options.Attention.Width;
        _norms.Attention = LayerKeys.Add(this, options.Keys.AttentionNorm,
            NewNorm(width, options.RootMeanSquare, options.NormEpsilon, place));
        _attention = new AttentionLayers(this, options.Attention, options.Keys.Attention, place).WithOutput();
        _norms.FeedForward = LayerKeys.Add(this, options.Keys.FeedForwardNorm,
            NewNorm(width, options.RootMeanSquare, options.NormEpsilon, place));
        _feedForward = new FeedForwardLayers(this, width, options.FeedForward, options.Keys.FeedForward, place);
    }

    /// <summary>The norms before attention and before the feed-forward part.</summary>
    public (nn.Module<Tensor, Tensor> Attention, nn.Module<Tensor, Tensor> FeedForward) Norms => _norms;

    /// <summary>The layers of both parts.</summary>
    public (AttentionLayers Attention, FeedForwardLayers FeedForward) Parts => (_attention, _feedForward);

    /// <summary>True where the weights stay packed.</summary>
    public bool IsPacked => _attention.IsPacked;

    /// <summary>The linear maps, in the order in which they are drawn.</summary>
    public IEnumerable<Projection> Projections =>
        _attention.Projections.Concat(new[] { _feedForward.Gate, _feedForward.Up, _feedForward.Down }.OfType<Projection>());

    /// <summary>The norm over the last dimension.</summary>
    public static nn.Module<Tensor, Tensor> NewNorm(long width, bool isRootMeanSquare, double eps, WeightPlace? place = null)
        => isRootMeanSquare ? new RmsNorm(width, eps, place: place) : new LayerNormalization(width, eps, place ?? WeightPlace.Cpu);

    public override Tensor forward(Tensor input) => Forward(input, causal: true);

    /// <summary>[N, L, width] to the same shape.</summary>
    /// <param name="input">The tokens.</param>
    /// <param name="mask">What may be looked at, what the cache holds included, see <see cref="Attention.ScaledDotProduct"/>.</param>
    /// <param name="causal">Each token sees itself and those before it.</param>
    /// <param name="turns">Cosines and sines of the places; null without rotary positions.</param>
    /// <param name="cache">Tokens before these, which takes these up; null for none.</param>
    /// <param name="layer">The block's number in the cache.</param>
    public Tensor Forward(Tensor input, Tensor? mask = null, bool causal = false, (Tensor Cosine, Tensor Sine)? turns = null,
        KeyValueCache? cache = null, int layer = 0)
    {
        using var scope = NewDisposeScope();
        var x = input + Dropped(Mixed(_norms.Attention.call(input), mask, causal, turns, cache, layer));
        return (x + Dropped(_feedForward.Apply(_norms.FeedForward.call(x)))).MoveToOuterDisposeScope();
    }

    private Tensor Mixed(Tensor tokens, Tensor? mask, bool causal, (Tensor Cosine, Tensor Sine)? turns, KeyValueCache? cache, int layer)
    {
        var (q, k, v) = _attention.Heads(tokens);
        if (turns is { } t) (q, k) = (RotaryPositions.Turn(q, t.Cosine, t.Sine), RotaryPositions.Turn(k, t.Cosine, t.Sine));
        var count = q.size(2);
        if (cache is not null)
        {
            var before = cache.Length;
            (k, v) = cache.Append(layer, k, v);
            // Token i of these sees all that came before them and itself, unless a mask says otherwise.
            if (before > 0 && count > 1) mask ??= ones(count, before + count, dtype: ScalarType.Bool, device: tokens.device).tril(before);
            causal = causal && before == 0;
            mask = cache.Seen ?? mask;
        }
        return _attention.Output(Attention.ScaledDotProduct(q, k, v, mask, causal && count > 1, _options.Scale));
    }

    private Tensor Dropped(Tensor x) => _options.Dropout > 0 ? nn.functional.dropout(x, _options.Dropout, training) : x;
}
