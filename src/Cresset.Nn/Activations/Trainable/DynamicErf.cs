using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// erf(alpha x + shift) * weight + bias in place of layer normalisation, [..., dim] to the same shape. Chen et al. 2025 (Derf). Keys:
/// <c>alpha</c>, <c>shift</c>, <c>weight</c>, <c>bias</c>.
/// </summary>
public sealed class DynamicErf : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "alpha")]
    private readonly Parameter _alpha;

    [ComponentName(Name = "shift")]
    private readonly Parameter _shift;

    [ComponentName(Name = "weight")]
    private readonly Parameter _weight;

    [ComponentName(Name = "bias")]
    private readonly Parameter _bias;

    private readonly long _dim;

    /// <summary>Builds the layer.</summary>
    /// <param name="features">Size of <paramref name="dim"/>, or 1 for one shared weight and bias.</param>
    /// <param name="alpha">Initial sharpness: 0.5 for vision; for language models 0.8 before attention falling to 0.2 with width, and 0.2
    /// falling to 0.05 elsewhere.</param>
    /// <param name="dim">The feature dimension: -1, or 1 for [N, C, H, W].</param>
    public DynamicErf(long features, double alpha = 0.5, long dim = -1)
        : base(nameof(DynamicErf))
    {
        _alpha = ChannelParameter.Make(1, alpha, nameof(DynamicErf));
        _shift = ChannelParameter.Make(1, 0, nameof(DynamicErf));
        _weight = ChannelParameter.Make(features, 1, nameof(DynamicErf));
        _bias = ChannelParameter.Make(features, 0, nameof(DynamicErf));
        _dim = dim;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var weight = ChannelParameter.Along(_weight, input, _dim, nameof(DynamicErf));
        var bias = ChannelParameter.Along(_bias, input, _dim, nameof(DynamicErf));
        var alpha = ChannelParameter.Along(_alpha, input, _dim, nameof(DynamicErf));
        var shift = ChannelParameter.Along(_shift, input, _dim, nameof(DynamicErf));
        return (((input * alpha) + shift).erf() * weight + bias).MoveToOuterDisposeScope();
    }
}
