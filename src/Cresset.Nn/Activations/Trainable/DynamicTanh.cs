using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// tanh(alpha x) * weight + bias in place of layer normalisation, [..., dim] to the same shape. Zhu et al. 2025 (DyT). Keys: <c>alpha</c>,
/// <c>weight</c>, <c>bias</c>.
/// </summary>
public sealed class DynamicTanh : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "alpha")]
    private readonly Parameter _alpha;

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
    public DynamicTanh(long features, double alpha = 0.5, long dim = -1)
        : base(nameof(DynamicTanh))
    {
        _alpha = ChannelParameter.Make(1, alpha, nameof(DynamicTanh));
        _weight = ChannelParameter.Make(features, 1, nameof(DynamicTanh));
        _bias = ChannelParameter.Make(features, 0, nameof(DynamicTanh));
        _dim = dim;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var weight = ChannelParameter.Along(_weight, input, _dim, nameof(DynamicTanh));
        var bias = ChannelParameter.Along(_bias, input, _dim, nameof(DynamicTanh));
        return ((input * ChannelParameter.Along(_alpha, input, _dim, nameof(DynamicTanh))).tanh() * weight
            + bias).MoveToOuterDisposeScope();
    }
}
