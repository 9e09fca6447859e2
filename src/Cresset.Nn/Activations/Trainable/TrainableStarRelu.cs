using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// scale * max(x, 0)^2 + bias, both trained. Yu et al. 2022 (MetaFormer baselines). [...] to the same shape. Keys: <c>scale</c>,
/// <c>bias</c>.
/// </summary>
public sealed class TrainableStarRelu : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "scale")]
    private readonly Parameter _scale;

    [ComponentName(Name = "bias")]
    private readonly Parameter _bias;

    private readonly long _dim;

    /// <summary>Builds the layer.</summary>
    /// <param name="channels">1 shares the parameters; otherwise the size of <paramref name="dim"/>.</param>
    /// <param name="scale">Initial scale.</param>
    /// <param name="bias">Initial bias.</param>
    /// <param name="dim">The channel dimension.</param>
    public TrainableStarRelu(long channels = 1, double scale = 0.8944, double bias = -0.4472, long dim = 1)
        : base(nameof(TrainableStarRelu))
    {
        _scale = ChannelParameter.Make(channels, scale, nameof(TrainableStarRelu));
        _bias = ChannelParameter.Make(channels, bias, nameof(TrainableStarRelu));
        _dim = dim;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var scale = ChannelParameter.Along(_scale, input, _dim, nameof(TrainableStarRelu));
        var bias = ChannelParameter.Along(_bias, input, _dim, nameof(TrainableStarRelu));
        return ((nn.functional.relu(input).square() * scale) + bias).MoveToOuterDisposeScope();
    }
}
