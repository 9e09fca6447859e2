using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// x + attention(norm(x)), then x + feed-forward(norm(x)): [N, L, width] to the same shape. Keys: <c>input_layernorm</c>, <c>self_attn</c>,
/// <c>post_attention_layernorm</c>, <c>mlp</c>.
/// </summary>
internal sealed class DecoderBlock : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "input_layernorm")]
    private readonly nn.Module<Tensor, Tensor> _attentionNorm;

    [ComponentName(Name = "self_attn")]
    private readonly CausalSelfAttention _attention;

    [ComponentName(Name = "post_attention_layernorm")]
    private readonly nn.Module<Tensor, Tensor> _feedForwardNorm;

    [ComponentName(Name = "mlp")]
    private readonly FeedForward _feedForward;

    private readonly double _dropout;

    public DecoderBlock(DecoderOptions options)
        : base(nameof(DecoderBlock))
    {
        _dropout = options.Dropout;
        _attentionNorm = NormOf(options);
        _attention = new CausalSelfAttention(options);
        _feedForwardNorm = NormOf(options);
        _feedForward = new FeedForward(options.Width, options.FeedForward);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => Forward(input, null, null, 0);

    public Tensor Forward(Tensor input, (Tensor Cosine, Tensor Sine)? turns, KeyValueCache? cache, int layer)
    {
        using var scope = NewDisposeScope();
        var x = input + Dropped(_attention.Forward(_attentionNorm.call(input), turns, cache, layer));
        return (x + Dropped(_feedForward.call(_feedForwardNorm.call(x)))).MoveToOuterDisposeScope();
    }

    /// <summary>The norm over the last dimension.</summary>
    public static nn.Module<Tensor, Tensor> NormOf(DecoderOptions options)
        => options.Norm is RmsNormOptions ? new RmsNorm(options.Width, options.NormEpsilon) : nn.LayerNorm(options.Width, options.NormEpsilon);

    private Tensor Dropped(Tensor x) => _dropout > 0 ? nn.functional.dropout(x, _dropout, training) : x;
}
