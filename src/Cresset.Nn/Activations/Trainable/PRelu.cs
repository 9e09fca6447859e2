using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// x for x > 0, else weight * x, any shape with the channels in one dimension. He et al. 2015. [...] to the same shape. Keys:
/// <c>weight</c>.
/// </summary>
public sealed class PRelu : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "weight")]
    private readonly Parameter _weight;

    private readonly long _dim;

    /// <summary>Builds the layer.</summary>
    /// <param name="channels">1 shares the parameters; otherwise the size of <paramref name="dim"/>.</param>
    /// <param name="weight">Initial slope.</param>
    /// <param name="dim">The channel dimension.</param>
    public PRelu(long channels = 1, double weight = 0.25, long dim = 1)
        : base(nameof(PRelu))
    {
        _weight = ChannelParameter.Make(channels, weight, nameof(PRelu));
        _dim = dim;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var weight = ChannelParameter.Along(_weight, input, _dim, nameof(PRelu));
        return where(input.gt(0), input, weight * input.clamp_max(0)).MoveToOuterDisposeScope();
    }
}
