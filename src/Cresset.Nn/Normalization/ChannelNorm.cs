using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Layer or RMS normalisation over the channels of [N, C, H, W] at each place. Keys: <c>weight</c>, <c>bias</c>.</summary>
public sealed class ChannelNorm : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "weight")]
    private readonly Parameter _weight;

    [ComponentName(Name = "bias")]
    private readonly Parameter? _bias;

    private readonly long _channels;
    private readonly double _eps;

    /// <summary>Builds the layer; <paramref name="center"/> false gives RMS normalisation without a bias.</summary>
    public ChannelNorm(long channels, bool center = true, double eps = 1e-6)
        : base(nameof(ChannelNorm))
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(channels);
        (_channels, _eps) = (channels, eps);
        _weight = new Parameter(ones(channels).DetachFromDisposeScope());
        if (center) _bias = new Parameter(zeros(channels).DetachFromDisposeScope());
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        Shape.Expect(input, "N C H W", ("C", _channels));
        using var scope = NewDisposeScope();
        var last = input.permute(0, 2, 3, 1);
        var y = _bias is null ? RmsNorm.Apply(last, _weight, _eps) : nn.functional.layer_norm(last, [_channels], _weight, _bias, _eps);
        return y.permute(0, 3, 1, 2).MoveToOuterDisposeScope();
    }
}
