using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>Pre-norm attention and feed-forward with GELU; [N, L, D] to the same shape.</summary>
internal sealed class TransformerBlock : nn.Module<Tensor, bool, Tensor>
{
    [ComponentName(Name = "ln_1")]
    private readonly LayerNorm _norm1;
    [ComponentName(Name = "qkv")]
    private readonly Linear _projection;
    [ComponentName(Name = "proj")]
    private readonly Linear _merge;
    [ComponentName(Name = "ln_2")]
    private readonly LayerNorm _norm2;
    [ComponentName(Name = "fc")]
    private readonly Linear _expand;
    [ComponentName(Name = "out")]
    private readonly Linear _contract;
    private readonly int _heads;
    private readonly double _dropout;

    public TransformerBlock(CodeTransformerOptions options, Generator generator)
        : base(nameof(TransformerBlock))
    {
        (_heads, _dropout) = (options.Heads, options.Dropout);
        long width = options.Width;
        _norm1 = nn.LayerNorm(width);
        _projection = nn.Linear(width, 3 * width);
        _merge = nn.Linear(width, width);
        _norm2 = nn.LayerNorm(width);
        _expand = nn.Linear(width, 4 * width);
        _contract = nn.Linear(4 * width, width);
        foreach (var layer in new[] { _projection, _merge, _expand, _contract })
        {
            Initialize.Normal(layer.weight!, 0, 0.02, generator);
            using var noGrad = no_grad();
            layer.bias!.zero_();
        }
        RegisterComponents();
    }

    public override Tensor forward(Tensor input, bool causal)
    {
        using var scope = NewDisposeScope();
        long batch = input.size(0), length = input.size(1), width = input.size(2);
        var qkv = _projection.call(_norm1.call(input)).reshape(batch, length, 3, _heads, width / _heads).permute(2, 0, 3, 1, 4);
        var attended = nn.functional.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], is_casual: causal);
        var x = input + Drop(_merge.call(attended.transpose(1, 2).reshape(batch, length, width)));
        return (x + Drop(Feed(x))).MoveToOuterDisposeScope();
    }

    /// <summary>One position [N, D], attending to the keys and values [N, heads, L, D/heads] cached so far and its own, which it adds at <paramref name="position"/>.</summary>
    public Tensor Step(Tensor input, Tensor keys, Tensor values, long position)
    {
        long batch = input.size(0), width = input.size(1);
        var qkv = _projection.call(_norm1.call(input)).reshape(batch, 3, _heads, width / _heads);
        keys.select(2, position).copy_(qkv.select(1, 1));
        values.select(2, position).copy_(qkv.select(1, 2));
        var attended = nn.functional.scaled_dot_product_attention(qkv.select(1, 0).unsqueeze(2), keys.narrow(2, 0, position + 1), values.narrow(2, 0, position + 1));
        var x = input + _merge.call(attended.reshape(batch, width));
        return x + Feed(x);
    }

    private Tensor Feed(Tensor x) => _contract.call(nn.functional.gelu(_expand.call(_norm2.call(x))));

    private Tensor Drop(Tensor x) => _dropout > 0 && training ? nn.functional.dropout(x, _dropout, true) : x;
}
