using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Self-attention between all places of a picture with a residual, [N, C, H, W] to the same shape: norm, attention, add.</summary>
public sealed class SpatialAttention : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "norm")]
    private readonly nn.Module<Tensor, Tensor> _norm;

    [ComponentName(Name = "attention")]
    private readonly MultiHeadAttention _attention;

    private readonly long _channels;

    /// <summary>Builds the block.</summary>
    public SpatialAttention(long channels, long heads = 1, NormOptions? norm = null, AttentionPath path = AttentionPath.Fused)
        : base(nameof(SpatialAttention))
    {
        _channels = channels;
        _norm = (norm ?? new GroupNormOptions()).Build(channels);
        _attention = new MultiHeadAttention(channels, new() { Heads = heads, Path = path });
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        Shape.Expect(input, "N C H W", ("C", _channels));
        using var scope = NewDisposeScope();
        var tokens = _norm.call(input).flatten(2).transpose(1, 2); // [N, HW, C]
        var y = _attention.call(tokens).transpose(1, 2).reshape(input.shape);
        return (input + y).MoveToOuterDisposeScope();
    }
}
