using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Which normalisation a convolutional block uses.</summary>
public enum NormKind
{
    /// <summary>None.</summary>
    None,

    /// <summary>Batch normalisation (running statistics).</summary>
    Batch,

    /// <summary>Group normalisation; independent of the batch.</summary>
    Group,

    /// <summary>Instance normalisation with weight and bias.</summary>
    Instance,

    /// <summary>Layer normalisation over the channels at each place (ConvNeXt).</summary>
    Layer,

    /// <summary>RMS normalisation over the channels at each place.</summary>
    Rms,
}

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

    /// <summary>Makes the normalisation of a kind for [N, C, H, W]; group normalisation takes the largest divisor of C up to <paramref name="groups"/>.</summary>
    public static nn.Module<Tensor, Tensor> Create(NormKind kind, long channels, long groups = 32)
    {
        switch (kind)
        {
            case NormKind.None: return new Activation("identity");
            case NormKind.Batch: return nn.BatchNorm2d(channels);
            case NormKind.Instance: return nn.InstanceNorm2d(channels, affine: true);
            case NormKind.Layer: return new ChannelNorm(channels);
            case NormKind.Rms: return new ChannelNorm(channels, center: false);
            case NormKind.Group:
                var fitting = Math.Min(groups, channels);
                while (channels % fitting != 0) fitting--;
                return Cresset.Tensors.Norms.GroupNorm(fitting, channels);
            default: throw new ArgumentOutOfRangeException(nameof(kind), kind, "Not a kind of normalisation.");
        }
    }
}
