using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Self-attention between all places of a picture with a residual, [N, C, H, W] to the same shape: norm, attention, add.</summary>
public sealed class SpatialAttention : nn.Module<Tensor, Tensor>
{
    private static readonly AttentionKeys Keys = new("attention.to_q", "attention.to_k", "attention.to_v", "attention.to_out");

    // One field of no module's type: its layers are registered under their keys.
    private readonly (nn.Module<Tensor, Tensor> Norm, AttentionLayers Attention) _layers;
    private readonly AttentionPath _path;
    private readonly long _channels;

    /// <summary>Builds the block.</summary>
    public SpatialAttention(long channels, long heads = 1, NormOptions? norm = null, AttentionPath path = AttentionPath.Fused)
        : this(channels, heads, (norm ?? new GroupNormOptions()).Build(channels), "norm", Keys, path, WeightPlace.Cpu)
    {
    }

    /// <summary>The block under another publisher's keys.</summary>
    internal SpatialAttention(long channels, long heads, nn.Module<Tensor, Tensor> norm, string normKey, AttentionKeys keys,
        AttentionPath path, WeightPlace place)
        : base(nameof(SpatialAttention))
    {
        if (channels <= 0 || heads <= 0 || channels % heads != 0)
            throw new ArgumentException(
                $"SpatialAttention: {channels} channels do not split into {heads} heads; take a multiple of the heads.", nameof(channels));
        (_channels, _path) = (channels, path);
        LayerKeys.Add(this, normKey, norm);
        _layers = (norm, new AttentionLayers(this, new(channels, heads), keys, place).WithOutput());
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        Shape.Expect(input, "N C H W", ("C", _channels));
        using var scope = NewDisposeScope();
        var tokens = _layers.Norm.call(input).flatten(2).transpose(1, 2).contiguous(); // [N, HW, C]
        var (q, k, v) = _layers.Attention.Heads(tokens);
        var y = _layers.Attention.Output(Attention.ScaledDotProduct(q, k, v, path: _path));
        return (input + y.transpose(1, 2).reshape(input.shape)).MoveToOuterDisposeScope();
    }
}
