using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// (p1 - p2) x sigmoid(beta (p1 - p2) x) + p2 x: learns whether to activate. Ma et al. 2021. [...] to the same shape. Keys: <c>p1</c>,
/// <c>p2</c>, <c>beta</c>.
/// </summary>
public sealed class AconC : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "p1")]
    private readonly Parameter _p1;

    [ComponentName(Name = "p2")]
    private readonly Parameter _p2;

    [ComponentName(Name = "beta")]
    private readonly Parameter _beta;

    private readonly long _dim;

    /// <summary>Builds the layer.</summary>
    /// <param name="channels">1 shares the parameters; otherwise the size of <paramref name="dim"/>.</param>
    /// <param name="p1">Initial upper slope.</param>
    /// <param name="p2">Initial lower slope.</param>
    /// <param name="beta">Initial sharpness.</param>
    /// <param name="dim">The channel dimension.</param>
    public AconC(long channels = 1, double p1 = 1, double p2 = 0, double beta = 1, long dim = 1)
        : base(nameof(AconC))
    {
        _p1 = ChannelParameter.Make(channels, p1, nameof(AconC));
        _p2 = ChannelParameter.Make(channels, p2, nameof(AconC));
        _beta = ChannelParameter.Make(channels, beta, nameof(AconC));
        _dim = dim;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var p1 = ChannelParameter.Along(_p1, input, _dim, nameof(AconC));
        var p2 = ChannelParameter.Along(_p2, input, _dim, nameof(AconC));
        var beta = ChannelParameter.Along(_beta, input, _dim, nameof(AconC));
        var difference = (p1 - p2) * input;
        return ((difference * (difference * beta).sigmoid()) + (p2 * input)).MoveToOuterDisposeScope();
    }
}
