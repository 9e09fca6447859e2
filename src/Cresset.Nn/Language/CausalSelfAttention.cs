using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// Attention of each token to itself and those before it, [N, L, width] to the same shape, with rotary positions, fewer heads of keys and
/// values, and a cache. Keys: <c>q_proj</c>, <c>k_proj</c>, <c>v_proj</c>, <c>o_proj</c>, <c>q_norm</c>, <c>k_norm</c>, as Hugging Face's LLaMA and Qwen3.
/// </summary>
internal sealed class CausalSelfAttention : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "q_proj")]
    private readonly Linear _query;

    [ComponentName(Name = "k_proj")]
    private readonly Linear _key;

    [ComponentName(Name = "v_proj")]
    private readonly Linear _value;

    [ComponentName(Name = "o_proj")]
    private readonly Linear _output;

    [ComponentName(Name = "q_norm")]
    private readonly RmsNorm? _queryNorm;

    [ComponentName(Name = "k_norm")]
    private readonly RmsNorm? _keyNorm;

    private readonly DecoderOptions _options;

    public CausalSelfAttention(DecoderOptions options)
        : base(nameof(CausalSelfAttention))
    {
        _options = options;
        long width = options.Width, queries = (long)options.Heads * options.ActualHeadWidth, shared = (long)options.Groups * options.ActualHeadWidth;
        _query = nn.Linear(width, queries, options.QkvBias);
        _key = nn.Linear(width, shared, options.QkvBias);
        _value = nn.Linear(width, shared, options.QkvBias);
        _output = nn.Linear(queries, width, options.OutputBias);
        if (options.QkNorm) (_queryNorm, _keyNorm) = (new RmsNorm(options.ActualHeadWidth, options.NormEpsilon), new RmsNorm(options.ActualHeadWidth, options.NormEpsilon));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => Forward(input, null, null, 0);

    /// <param name="input">[N, L, width].</param>
    /// <param name="turns">Cosines and sines of the places; null without rotary positions.</param>
    /// <param name="cache">Tokens before these; null for none.</param>
    /// <param name="layer">The block's number in the cache.</param>
    public Tensor Forward(Tensor input, (Tensor Cosine, Tensor Sine)? turns, KeyValueCache? cache, int layer)
    {
        using var scope = NewDisposeScope();
        var q = Attention.SplitHeads(MatrixProduct.Linear(input, _query.weight!, _query.bias), _options.Heads);
        var k = Attention.SplitHeads(MatrixProduct.Linear(input, _key.weight!, _key.bias), _options.Groups);
        var v = Attention.SplitHeads(MatrixProduct.Linear(input, _value.weight!, _value.bias), _options.Groups);
        if (_queryNorm is not null) (q, k) = (_queryNorm.call(q), _keyNorm!.call(k));
        if (turns is { } t) (q, k) = (RotaryPositions.Turn(q, t.Cosine, t.Sine), RotaryPositions.Turn(k, t.Cosine, t.Sine));
        var count = q.size(2);
        Tensor? mask = null;
        if (cache is not null)
        {
            var before = cache.Length;
            (k, v) = cache.Append(layer, k, v);
            // Token i of these sees all that came before them and itself.
            if (before > 0 && count > 1) mask = ones(count, before + count, dtype: ScalarType.Bool, device: input.device).tril(before);
        }
        var y = Attention.ScaledDotProduct(q, k, v, mask, causal: mask is null && count > 1);
        return MatrixProduct.Linear(Attention.MergeHeads(y), _output.weight!, _output.bias).MoveToOuterDisposeScope();
    }
}
